/**
 * What ECDSA sessions of all backends have in common (FIPS 186-5 §6.4). The order
 * of each curve is as long as a field element.
 *
 * @module
 */

import type { Segments } from "../memory/segments.ts";

/** Tag and length of the sequence and of both integers, and their signs. */
const ENCODING_BYTES = 16;

/** The longest encoding of a signature. */
export const longestSignatureBytes = (fieldBytes: number): number =>
  2 * fieldBytes + ENCODING_BYTES;

/**
 * The leftmost bytes of a digest, of which as many bits count as the order has
 * (§6.4.1 step 2); no bytes are the number zero.
 */
export function readDigest(
  segments: Segments,
  fieldBytes: number,
): Uint8Array<ArrayBuffer> {
  const { totalBytes } = segments;
  const lengthBytes = Math.min(Math.max(totalBytes, 1), fieldBytes);
  const digest = new Uint8Array(new ArrayBuffer(lengthBytes));
  if (totalBytes > 0) segments.read(0, digest);
  return digest;
}
