/**
 * What has to be in one request, from a source that comes in parts.
 *
 * @module
 */

import { requireBytes, wrongThing } from "./argument.ts";

/** Parts of one string of bytes, for example a `ReadableStream` or a list. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * All bytes of a source. Throws a RangeError as soon as there are more than
 * `maximumBytes`: a device has no state of a digest between two requests.
 */
export async function collectBytes(
  doing: string,
  source: ByteSource,
  maximumBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let totalBytes = 0;
  for await (const part of source) {
    requireBytes(doing, "a part of the data", part);
    totalBytes += part.length;
    if (totalBytes > maximumBytes) {
      throw wrongThing(
        doing,
        "data",
        `has more than ${maximumBytes} bytes`,
        "what fits in one request of the device, since a digest cannot be cut",
      );
    }
    // The source may use its memory again.
    parts.push(new Uint8Array(part));
  }
  const all = new Uint8Array(totalBytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
