/**
 * A stretch of memory that holds requests and data: mapped guest memory, or
 * ordinary memory of this process.
 *
 * @module
 */

/** One contiguous stretch of memory with the views that the hot path reuses. */
export class Region {
  /** The bytes; `bytes.byteOffset` need not be 0. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes for multi-byte fields. */
  readonly view: DataView;
  /**
   * Native address of `bytes[0]`, for backends that hand pointers to a library;
   * 0 where the runtime owns the memory and gives no address.
   */
  readonly address: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, address = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.address = address;
  }

  get lengthBytes(): number {
    return this.bytes.byteLength;
  }
}
