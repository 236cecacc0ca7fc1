/**
 * Modular arithmetic on the language's integers. Their multiplication takes a
 * time that depends on the values; callers that hold secrets blind them.
 *
 * @module
 */

const WINDOW_BITS = 4n;

/**
 * `base` to the power `exponent`, modulo `modulus`; none is negative. The same
 * steps are done for every exponent of a length.
 */
export function modularPower(
  base: bigint,
  exponent: bigint,
  modulus: bigint,
): bigint {
  const powers = [1n % modulus, base % modulus];
  while (powers.length < 1 << Number(WINDOW_BITS)) {
    powers.push(powers.at(-1)! * powers[1]! % modulus);
  }
  let result = powers[0]!;
  for (const digit of exponent.toString(16)) {
    for (let i = 0n; i < WINDOW_BITS; i++) result = result * result % modulus;
    // Multiplied for the digit 0 too, so that zeros cost what others do.
    result = result * powers[parseInt(digit, 16)]! % modulus;
  }
  return result;
}

/** `modularPower` for an exponent that everybody knows, often a short one. */
export function modularPowerOfPublic(
  base: bigint,
  exponent: bigint,
  modulus: bigint,
): bigint {
  let result = 1n % modulus;
  for (const bit of exponent.toString(2)) {
    result = result * result % modulus;
    if (bit === "1") result = result * base % modulus;
  }
  return result;
}

/** The inverse of `value` modulo `modulus`, or `undefined` if there is none. */
export function modularInverse(
  value: bigint,
  modulus: bigint,
): bigint | undefined {
  let [previous, current] = [modulus, value % modulus];
  let [previousFactor, factor] = [0n, 1n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [previousFactor, factor] = [
      factor,
      previousFactor - quotient * factor,
    ];
  }
  if (previous !== 1n) return undefined;
  return previousFactor < 0n ? previousFactor + modulus : previousFactor;
}
