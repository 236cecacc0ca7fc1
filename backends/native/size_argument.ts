/**
 * Lengths as arguments of type `size_t`.
 *
 * @module
 */

const KEPT_LENGTHS = 4096;
const keptLengths: (bigint | undefined)[] = [];

/** A length as a `size_t` argument; short lengths allocate once. */
export function sizeArgument(lengthBytes: number): bigint {
  if (lengthBytes >= KEPT_LENGTHS) return BigInt(lengthBytes);
  return keptLengths[lengthBytes] ??= BigInt(lengthBytes);
}
