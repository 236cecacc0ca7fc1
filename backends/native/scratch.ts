/**
 * Kept memory for requests that cannot be worked on where they lie.
 *
 * @module
 */

const LOWEST_CAPACITY_BYTES = 4096;
/** What is kept between requests. */
const KEPT_CAPACITY_BYTES = 4 * 1024 * 1024;

/** A buffer that grows by doubling and gives up what only one request needed. */
export class Scratch {
  #bytes = new Uint8Array(new ArrayBuffer(LOWEST_CAPACITY_BYTES));

  /** `lengthBytes` bytes with any content, valid until the next call. */
  take(lengthBytes: number): Uint8Array<ArrayBuffer> {
    if (lengthBytes > this.#bytes.length) {
      let capacity = this.#bytes.length;
      while (capacity < lengthBytes) capacity *= 2;
      this.#bytes.fill(0);
      this.#bytes = new Uint8Array(new ArrayBuffer(capacity));
    }
    return this.#bytes.subarray(0, lengthBytes);
  }

  /** Ends the use of what `take` gave. */
  release(): void {
    if (this.#bytes.length <= KEPT_CAPACITY_BYTES) return;
    this.#bytes.fill(0);
    this.#bytes = new Uint8Array(new ArrayBuffer(LOWEST_CAPACITY_BYTES));
  }

  wipe(): void {
    this.#bytes.fill(0);
  }
}
