/**
 * Kept private memory for requests that cannot be worked on where they lie.
 *
 * @module
 */

import type { Segments } from "../memory/segments.ts";

const LOWEST_CAPACITY_BYTES = 4096;
/** What is kept between requests. */
const KEPT_CAPACITY_BYTES = 4 * 1024 * 1024;

/** A buffer that grows by doubling and gives up what only one request needed. */
export class Scratch {
  #bytes = new Uint8Array(new ArrayBuffer(LOWEST_CAPACITY_BYTES));
  #view = new DataView(this.#bytes.buffer);

  /** All of the memory, whose beginning `take` gives; valid until then. */
  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  /** `lengthBytes` bytes with any content, valid until the next call. */
  take(lengthBytes: number): Uint8Array<ArrayBuffer> {
    if (lengthBytes > this.#bytes.length) {
      let capacity = this.#bytes.length;
      while (capacity < lengthBytes) capacity *= 2;
      this.#replace(capacity);
    }
    return this.#bytes.subarray(0, lengthBytes);
  }

  /** Takes as much as `segments` are long, and copies them there. */
  gather(segments: Segments): Uint8Array<ArrayBuffer> {
    const gathered = this.take(segments.totalBytes);
    segments.read(0, gathered);
    return gathered;
  }

  /** Ends the use of what `take` gave. */
  release(): void {
    if (this.#bytes.length > KEPT_CAPACITY_BYTES) {
      this.#replace(LOWEST_CAPACITY_BYTES);
    }
  }

  wipe(): void {
    this.#bytes.fill(0);
  }

  #replace(lengthBytes: number): void {
    this.#bytes.fill(0);
    this.#bytes = new Uint8Array(new ArrayBuffer(lengthBytes));
    this.#view = new DataView(this.#bytes.buffer);
  }
}
