/**
 * DER (ITU-T X.690 §10), the strict subset that keys and signatures are made
 * of: single-byte tags, definite minimal lengths, non-negative minimal integers.
 *
 * @module
 */

import { fromHex, toHex } from "./hex.ts";

/** Tags that keys and signatures use. */
export const enum DerTag {
  Integer = 0x02,
  BitString = 0x03,
  OctetString = 0x04,
  Null = 0x05,
  ObjectIdentifier = 0x06,
  Sequence = 0x30,
  /** `[0]`, constructed; `[1]` follows it. */
  Context0 = 0xa0,
  Context1 = 0xa1,
}

/** What is wrong with a DER encoding, or with the key inside it. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** Longer contents are nobody's key; this keeps lengths far from overflow. */
const MAXIMUM_LENGTH_OCTETS = 3;

/** Reads elements one after another from a range of bytes, never beyond it. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Refuses bytes that follow the last element. */
  expectEnd(): void {
    if (!this.isAtEnd) {
      throw new DerError(`${this.#end - this.#at} bytes after the end`);
    }
  }

  /** Whether the next element has `tag`. */
  isNext(tag: DerTag): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === tag;
  }

  /** Enters the next element, which has `tag`, and continues behind it. */
  enter(tag: DerTag): DerReader {
    const found = this.#octet();
    if (found !== tag) {
      throw new DerError(`tag ${found} where ${tag} was expected`);
    }
    const lengthBytes = this.#length();
    if (lengthBytes > this.#end - this.#at) {
      throw new DerError(
        `element of ${lengthBytes} bytes, ${this.#end - this.#at} are left`,
      );
    }
    const start = this.#at;
    this.#at += lengthBytes;
    return new DerReader(this.#bytes, start, this.#at);
  }

  /** The contents of the next element, which has `tag`; not a copy. */
  contents(tag: DerTag): Uint8Array {
    return this.enter(tag).#rest();
  }

  /** An INTEGER that is not negative. */
  unsigned(): bigint {
    const contents = this.contents(DerTag.Integer);
    if (contents.length > 0 && contents[0]! >= 0x80) {
      throw new DerError("negative integer");
    }
    requireMinimal(contents);
    return bytesToNumber(contents);
  }

  /**
   * An INTEGER whose octets are the number, whatever its first bit. The keys of
   * Linux's own RSA self-test leave out the zero octet of a positive number.
   */
  magnitude(): bigint {
    return bytesToNumber(this.magnitudeBytes());
  }

  /** The bytes of `magnitude`, the highest of which is not 0; not a copy. */
  magnitudeBytes(): Uint8Array {
    const contents = this.contents(DerTag.Integer);
    requireMinimal(contents);
    return contents[0] === 0 ? contents.subarray(1) : contents;
  }

  /** A BIT STRING of whole bytes. */
  wholeBitString(): Uint8Array {
    const contents = this.contents(DerTag.BitString);
    if (contents.length === 0 || contents[0] !== 0) {
      throw new DerError("bit string that is not whole bytes");
    }
    return contents.subarray(1);
  }

  #rest(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  #octet(): number {
    if (this.isAtEnd) throw new DerError("unexpected end");
    return this.#bytes[this.#at++]!;
  }

  /** X.690 §8.1.3 as §10.1 narrows it: definite, in the fewest octets. */
  #length(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    const octets = first - 0x80;
    if (octets === 0) throw new DerError("indefinite length");
    if (octets > MAXIMUM_LENGTH_OCTETS) {
      throw new DerError(`length in ${octets} octets`);
    }
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.#octet();
    if (length < 0x80 || length < 256 ** (octets - 1)) {
      throw new DerError("length that is longer than it must be");
    }
    return length;
  }
}

/** A big-endian unsigned integer; 0 for no bytes. */
export function bytesToNumber(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** `value` in exactly `lengthBytes` big-endian bytes; it must fit. */
export function numberToBytes(
  value: bigint,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  const hex = value.toString(16).padStart(lengthBytes * 2, "0");
  return fromHex(hex);
}

/** Bits of `value` up to its highest one bit. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(parseInt(hex[0]!, 16)) - 28);
}

/** One element with contents of up to 65535 bytes. */
export function encodeElement(tag: DerTag, contents: Uint8Array): Uint8Array {
  const { length } = contents;
  const header = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  const element = new Uint8Array(header.length + length);
  element.set(header);
  element.set(contents, header.length);
  return element;
}

/** X.690 §8.3.2: the first nine bits are not all zero. */
function requireMinimal(contents: Uint8Array): void {
  if (contents.length === 0) throw new DerError("integer without contents");
  if (contents.length > 1 && contents[0] === 0 && contents[1]! < 0x80) {
    throw new DerError("integer that is longer than it must be");
  }
}

/** The DER of a non-negative INTEGER below 2^524256. */
export function encodeUnsigned(value: bigint): Uint8Array {
  const lengthBytes = Math.floor(bitLength(value) / 8) + 1;
  return encodeElement(DerTag.Integer, numberToBytes(value, lengthBytes));
}

/** The DER of a SEQUENCE of elements, up to 65535 bytes of contents. */
export function encodeSequence(...elements: Uint8Array[]): Uint8Array {
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  const contents = new Uint8Array(length);
  let at = 0;
  for (const element of elements) {
    contents.set(element, at);
    at += element.length;
  }
  return encodeElement(DerTag.Sequence, contents);
}
