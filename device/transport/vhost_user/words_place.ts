/**
 * Words that threads share, for whichever thread uses them.
 *
 * @module
 */

import { regionAt } from "../../../ffi/libc.ts";
import type { WordsPlace } from "../../association_store.ts";

/** Opens words for the calling thread. */
export function openWords(place: WordsPlace): BigUint64Array {
  if ("memory" in place) return new BigUint64Array(place.memory);
  const { buffer, byteOffset } = regionAt(place.address, 8 * place.count).bytes;
  return new BigUint64Array(buffer, byteOffset, place.count);
}
