/**
 * 64-bit little-endian fields as JS numbers: session identifiers, addresses and
 * sizes. A value that a number cannot hold exactly becomes NaN, which equals
 * nothing and lies inside nothing.
 *
 * @module
 */

const HIGH_WORD = 2 ** 32;
/** High words from here on mean a value of 2^53 or more. */
const HIGH_WORD_LIMIT = 2 ** 21;

/** The field at `offset`, or NaN when it is 2^53 or more. */
export function readUint64(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true);
  if (high >= HIGH_WORD_LIMIT) return NaN;
  return high * HIGH_WORD + view.getUint32(offset, true);
}

/** Writes a whole number below 2^53. */
export function writeUint64(
  view: DataView,
  offset: number,
  value: number,
): void {
  view.setUint32(offset, value % HIGH_WORD, true);
  view.setUint32(offset + 4, Math.floor(value / HIGH_WORD), true);
}
