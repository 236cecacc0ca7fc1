/**
 * A stretch of memory that holds requests and data: mapped guest memory, or
 * ordinary memory of this process.
 *
 * @module
 */

const WORD_BYTES = 4;
const TWO_TO_32 = 2 ** 32;

/** Views that are kept for the next request with the same buffer. */
const KEPT_VIEWS = 256;

/** One contiguous stretch of memory with the views that the hot path reuses. */
export class Region {
  /** The bytes; `bytes.byteOffset` need not be 0. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes for multi-byte fields. */
  readonly view: DataView;
  /** The same bytes as whole words, where they are aligned to words. */
  readonly words: Int32Array<ArrayBuffer> | undefined;
  /**
   * Native address of `bytes[0]`, for backends that hand pointers to a library;
   * 0 where the runtime owns the memory and gives no address.
   */
  readonly address: number;
  /** The two words of that address, for structures that libraries read. */
  readonly addressLow: number;
  /** The upper 32 bits; `addressLow` is the lower ones, signed. */
  readonly addressHigh: number;
  /** Where the kept views start, how long they are, and the views. */
  #starts: Int32Array | undefined;
  #lengths: Int32Array | undefined;
  readonly #views: Uint8Array<ArrayBuffer>[] = [];

  /**
   * A region over memory that there is.
   *
   * @param bytes the memory; not copied
   * @param address where it is for native code; 0 where nobody may know
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, address: number = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.words = bytes.byteOffset % WORD_BYTES === 0
      ? new Int32Array(
        bytes.buffer,
        bytes.byteOffset,
        Math.floor(bytes.byteLength / WORD_BYTES),
      )
      : undefined;
    this.address = address;
    this.addressLow = address | 0;
    this.addressHigh = Math.floor(address / TWO_TO_32);
  }

  /** Length in bytes. */
  get lengthBytes(): number {
    return this.bytes.byteLength;
  }

  /** The `lengthBytes` bytes from `start`, which are there; all of it is itself. */
  part(start: number, lengthBytes: number): Region {
    if (start === 0 && lengthBytes === this.lengthBytes) return this;
    return new Region(
      this.bytes.subarray(start, start + lengthBytes),
      this.address === 0 ? 0 : this.address + start,
    );
  }

  /**
   * A view of the `lengthBytes` bytes from `offset`. Drivers use the same buffers
   * again and again, and finding a view is cheaper than making one.
   */
  viewOf(offset: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
    const place = (offset >>> 4 ^ offset >>> 12) & (KEPT_VIEWS - 1);
    this.#starts ??= new Int32Array(KEPT_VIEWS).fill(-1);
    this.#lengths ??= new Int32Array(KEPT_VIEWS);
    if (
      this.#starts[place] === offset && this.#lengths[place] === lengthBytes
    ) return this.#views[place]!;
    const view = this.bytes.subarray(offset, offset + lengthBytes);
    this.#starts[place] = offset;
    this.#lengths[place] = lengthBytes;
    this.#views[place] = view;
    return view;
  }
}
