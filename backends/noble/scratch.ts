/**
 * Private memory of one backend thread. Guest memory is copied into it once, so
 * that what is checked, enciphered and hashed is one and the same thing, and so
 * that the alignment of guest buffers does not matter.
 *
 * @module
 */

import type { Segments } from "../../memory/segments.ts";

/** Buffers up to this size are kept between operations. */
const KEPT_BYTES = 1 << 20;
const INITIAL_BYTES = 1 << 16;

/** A buffer that grows on demand and is reused by every operation. */
export class Scratch {
  /** The whole buffer; operations use its beginning. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The same memory for words at any alignment. */
  view: DataView<ArrayBuffer>;

  constructor() {
    this.bytes = new Uint8Array(INITIAL_BYTES);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `lengthBytes` bytes; the content is undefined. */
  reserve(lengthBytes: number): void {
    if (lengthBytes > this.bytes.length) this.#replace(lengthBytes);
  }

  /** Copies all of `segments` to the beginning and returns exactly these bytes. */
  gather(segments: Segments): Uint8Array<ArrayBuffer> {
    this.reserve(segments.totalBytes);
    const gathered = this.bytes.subarray(0, segments.totalBytes);
    segments.read(0, gathered);
    return gathered;
  }

  /** Gives an outsized buffer back. */
  settle(): void {
    if (this.bytes.length > KEPT_BYTES) this.#replace(INITIAL_BYTES);
  }

  wipe(): void {
    this.bytes.fill(0);
  }

  #replace(lengthBytes: number): void {
    this.bytes.fill(0);
    this.bytes = new Uint8Array(lengthBytes);
    this.view = new DataView(this.bytes.buffer);
  }
}

/** The buffers that an operation may need at the same time. */
export class Workspace {
  readonly data = new Scratch();
  readonly additional = new Scratch();
  readonly digest = new Scratch();

  settle(): void {
    this.data.settle();
    this.additional.settle();
    this.digest.settle();
  }

  wipe(): void {
    this.data.wipe();
    this.additional.wipe();
    this.digest.wipe();
  }
}
