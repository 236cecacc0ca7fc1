import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AEADS,
  algorithmByName,
  ALGORITHMS,
  allowsLength,
  CIPHERS,
  HASHES,
  MACS,
  qualifiedName,
} from "./catalogue.ts";
import { dataFits, dataLimit, findIllegal, type Illegal } from "./legality.ts";
import type { SessionDescription } from "./session_description.ts";

const pattern = (lengthBytes: number): Uint8Array =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => i);

const cipher = (
  algorithm: string,
  key: Uint8Array,
): SessionDescription & { service: "cipher" } => ({
  service: "cipher",
  algorithm,
  direction: "encrypt",
  key,
});
const mac = (
  algorithm: string,
  key: Uint8Array,
  resultBytes = 4,
): SessionDescription => ({ service: "mac", algorithm, key, resultBytes });
const hash = (algorithm: string, resultBytes: number): SessionDescription => ({
  service: "hash",
  algorithm,
  resultBytes,
});
const aead = (
  algorithm: string,
  key: Uint8Array,
  tagBytes = 16,
): SessionDescription => ({
  service: "aead",
  algorithm,
  direction: "decrypt",
  key,
  tagBytes,
});
const chain = (
  cipherPart: { algorithm: string; key: Uint8Array },
  hashMode: "plain" | "auth",
  hashAlgorithm: string,
  authKey: Uint8Array,
  resultBytes = 4,
): SessionDescription => ({
  service: "chain",
  order: "cipher-then-hash",
  cipher: { ...cipherPart, direction: "encrypt" },
  hashMode,
  hashAlgorithm,
  authKey,
  resultBytes,
});

/** `undefined` for a session that is legal. */
const kindOf = (session: SessionDescription): Illegal["kind"] | undefined =>
  findIllegal(session)?.kind;

const keyed = [...CIPHERS, ...MACS, ...AEADS];

function withKey(
  algorithm: (typeof keyed)[number],
  lengthBytes: number,
): SessionDescription {
  const key = pattern(lengthBytes);
  switch (algorithm.service) {
    case "cipher":
      return cipher(algorithm.name, key);
    case "mac":
      return mac(algorithm.name, key);
    case "aead":
      return aead(algorithm.name, key);
  }
}

Deno.test("keys have the lengths of the catalogue and no other", () => {
  for (const algorithm of keyed) {
    for (let n = 0; n <= algorithm.keyBytes.maximum + 1; n++) {
      const name = `${qualifiedName(algorithm)} with a key of ${n}`;
      const kind = kindOf(withKey(algorithm, n));
      if (allowsLength(algorithm.keyBytes, n)) {
        strictEqual(kind, undefined, name);
      } else if (algorithm.name === "aes-xts" && n === 48) {
        strictEqual(kind, "unsupported", name);
      } else strictEqual(kind, "error", name);
    }
  }
});

Deno.test("an HMAC key may be empty (RFC 2104), no other key may", () => {
  for (const algorithm of keyed) {
    const isHmac = algorithm.service === "mac" && algorithm.hash !== undefined;
    strictEqual(
      kindOf(withKey(algorithm, 0)),
      isHmac ? undefined : "error",
      qualifiedName(algorithm),
    );
  }
  const part = { algorithm: "aes-cbc", key: pattern(16) };
  strictEqual(kindOf(chain(part, "auth", "hmac-sha1", pattern(0))), undefined);
  strictEqual(kindOf(chain(part, "auth", "cmac-aes", pattern(0))), "error");
});

Deno.test("XTS with two 192-bit keys is unsupported, in a chain too", () => {
  const part = { algorithm: "aes-xts", key: pattern(48) };
  strictEqual(kindOf(cipher("aes-xts", part.key)), "unsupported");
  strictEqual(kindOf(chain(part, "plain", "sha1", pattern(0))), "unsupported");
  // No other cipher has such a length to lack.
  strictEqual(kindOf(cipher("aes-cbc", part.key)), "error");
});

Deno.test("the halves of an XTS key differ, in whichever byte", () => {
  for (const keyBytes of [32, 64]) {
    const half = pattern(keyBytes / 2);
    const key = new Uint8Array([...half, ...half]);
    strictEqual(kindOf(cipher("aes-xts", key)), "error");
    const part = { algorithm: "aes-xts", key };
    strictEqual(kindOf(chain(part, "plain", "sha1", pattern(0))), "error");
    for (let at = 0; at < keyBytes; at++) {
      for (const bit of [0x01, 0x80]) {
        const other = key.slice();
        other[at]! ^= bit;
        strictEqual(kindOf(cipher("aes-xts", other)), undefined, `byte ${at}`);
      }
    }
    // Two differences do not make up for each other.
    const twice = key.slice();
    twice[0]! ^= 1;
    twice[1]! ^= 1;
    strictEqual(kindOf(cipher("aes-xts", twice)), undefined);
  }
});

Deno.test("equal halves are no fault of keys that have no halves", () => {
  const equal = new Uint8Array(32).fill(7);
  strictEqual(kindOf(cipher("aes-cbc", equal)), undefined);
  strictEqual(kindOf(cipher("aes-f8", equal)), undefined);
  strictEqual(kindOf(aead("gcm", equal)), undefined);
});

