/**
 * Arithmetic on secret numbers in memory that is wiped. The language's own
 * integers cannot be wiped, and become text on their way to bytes.
 *
 * ```ts
 * import { compare, SecretArithmetic } from "./secret_arithmetic.ts";
 *
 * using arithmetic = new SecretArithmetic();
 * const seven = arithmetic.number(Uint8Array.of(7));
 * const square = arithmetic.product(seven, seven);
 * if (compare(square, arithmetic.number(Uint8Array.of(49))) !== 0) {
 *   throw new Error("7 * 7");
 * }
 * ```
 *
 * @module
 */

/**
 * Limbs of 16 bits, the lowest first and the highest not zero: a product of two
 * and two more limbs are less than 2^32.
 */
export type SecretNumber = Uint32Array<ArrayBuffer>;

const LIMB_BITS = 16;
const LIMB = 2 ** LIMB_BITS;
const LOW = LIMB - 1;

/** Makes numbers, and wipes all that it has made when it is disposed of. */
export class SecretArithmetic implements Disposable {
  readonly #made: SecretNumber[] = [];

  #room(limbs: number): SecretNumber {
    const room = new Uint32Array(new ArrayBuffer(4 * limbs));
    this.#made.push(room);
    return room;
  }

  /** The number of big-endian bytes. */
  number(bytes: Uint8Array): SecretNumber {
    const limbs = this.#room(Math.ceil(bytes.length / 2));
    for (let i = 0; i < bytes.length; i++) {
      limbs[i >> 1]! |= bytes[bytes.length - 1 - i]! << 8 * (i & 1);
    }
    return trim(limbs);
  }

  product(a: SecretNumber, b: SecretNumber): SecretNumber {
    const product = this.#room(a.length + b.length);
    for (let i = 0; i < a.length; i++) {
      const factor = a[i]!;
      let carry = 0;
      for (let j = 0; j < b.length; j++) {
        const sum = product[i + j]! + factor * b[j]! + carry;
        product[i + j] = sum & LOW;
        carry = sum >>> LIMB_BITS;
      }
      product[i + b.length] = carry;
    }
    return trim(product);
  }

  /** `number` less 1; the number is not 0. */
  predecessor(number: SecretNumber): SecretNumber {
    const less = this.#room(number.length);
    let borrow = 1;
    for (let i = 0; i < number.length; i++) {
      const difference = number[i]! - borrow;
      less[i] = difference & LOW;
      borrow = difference < 0 ? 1 : 0;
    }
    return trim(less);
  }

  /** `number` modulo `modulus`, which is not 0: Knuth's algorithm D (4.3.1). */
  remainder(number: SecretNumber, modulus: SecretNumber): SecretNumber {
    if (compare(number, modulus) < 0) return number;
    // The highest bit of the divisor is set, so that few guesses are wrong.
    const shift = Math.clz32(modulus.at(-1)!) - LIMB_BITS;
    const rest = this.#shifted(number, shift, number.length + 1);
    const divisor = this.#shifted(modulus, shift, modulus.length);
    for (let at = number.length - modulus.length; at >= 0; at--) {
      subtractMultiple(rest, divisor, at);
    }
    return this.#shiftedBack(rest.subarray(0, modulus.length), shift);
  }

  #shifted(number: SecretNumber, shift: number, limbs: number): SecretNumber {
    const shifted = this.#room(limbs);
    let carry = 0;
    for (let i = 0; i < limbs; i++) {
      const wide = (number[i] ?? 0) << shift | carry;
      shifted[i] = wide & LOW;
      carry = wide >>> LIMB_BITS;
    }
    return shifted;
  }

  #shiftedBack(number: SecretNumber, shift: number): SecretNumber {
    const shifted = this.#room(number.length);
    for (let i = 0; i < number.length; i++) {
      const wide = (number[i + 1] ?? 0) << LIMB_BITS | number[i]!;
      shifted[i] = wide >>> shift & LOW;
    }
    return trim(shifted);
  }

  [Symbol.dispose](): void {
    for (const number of this.#made) number.fill(0);
    this.#made.length = 0;
  }
}

/** Less than 0 where `a` is less than `b`, 0 where they are the same. */
export function compare(a: SecretNumber, b: SecretNumber): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = a.length - 1; i >= 0; i--) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return 0;
}

export function isOne(number: SecretNumber): boolean {
  return number.length === 1 && number[0] === 1;
}

function trim(limbs: SecretNumber): SecretNumber {
  let length = limbs.length;
  while (length > 0 && limbs[length - 1] === 0) length--;
  return limbs.subarray(0, length);
}

/** Steps D3 to D6: the quotient's limb at `at` is not kept. */
function subtractMultiple(
  rest: SecretNumber,
  divisor: SecretNumber,
  at: number,
): void {
  const { length } = divisor;
  const guess = guessQuotient(rest, divisor, at + length);
  let carry = 0;
  let borrow = 0;
  for (let i = 0; i < length; i++) {
    const multiple = guess * divisor[i]! + carry;
    carry = multiple >>> LIMB_BITS;
    const difference = rest[at + i]! - (multiple & LOW) - borrow;
    rest[at + i] = difference & LOW;
    borrow = difference < 0 ? 1 : 0;
  }
  const difference = rest[at + length]! - carry - borrow;
  rest[at + length] = difference & LOW;
  if (difference < 0) addBack(rest, divisor, at);
}

/** Step D3: the quotient's limb, or one more. */
function guessQuotient(
  rest: SecretNumber,
  divisor: SecretNumber,
  end: number,
): number {
  const { length } = divisor;
  const high = divisor[length - 1]!;
  const next = divisor[length - 2] ?? 0;
  const top = rest[end]! * LIMB + rest[end - 1]!;
  let guess = Math.floor(top / high);
  let left = top - guess * high;
  while (
    guess >= LIMB || guess * next > left * LIMB + (rest[end - 2] ?? 0)
  ) {
    guess--;
    left += high;
    if (left >= LIMB) break;
  }
  return guess;
}

/** Step D6. */
function addBack(
  rest: SecretNumber,
  divisor: SecretNumber,
  at: number,
): void {
  let carry = 0;
  for (let i = 0; i < divisor.length; i++) {
    const sum = rest[at + i]! + divisor[i]! + carry;
    rest[at + i] = sum & LOW;
    carry = sum >>> LIMB_BITS;
  }
  rest[at + divisor.length] = rest[at + divisor.length]! + carry & LOW;
}
