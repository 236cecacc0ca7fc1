import { strictEqual, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  bytesToNumber,
  DerError,
  encodeSequence,
  encodeUnsigned,
} from "./der.ts";
import {
  parseRsaPrivateKey,
  parseRsaPublicKey,
  type RsaPrivateKey,
} from "./rsa_key.ts";

const PAIR = generateKeyPairSync("rsa", { modulusLength: 1024 });
const DER = { format: "der", type: "pkcs1" } as const;
const PRIVATE = new Uint8Array(PAIR.privateKey.export(DER));
const PUBLIC = new Uint8Array(PAIR.publicKey.export(DER));
const KEY = numbersOf(parseRsaPrivateKey(PRIVATE));

type Numbers = Readonly<Record<keyof RsaPrivateKey, bigint>>;

/** The key with its secret numbers as integers. */
function numbersOf(key: RsaPrivateKey): Numbers {
  const entries = Object.entries(key).map(([name, value]) =>
    [
      name,
      value instanceof Uint8Array ? bytesToNumber(value) : BigInt(value),
    ] as const
  );
  return Object.fromEntries(entries) as Numbers;
}

const encodeNumbers = (...numbers: bigint[]) =>
  encodeSequence(...numbers.map(encodeUnsigned));

/** The key with some numbers replaced. */
function encodePrivate(changes: Partial<Numbers>, version = 0n) {
  const key = { ...KEY, ...changes };
  return encodeNumbers(
    version,
    key.modulus,
    key.publicExponent,
    key.privateExponent,
    key.prime1,
    key.prime2,
    key.exponent1,
    key.exponent2,
    key.coefficient,
  );
}

Deno.test("both forms of a key are read", () => {
  const open = parseRsaPublicKey(PUBLIC);
  strictEqual(open.modulus, KEY.modulus);
  strictEqual(open.publicExponent, 65537n);
  strictEqual(open.modulusBytes, 128);
  strictEqual(KEY.prime1 * KEY.prime2, KEY.modulus);
  strictEqual(encodePrivate({}).toHex(), PRIVATE.toHex());
});

Deno.test("every truncation of a key is refused, and so is a longer one", () => {
  for (
    const [der, parse] of [
      [PRIVATE, parseRsaPrivateKey],
      [PUBLIC, parseRsaPublicKey],
    ] as const
  ) {
    for (let length = 0; length < der.length; length++) {
      throws(() => parse(der.subarray(0, length)), DerError);
    }
    throws(() => parse(new Uint8Array([...der, 0])), DerError);
  }
  throws(() => parseRsaPrivateKey(PUBLIC), DerError);
  throws(() => parseRsaPublicKey(PRIVATE), DerError);
});

Deno.test("a flipped bit anywhere in a private key is noticed", () => {
  for (let at = 0; at < PRIVATE.length; at++) {
    const changed = PRIVATE.slice();
    changed[at]! ^= 1 << at % 8;
    throws(() => parseRsaPrivateKey(changed), DerError, `byte ${at}`);
  }
});

const BROKEN: Readonly<Record<string, Partial<Numbers>>> = {
  "a modulus that its primes do not make": { modulus: KEY.modulus + 2n },
  "a trivial factor": { prime1: KEY.modulus, prime2: 1n },
  "another exponent": { privateExponent: KEY.privateExponent + 2n },
  "a private exponent of the modulus and more": {
    privateExponent: KEY.privateExponent +
      (KEY.prime1 - 1n) * (KEY.prime2 - 1n),
  },
  "no private exponent": { privateExponent: 0n },
  "a wrong first exponent": { exponent1: KEY.exponent1 + 1n },
  "a wrong second exponent": { exponent2: KEY.exponent2 + 1n },
  "a wrong coefficient": { coefficient: KEY.coefficient + 1n },
  "a coefficient out of range": { coefficient: KEY.coefficient + KEY.prime1 },
  "primes in the wrong order": { prime1: KEY.prime2, prime2: KEY.prime1 },
};

for (const [what, changes] of Object.entries(BROKEN)) {
  Deno.test(`a private key is refused for ${what}`, () => {
    throws(() => parseRsaPrivateKey(encodePrivate(changes)), DerError);
  });
}

Deno.test("a private key's secret numbers are read where they are", () => {
  const { prime1, coefficient } = parseRsaPrivateKey(PRIVATE);
  strictEqual(prime1.buffer, PRIVATE.buffer);
  strictEqual(coefficient.buffer, PRIVATE.buffer);
});

Deno.test("a private key of more than two primes is refused", () => {
  throws(() => parseRsaPrivateKey(encodePrivate({}, 1n)), /two primes/);
});

Deno.test("public keys out of bounds are refused", () => {
  const odd = (bits: number) => 2n ** BigInt(bits - 1) + 1n;
  const parse = (modulus: bigint, exponent: bigint) =>
    parseRsaPublicKey(encodeNumbers(modulus, exponent));
  strictEqual(parse(odd(512), 3n).modulusBytes, 64);
  strictEqual(parse(odd(8192), 3n).modulusBytes, 1024);
  strictEqual(parse(odd(1025), 3n).modulusBytes, 129);
  throws(() => parse(odd(511), 3n), /511 bits/);
  throws(() => parse(odd(8193), 3n), /8193 bits/);
  throws(() => parse(odd(1024) + 1n, 3n), /even/);
  for (const exponent of [0n, 1n, 2n, 65536n, odd(1024), odd(1100)]) {
    throws(() => parse(odd(1024), exponent), /public exponent/);
  }
});

Deno.test("a long public exponent is refused where it would take long", () => {
  const modulus = (bits: number) => 2n ** BigInt(bits - 1) + 1n;
  const long = 2n ** 64n + 1n;
  parseRsaPublicKey(encodeNumbers(modulus(3072), long));
  throws(
    () => parseRsaPublicKey(encodeNumbers(modulus(3080), long)),
    /64 bits/,
  );
});