Deno.test("a result is a byte at least and no longer than its algorithm makes it", () => {
  const part = { algorithm: "aes-cbc", key: pattern(16) };
  for (const { name, maximumResultBytes } of HASHES) {
    for (const n of [0, maximumResultBytes + 1]) {
      strictEqual(kindOf(hash(name, n)), "error", `${name} of ${n}`);
      const chained = chain(part, "plain", name, pattern(0), n);
      strictEqual(kindOf(chained), "error", `${name} of ${n} in a chain`);
    }
    for (const n of [1, maximumResultBytes]) {
      strictEqual(kindOf(hash(name, n)), undefined, `${name} of ${n}`);
      const chained = chain(part, "plain", name, pattern(0), n);
      strictEqual(kindOf(chained), undefined, `${name} of ${n} in a chain`);
    }
  }
  for (const { name, digestBytes, keyBytes, ivBytes } of MACS) {
    const key = pattern(keyBytes.minimum);
    for (const n of [0, digestBytes + 1]) {
      strictEqual(kindOf(mac(name, key, n)), "error", `${name} of ${n}`);
    }
    for (const n of [1, digestBytes]) {
      strictEqual(kindOf(mac(name, key, n)), undefined, `${name} of ${n}`);
      // A chain has one IV, the cipher's.
      strictEqual(
        kindOf(chain(part, "auth", name, key, n)),
        ivBytes === 0 ? undefined : "unsupported",
        `${name} of ${n} in a chain`,
      );
    }
  }
});

Deno.test("tags have the lengths of the catalogue and no other", () => {
  for (const { name, keyBytes, tagBytes } of AEADS) {
    const key = pattern(keyBytes.maximum);
    for (let n = 0; n <= 17; n++) {
      strictEqual(
        kindOf(aead(name, key, n)),
        tagBytes.includes(n) ? undefined : "error",
        `${name} with a tag of ${n}`,
      );
    }
  }
});

Deno.test("what the catalogue does not have is unsupported", () => {
  const key = pattern(16);
  const part = { algorithm: "aes-cbc", key };
  for (
    const session of [
      cipher("rot13", key),
      hash("sha0", 20),
      mac("hmac-sha0", key),
      aead("ocb", key),
      chain({ algorithm: "rot13", key }, "plain", "sha1", pattern(0)),
      chain(part, "plain", "hmac-sha1", pattern(0)),
      chain(part, "auth", "sha1", key),
    ]
  ) strictEqual(kindOf(session), "unsupported", JSON.stringify(session));
  const publicKey = {
    service: "akcipher",
    keyType: "public",
    key: pattern(3),
  } as const;
  const rsa = (padding: "raw" | "pkcs1", hash: string) =>
    kindOf({ ...publicKey, algorithm: "rsa", padding, hash });
  strictEqual(rsa("pkcs1", "sha256"), undefined);
  strictEqual(rsa("pkcs1", "sha0"), "unsupported");
  // With RAW padding the hash is ignored.
  strictEqual(rsa("raw", "sha0"), undefined);
  const ecdsa = { ...publicKey, algorithm: "ecdsa" } as const;
  strictEqual(kindOf({ ...ecdsa, curve: "p256" }), undefined);
  strictEqual(kindOf({ ...ecdsa, curve: "p257" as "p256" }), "unsupported");
});

/** The longest data that fits under an IV, found by halving. */
function longest(
  service: "cipher" | "hash" | "mac" | "aead",
  name: string,
  ivBytes: number,
): number {
  const limit = dataLimit(algorithmByName(service, name)!);
  ok(dataFits(limit, ivBytes, 0));
  let fits = 0;
  let beyond = Number.MAX_SAFE_INTEGER;
  if (dataFits(limit, ivBytes, beyond)) return Infinity;
  while (beyond - fits > 1) {
    const middle = fits + Math.floor((beyond - fits) / 2);
    if (dataFits(limit, ivBytes, middle)) fits = middle;
    else beyond = middle;
  }
  return fits;
}

Deno.test("data is as long as the algorithm's own standard has it", () => {
  strictEqual(longest("cipher", "aes-xts", 16), 16 * 1024 * 1024);
  strictEqual(longest("cipher", "kasumi-f8", 8), 2500);
  strictEqual(longest("cipher", "snow3g-uea2", 16), 512 * 1024 * 1024);
  strictEqual(longest("cipher", "zuc-eea3", 16), 8188);
  strictEqual(longest("mac", "zuc-eia3", 16), 8188);
  for (const ivBytes of [12, 16]) {
    strictEqual(longest("aead", "gcm", ivBytes), 2 ** 36 - 32);
  }
  strictEqual(longest("aead", "chacha20-poly1305", 12), 2 ** 38 - 64);
});

Deno.test("CCM's data is as long as its nonce leaves room to say", () => {
  const expected = new Map([
    [13, 2 ** 16 - 1],
    [12, 2 ** 24 - 1],
    [11, 2 ** 32 - 1],
    [10, 2 ** 40 - 1],
    [9, 2 ** 48 - 1],
    // More than there are numbers for.
    [8, Infinity],
    [7, Infinity],
  ]);
  for (const [ivBytes, bytes] of expected) {
    strictEqual(longest("aead", "ccm", ivBytes), bytes, `nonce of ${ivBytes}`);
  }
});

Deno.test("no other algorithm has a limit, whose counter wraps or not", () => {
  const limited = ALGORITHMS.filter((algorithm) =>
    algorithm.service !== "akcipher" &&
    longest(algorithm.service, algorithm.name, 12) !== Infinity
  ).map(qualifiedName);
  deepStrictEqual(limited, [
    "cipher.kasumi-f8",
    "cipher.snow3g-uea2",
    "cipher.aes-xts",
    "cipher.zuc-eea3",
    "mac.zuc-eia3",
    "aead.gcm",
    "aead.ccm",
    "aead.chacha20-poly1305",
  ]);
});
