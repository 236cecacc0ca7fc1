/**
 * Lengths as arguments of type `size_t`.
 *
 * @module
 */

const KEPT_LENGTHS = 4096;
const keptLengths: (bigint | undefined)[] = [];

/** The last longer one. */
let lastBytes = 0;
let last = 0n;

/** A length as a `size_t` argument; short lengths allocate once. */
export function sizeArgument(lengthBytes: number): bigint {
  if (lengthBytes < KEPT_LENGTHS) {
    return keptLengths[lengthBytes] ??= BigInt(lengthBytes);
  }
  if (lengthBytes !== lastBytes) {
    last = BigInt(lengthBytes);
    lastBytes = lengthBytes;
  }
  return last;
}
