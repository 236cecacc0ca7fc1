import { deepStrictEqual } from "node:assert/strict";
import type { Offer } from "../../backends/backend.ts";
import { deadRules } from "./dead_rules.ts";
import type { Fallback } from "./placement.ts";
import { parsePlacementRule } from "./placement_rule.ts";

const FAST: readonly Offer[] = [
  { algorithm: "cipher.aes-cbc", keyBytes: [16] },
  { algorithm: "mac.hmac-sha1" },
  { algorithm: "cipher.arc4" },
];
const FULL: readonly Offer[] = [
  { algorithm: "cipher.aes-cbc" },
  { algorithm: "cipher.aes-ctr" },
  { algorithm: "hash.sha256" },
  { algorithm: "mac.hmac-sha1" },
  { algorithm: "akcipher.rsa" },
];

/** Why each dead one of `rules` is. */
function whyDead(
  rules: readonly string[],
  fallback: Fallback = "unsupported",
  allowWeak = false,
): Record<string, string> {
  const settings = {
    backends: [
      { name: "fast", offers: FAST },
      { name: "full", offers: FULL },
      { name: "absent", offers: [] },
    ],
    rules: rules.map((text) => parsePlacementRule(text)!),
    fallback,
    allowWeak,
  };
  return Object.fromEntries(
    deadRules(settings, 4096).map(({ rule, why }) => [rule.text, why]),
  );
}

Deno.test("rules that some session is placed by are alive", () => {
  for (
    const rules of [
      ["cipher.aes-cbc=fast", "cipher.aes-cbc=full"],
      ["cipher=fast", "cipher.aes-ctr=full"],
      ["*<2048=full", "*=fast"],
      ["*<2048=full", "*<4096=fast", "*=full"],
      ["cipher.aes-cbc/128=full", "cipher.aes-cbc/256=full"],
      ["*>=4096=full"],
      // A chain of both meets the second by its MAC.
      ["cipher=full", "mac=fast"],
      ["hash=absent", "*=absent"],
      ["mac.hmac-sha1/1000=full"],
    ]
  ) deepStrictEqual(whyDead(rules), {}, rules.join(" "));
});

Deno.test("a rule whose backend has nothing of it is dead", () => {
  const notThere = "fast does not offer that here";
  deepStrictEqual(whyDead(["hash=fast"]), { "hash=fast": notThere });
  deepStrictEqual(whyDead(["cipher.aes-cbc/256=fast"]), {
    "cipher.aes-cbc/256=fast": notThere,
  });
  deepStrictEqual(whyDead(["cipher.arc4=fast"]), {
    "cipher.arc4=fast": notThere,
  });
  deepStrictEqual(whyDead(["cipher.arc4=fast"], "never", true), {});
});

Deno.test("a rule for requests or keys that there are not is dead", () => {
  deepStrictEqual(
    whyDead(["*<0=full", "*>=4097=full", "cipher/100=full", "hash/8=full"]),
    {
      "*<0=full": "no request has fewer than 0 bytes",
      "*>=4097=full": "no request may have more than 4096 bytes",
      "cipher/100=full": "no algorithm has keys of that length",
      "hash/8=full": "keys of hash are not told by their length",
    },
  );
});

Deno.test("a rule that others leave nothing for is dead", () => {
  const nothing = "the rules before it leave nothing for it";
  deepStrictEqual(whyDead(["*=full", "hash=full"]), { "hash=full": nothing });
  deepStrictEqual(
    whyDead(["hash<100=full", "hash>=100=full", "hash.sha256<10=full"]),
    { "hash.sha256<10=full": nothing },
  );
  deepStrictEqual(whyDead(["hash=full", "hash=full"]), {
    "hash=full": "it is there twice",
  });
});
