/**
 * The pointer to memory that is used again and again.
 *
 * @module
 */

import type { Handle } from "../../ffi/libcrypto.ts";

/** Keeps the pointer to what it was asked for last. */
export class KeptPointer {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #pointer: Handle | null = null;

  /** Where `bytes` lie; they stay there as long as they are referenced. */
  of(bytes: Uint8Array<ArrayBuffer>): Handle | null {
    if (bytes !== this.#bytes) {
      this.#pointer = Deno.UnsafePointer.of(bytes);
      this.#bytes = bytes;
    }
    return this.#pointer;
  }
}
