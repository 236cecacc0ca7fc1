/**
 * As much of DER (ITU-T X.690) as keys and signatures of known-good making
 * need; broken input throws.
 *
 * @module
 */

import { fromHex, toHex } from "../../algorithms/hex.ts";
import { concatenate } from "./block_cipher.ts";

/** Tags of X.690 §8. */
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const SEQUENCE = 0x30;

/** One element. */
interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

function readLength(bytes: Uint8Array): { length: number; header: number } {
  const first = bytes[1] ?? NaN;
  if (first < 0x80) return { length: first, header: 2 };
  const count = first - 0x80;
  if (!(count >= 1 && count <= 3)) {
    throw new SyntaxError("Length of an element");
  }
  const length = Number(toInteger(bytes.subarray(2, 2 + count)));
  return { length, header: 2 + count };
}

/** The elements that `bytes` consists of. */
function readElements(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const { length, header } = readLength(bytes.subarray(at));
    const end = at + header + length;
    if (!(end <= bytes.length)) throw new SyntaxError("Element is cut off");
    elements.push({
      tag: bytes[at]!,
      content: bytes.subarray(at + header, end),
    });
    at = end;
  }
  return elements;
}

/** The content of the one sequence that `bytes` is. */
export function readSequence(bytes: Uint8Array): Element[] {
  const [sequence, ...others] = readElements(bytes);
  if (sequence?.tag !== SEQUENCE || others.length > 0) {
    throw new SyntaxError("Not one sequence");
  }
  return readElements(sequence.content);
}

/** One element around `content`. */
export function element(tag: number, ...content: Uint8Array[]): Uint8Array {
  const body = concatenate(...content);
  const length: number[] = [];
  for (let rest = body.length; rest > 0; rest = rest >> 8) {
    length.unshift(rest & 0xff);
  }
  const header = body.length < 0x80
    ? [tag, body.length]
    : [tag, 0x80 + length.length, ...length];
  return concatenate(Uint8Array.from(header), body);
}

/** INTEGER of a value that is not negative. */
export function integerElement(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const padded = hex.length % 2 ? `0${hex}` : hex;
  const sign = parseInt(padded[0]!, 16) >= 8 ? "00" : "";
  return element(INTEGER, fromHex(sign + padded));
}

/** Big-endian bytes as an integer. */
export function toInteger(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** `lengthBytes` big-endian bytes of `value`, which fits. */
export function toBytes(
  value: bigint,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  return fromHex(value.toString(16).padStart(2 * lengthBytes, "0"));
}
