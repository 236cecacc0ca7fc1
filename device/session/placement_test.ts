import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { type Fallback, Placement } from "./placement.ts";
import { parsePlacementRule } from "./placement_rule.ts";
import { aesCbc, authenticatedChain } from "../../testing/sessions.ts";

const FAST = {
  name: "fast",
  offers: [{ algorithm: "cipher.aes-cbc", keyBytes: [16, 32] }],
};
const FULL = {
  name: "full",
  offers: [
    { algorithm: "cipher.aes-cbc" },
    { algorithm: "cipher.arc4" },
    { algorithm: "hash.sha256" },
    { algorithm: "mac.hmac-sha1" },
  ],
};

const cbc = (keyBytes: number) => aesCbc(new Uint8Array(keyBytes));
const hash: SessionDescription = {
  service: "hash",
  algorithm: "sha256",
  resultBytes: 32,
};
const chain = authenticatedChain();

function placement(
  fallback: Fallback = "unsupported",
  rules: readonly string[] = [],
): Placement {
  return new Placement({
    backends: [FAST, FULL],
    rules: rules.map((text) => parsePlacementRule(text)!),
    fallback,
    allowWeak: false,
  });
}

const backends = (of: Placement, session: SessionDescription) =>
  of.place(session)?.choices.map(({ backend }) => backend);

Deno.test("place() takes the first backend in the order that offers all of a session", () => {
  const order = placement();
  deepStrictEqual(backends(order, cbc(16)), ["fast"]);
  deepStrictEqual(backends(order, cbc(24)), ["full"]);
  deepStrictEqual(backends(order, hash), ["full"]);
  deepStrictEqual(backends(order, chain), ["full"]);
  strictEqual(order.place(hash)!.choices[0]!.reason, "fast does not offer it");
});

Deno.test("place() moves nothing on when fallback is never", () => {
  const strict = placement("never");
  deepStrictEqual(backends(strict, cbc(16)), ["fast"]);
  strictEqual(strict.place(hash), undefined);
  deepStrictEqual(
    strict.offered().map(({ name }) => name),
    ["aes-cbc"],
  );
});

Deno.test("place() names the others for the case of failure only when asked to", () => {
  deepStrictEqual(placement("unsupported").place(cbc(16))!.onFailure, []);
  deepStrictEqual(placement("failure").place(cbc(16))!.onFailure, [
    "fast",
    "full",
  ]);
});

Deno.test("place() follows rules by service, algorithm, key length and size", () => {
  const ruled = placement("unsupported", [
    "cipher.aes-cbc/256=full",
    "cipher<2048=full",
    "hash=fast",
  ]);
  deepStrictEqual(backends(ruled, cbc(32)), ["full"]);
  deepStrictEqual(backends(ruled, cbc(16)), ["full", "fast"]);
  strictEqual(ruled.place(cbc(16))!.choices[0]!.belowBytes, 2048);
  deepStrictEqual(backends(ruled, hash), ["full"]);
});

Deno.test("place() gives a rule's session to nobody when its backend lacks it and fallback is never", () => {
  const rules = ["hash=fast"];
  const alone = new Placement({
    backends: [FULL, FAST],
    rules: rules.map((text) => parsePlacementRule(text)!),
    fallback: "never",
    allowWeak: false,
  });
  strictEqual(alone.place(hash), undefined);
  deepStrictEqual(backends(alone, cbc(16)), ["full"]);
  deepStrictEqual(backends(placement("unsupported", rules), hash), ["full"]);
});

Deno.test("a policy of the user's own goes first", () => {
  const own = new Placement(
    { backends: [FAST, FULL], rules: [], fallback: "never", allowWeak: false },
    (_session, candidates) => candidates.at(-1),
  );
  deepStrictEqual(backends(own, cbc(16)), ["full"]);
});

Deno.test("weak algorithms are placed only when they are allowed", () => {
  const rc4: SessionDescription = {
    service: "cipher",
    algorithm: "arc4",
    direction: "encrypt",
    key: new Uint8Array(16),
  };
  strictEqual(placement().place(rc4), undefined);
  const weak = new Placement({
    backends: [FULL],
    rules: [],
    fallback: "never",
    allowWeak: true,
  });
  deepStrictEqual(backends(weak, rc4), ["full"]);
});

Deno.test("parsePlacementRule() refuses what names nothing", () => {
  for (
    const text of [
      "",
      "cipher.aes-cbc",
      "ciphers=x",
      "cipher.nope=x",
      "cipher<=5=x",
      "cipher<=x",
      "=x",
      "cipher.aes-cbc<2048=",
    ]
  ) strictEqual(parsePlacementRule(text), undefined, text);
});
