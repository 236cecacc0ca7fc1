/**
 * Fields one behind the other in bytes that outlive the process: little-endian,
 * of fixed widths. A reader that meets what no writer writes remembers it, and
 * what it reads from then on means nothing.
 *
 * @module
 */

import { readUint64, writeUint64 } from "../wire/uint64.ts";

/** Stands for a number that is absent; no number of 53 bits. */
const ABSENT = 2n ** 64n - 1n;

/** Writes fields; `RangeError` where there is no room. */
export class FieldWriter {
  readonly #view: DataView<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** How many bytes have been written. */
  get lengthBytes(): number {
    return this.#at;
  }

  flag(value: boolean): void {
    this.uint32(value ? 1 : 0);
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#next(4), value, true);
  }

  /** A whole number below 2^53, or none. */
  uint64(value: number | undefined): void {
    const at = this.#next(8);
    if (value === undefined) this.#view.setBigUint64(at, ABSENT, true);
    else writeUint64(this.#view, at, value);
  }

  bits(value: bigint): void {
    this.#view.setBigUint64(this.#next(8), value, true);
  }

  /** Bytes with their length before them. */
  bytes(value: Uint8Array): void {
    this.uint32(value.length);
    const at = this.#next(value.length);
    this.#bytes.set(value, at);
  }

  /** How many there are of what follows. */
  list<T>(values: readonly T[], write: (value: T) => void): void {
    this.uint32(values.length);
    values.forEach(write);
  }

  #next(lengthBytes: number): number {
    const at = this.#at;
    this.#at += lengthBytes;
    if (this.#at > this.#bytes.length) {
      throw new RangeError(
        `Cannot write ${this.#at} bytes of fields: expected at most ${this.#bytes.length}`,
      );
    }
    return at;
  }
}

/** Reads what a {@linkcode FieldWriter} has written, or somebody else. */
export class FieldReader {
  /** Whether something could not have been written. */
  failed = false;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  flag(): boolean {
    return this.uint32Below(2) === 1;
  }

  uint32(): number {
    const at = this.#next(4);
    return at < 0 ? 0 : this.#view.getUint32(at, true);
  }

  uint32Below(limit: number): number {
    const value = this.uint32();
    if (value < limit) return value;
    this.failed = true;
    return 0;
  }

  uint64(): number {
    const value = this.optionalUint64();
    if (value !== undefined) return value;
    this.failed = true;
    return 0;
  }

  optionalUint64(): number | undefined {
    const at = this.#next(8);
    if (at < 0) return undefined;
    if (this.#view.getBigUint64(at, true) === ABSENT) return undefined;
    const value = readUint64(this.#view, at);
    if (Number.isNaN(value)) this.failed = true;
    return value;
  }

  bits(): bigint {
    const at = this.#next(8);
    return at < 0 ? 0n : this.#view.getBigUint64(at, true);
  }

  /** A copy of bytes, at most `limit` of them. */
  bytes(limit: number): Uint8Array<ArrayBuffer> {
    const length = this.uint32Below(limit + 1);
    const at = this.#next(length);
    const copy = new Uint8Array(new ArrayBuffer(at < 0 ? 0 : length));
    if (at >= 0) copy.set(this.#bytes.subarray(at, at + length));
    return copy;
  }

  /** At most `limit` of what `read` reads. */
  list<T>(limit: number, read: () => T): T[] {
    const count = this.uint32Below(limit + 1);
    const values: T[] = [];
    while (values.length < count && !this.failed) values.push(read());
    return values;
  }

  #next(lengthBytes: number): number {
    const at = this.#at;
    if (this.failed || lengthBytes > this.#bytes.length - at) {
      this.failed = true;
      return -1;
    }
    this.#at += lengthBytes;
    return at;
  }
}
