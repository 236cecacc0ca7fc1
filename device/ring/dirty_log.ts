/**
 * Which pages of a guest's memory the device has written, for a front-end that
 * moves the guest elsewhere (vhost-user, "Migration"): a bit for each page, by
 * guest address, set when what was written lies there.
 *
 * @module
 */

/** Bytes that one bit stands for, whatever pages the guest has. */
export const LOG_PAGE_BYTES = 4096;

/** Bytes of memory that one byte of a log stands for. */
const BYTE_COVERS = 8 * LOG_PAGE_BYTES;

/** How long a log has to be for guest addresses below `end`. */
export function logBytesFor(end: number): number {
  return Math.ceil(end / BYTE_COVERS);
}

/** The log as the calling thread sees it. */
export class DirtyLog {
  readonly #bytes: Uint8Array;

  /** `bytes` are the front-end's, too: it takes bits away while it reads them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Marks what has been written; what the log has no bit for is left out. */
  mark(address: number, lengthBytes: number): void {
    if (!(lengthBytes > 0)) return;
    const bytes = this.#bytes;
    const first = Math.floor(address / LOG_PAGE_BYTES);
    const last = Math.floor((address + lengthBytes - 1) / LOG_PAGE_BYTES);
    const end = Math.min(Math.floor(last / 8), bytes.length - 1);
    for (let at = Math.floor(first / 8); at <= end; at++) {
      const from = Math.max(first - 8 * at, 0);
      const to = Math.min(last - 8 * at, 7);
      // Orders it behind the write, and leaves the bits of other threads.
      Atomics.or(bytes, at, 0xff << from & 0xff >>> (7 - to));
    }
  }
}
