import { strictEqual, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { DerError, encodeSequence, encodeUnsigned } from "./der.ts";
import { parseMultiPrimeKey, rsaPrimeCount } from "./rsa_primes.ts";

const PAIR = generateKeyPairSync("rsa", { modulusLength: 1024 });
const DER = { format: "der", type: "pkcs1" } as const;
const TWO_PRIMES = new Uint8Array(PAIR.privateKey.export(DER));

/** A modulus that checks pass: 1024 bits and odd. */
const MODULUS = 2n ** 1023n + 1n;

interface Fields {
  readonly version: bigint;
  readonly modulus: bigint;
  readonly publicExponent: bigint;
  readonly primes: readonly [bigint, bigint];
  readonly others: readonly (readonly bigint[])[];
}

const GOOD: Fields = {
  version: 1n,
  modulus: MODULUS,
  publicExponent: 65537n,
  primes: [11n, 13n],
  others: [[17n, 1n, 1n]],
};

const numbers = (...values: bigint[]) => values.map(encodeUnsigned);

function encode(changes: Partial<Fields> = {}): Uint8Array {
  const { version, modulus, publicExponent, primes, others } = {
    ...GOOD,
    ...changes,
  };
  return encodeSequence(
    ...numbers(version, modulus, publicExponent, 5n, ...primes, 1n, 1n, 1n),
    encodeSequence(...others.map((one) => encodeSequence(...numbers(...one)))),
  );
}

Deno.test("the primes of a key are counted", () => {
  strictEqual(rsaPrimeCount(encode()), 3);
  const other = [17n, 1n, 1n];
  strictEqual(rsaPrimeCount(encode({ others: [other, other, other] })), 5);
  strictEqual(rsaPrimeCount(encode({ others: Array(40).fill(other) })), 42);
});

Deno.test("what is no key of version 1 counts as one of two primes", () => {
  const whole = encode();
  const others = [
    new Uint8Array(0),
    new Uint8Array(64),
    TWO_PRIMES,
    encode({ version: 0n }),
    encode({ version: 2n }),
    encode({ others: [] }),
    encode({ others: [[17n, 1n]] }),
    encode({ others: [[17n, 1n, 1n, 1n]] }),
    encode({ others: [[17n, 1n, 1n], [19n]] }),
    encode({ others: [[16n, 1n, 1n]] }),
    encode({ others: [[1n, 1n, 1n]] }),
    encode({ others: [[0n, 1n, 1n]] }),
    encode({ primes: [1n, 13n] }),
    encode({ primes: [11n, 12n] }),
    new Uint8Array([...whole, 0]),
  ];
  for (const key of others) {
    strictEqual(rsaPrimeCount(key), 2, key.toHex());
    throws(() => parseMultiPrimeKey(key), DerError);
  }
  for (let end = 0; end < whole.length; end++) {
    strictEqual(rsaPrimeCount(whole.subarray(0, end)), 2, `${end} bytes`);
  }
});

Deno.test("the public half is held to the rules of every public key", () => {
  strictEqual(parseMultiPrimeKey(encode()).modulusBytes, 128);
  const wrong: Partial<Fields>[] = [
    { modulus: MODULUS + 1n },
    { modulus: 2n ** 500n + 1n },
    { modulus: 2n ** 8192n + 1n },
    { publicExponent: 1n },
    { publicExponent: 65536n },
    { publicExponent: MODULUS },
  ];
  for (const changes of wrong) {
    throws(() => parseMultiPrimeKey(encode(changes)), DerError);
  }
});
