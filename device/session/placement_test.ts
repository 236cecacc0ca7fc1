import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { type BackendOffers, type Fallback, Placement } from "./placement.ts";
import type { Offer } from "../../backends/backend.ts";
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

/** A backend that has all of `FULL`, for some sizes. */
const sized = (name: string, sizes: Partial<Offer>) => ({
  name,
  offers: FULL.offers.map((offer) => ({ ...offer, ...sizes })),
});

/** `backend from..below` for each choice. */
function sizesOf(
  backends: readonly BackendOffers[],
  session: SessionDescription,
  fallback: Fallback = "unsupported",
  rules: readonly string[] = [],
): string[] {
  const of = new Placement({
    backends,
    rules: rules.map((text) => parsePlacementRule(text)!),
    fallback,
    allowWeak: false,
  });
  return of.place(session)!.choices.map((one) =>
    `${one.backend} ${one.fromBytes}..${one.belowBytes}`
  );
}

const CARD = sized("card", { fromBytes: 2048 });
const LANES = sized("lanes", { belowBytes: 65536 });

Deno.test("place() gives a backend the sizes that it is good at, the next the others", () => {
  deepStrictEqual(sizesOf([CARD, FULL], cbc(16)), [
    "card 2048..Infinity",
    "full 0..Infinity",
  ]);
  deepStrictEqual(sizesOf([LANES, FULL, CARD], hash), [
    "lanes 0..65536",
    "full 0..Infinity",
  ]);
  deepStrictEqual(sizesOf([CARD, LANES, FULL], hash), [
    "card 2048..Infinity",
    "lanes 0..65536",
    "full 0..Infinity",
  ]);
  const both = new Placement({
    backends: [sized("some", { fromBytes: 8, belowBytes: 99 }), CARD, FULL],
    rules: [],
    fallback: "failure",
    allowWeak: false,
  });
  deepStrictEqual(both.place(hash)!.choices.map(({ reason }) => reason), [
    "order",
    "some is for requests of 8 bytes and more, and of fewer than 99 bytes",
    "card is for requests of 2048 bytes and more",
  ]);
});

Deno.test("place() gives a backend all sizes where no other may have them", () => {
  deepStrictEqual(sizesOf([CARD], cbc(16)), ["card 0..Infinity"]);
  deepStrictEqual(sizesOf([CARD, FAST], hash), ["card 0..Infinity"]);
  deepStrictEqual(sizesOf([CARD, FULL], hash, "never"), ["card 0..Infinity"]);
  deepStrictEqual(sizesOf([FULL, CARD], hash), ["full 0..Infinity"]);
  deepStrictEqual(sizesOf([CARD, FULL], hash, "failure", ["hash=card"]), [
    "card 0..Infinity",
  ]);
});

Deno.test("place() gives a chain's sizes to a backend that is good at both parts", () => {
  const mixed = {
    name: "mixed",
    offers: FULL.offers.map((offer, i) =>
      i === 0 ? { ...offer, fromBytes: 512 } : { ...offer, belowBytes: 4096 }
    ),
  };
  deepStrictEqual(sizesOf([mixed, FULL], chain), [
    "mixed 512..4096",
    "full 0..Infinity",
  ]);
  const never = {
    name: "never",
    offers: FULL.offers.map((offer, i) =>
      i === 0 ? { ...offer, fromBytes: 512 } : { ...offer, belowBytes: 512 }
    ),
  };
  deepStrictEqual(sizesOf([never, FULL], chain), ["full 0..Infinity"]);
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
