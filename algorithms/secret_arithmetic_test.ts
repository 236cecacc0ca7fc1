import { ok, strictEqual } from "node:assert/strict";
import { Random } from "../conformance/random.ts";
import { bytesToNumber } from "./der.ts";
import {
  compare,
  isOne,
  SecretArithmetic,
  type SecretNumber,
} from "./secret_arithmetic.ts";

const valueOf = (number: SecretNumber): bigint =>
  number.reduceRight((sum, limb) => sum << 16n | BigInt(limb), 0n);

/** Bytes in which every limb is random, or one that makes carries. */
function hardBytes(random: Random): Uint8Array {
  const bytes = random.bytes(1 + random.integer(40));
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const kind = random.integer(6);
    if (kind < 3) bytes.set([[0, 0], [0xff, 0xff], [0x80, 0]][kind]!, i);
  }
  return bytes;
}

Deno.test("products, remainders and predecessors are those of the integers", () => {
  const random = new Random(3);
  for (let round = 0; round < 20_000; round++) {
    using arithmetic = new SecretArithmetic();
    const [a, b] = [hardBytes(random), hardBytes(random)];
    const [x, y] = [bytesToNumber(a), bytesToNumber(b)];
    const [p, q] = [arithmetic.number(a), arithmetic.number(b)];
    strictEqual(valueOf(p), x);
    strictEqual(valueOf(arithmetic.product(p, q)), x * y, `${x} * ${y}`);
    strictEqual(Math.sign(compare(p, q)), x < y ? -1 : +(x > y));
    strictEqual(isOne(p), x === 1n);
    if (y > 0n) {
      strictEqual(valueOf(arithmetic.predecessor(q)), y - 1n);
      strictEqual(valueOf(arithmetic.remainder(p, q)), x % y, `${x} % ${y}`);
    }
  }
});

Deno.test("a first guess that is one too high is put right", () => {
  // Knuth's own cases (4.3.1, exercises 21 and 22) in limbs of 16 bits.
  const cases = [
    ["7fff800100000000", "800080020000"],
    ["00007fff80000000000", "800000000001"],
    ["80000000fffe00000000", "80000000ffff"],
    ["ffffffffffffffffffff", "ffffffffffff"],
  ] as const;
  for (const [number, modulus] of cases) {
    using arithmetic = new SecretArithmetic();
    const of = (hex: string) =>
      arithmetic.number(Uint8Array.fromHex(hex.padStart(24, "0")));
    const expected = BigInt(`0x${number}`) % BigInt(`0x${modulus}`);
    strictEqual(
      valueOf(arithmetic.remainder(of(number), of(modulus))),
      expected,
    );
  }
});

Deno.test("nothing of a calculation is left when it has ended", () => {
  const arithmetic = new SecretArithmetic();
  const a = arithmetic.number(new Uint8Array(20).fill(0xa5));
  const b = arithmetic.number(new Uint8Array(9).fill(0x5a));
  const numbers = [
    a,
    b,
    arithmetic.product(a, b),
    arithmetic.predecessor(a),
    arithmetic.remainder(a, b),
  ];
  arithmetic[Symbol.dispose]();
  for (const number of numbers) {
    ok(new Uint32Array(number.buffer).every((limb) => limb === 0));
  }
});
