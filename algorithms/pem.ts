/**
 * PEM (RFC 7468): the blocks of a text, decoded from its bytes, since a string
 * that held a key could not be wiped.
 *
 * @module
 */

import { keyRoom } from "./key_bytes.ts";

/** One block; `der` is memory of its own, for the caller to wipe. */
export interface PemBlock {
  /** What follows BEGIN, for example `PRIVATE KEY`. */
  readonly label: string;
  readonly der: Uint8Array<ArrayBuffer>;
}

/** A text is no PEM. */
export class PemError extends Error {
  override readonly name = "PemError";
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";
const DASHES = "-----";
const PADDING = 0x3d;

const asciiOf = (text: string) => new TextEncoder().encode(text);

/** Where `wanted` is in `bytes` from `from` on, or -1. */
function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = from; at + wanted.length <= bytes.length; at++) {
    let same = 0;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}

/** All blocks of a text. Throws {@linkcode PemError} where one has no end. */
export function readPem(text: Uint8Array): PemBlock[] {
  const blocks: PemBlock[] = [];
  try {
    let at = indexOf(text, asciiOf(BEGIN), 0);
    while (at >= 0) {
      const { block, end } = readBlock(text, at + BEGIN.length);
      blocks.push(block);
      at = indexOf(text, asciiOf(BEGIN), end);
    }
    return blocks;
  } catch (error) {
    for (const { der } of blocks) der.fill(0);
    throw error;
  }
}

function readBlock(
  text: Uint8Array,
  labelAt: number,
): { block: PemBlock; end: number } {
  const labelEnd = indexOf(text, asciiOf(DASHES), labelAt);
  if (labelEnd < 0 || labelEnd - labelAt > 64) {
    throw new PemError("a block without a name");
  }
  const label = new TextDecoder().decode(text.subarray(labelAt, labelEnd));
  const ending = asciiOf(`${END}${label}${DASHES}`);
  const start = labelEnd + DASHES.length;
  const end = indexOf(text, ending, start);
  if (end < 0) throw new PemError(`a block "${label}" without an end`);
  return {
    block: { label, der: decodeBase64(text.subarray(start, end)) },
    end: end + ending.length,
  };
}

/** Value of a base64 character, or -1. */
function valueOf(character: number): number {
  if (character >= 0x41 && character <= 0x5a) return character - 0x41;
  if (character >= 0x61 && character <= 0x7a) return character - 0x61 + 26;
  if (character >= 0x30 && character <= 0x39) return character - 0x30 + 52;
  if (character === 0x2b) return 62;
  return character === 0x2f ? 63 : -1;
}

function decodeBase64(text: Uint8Array): Uint8Array<ArrayBuffer> {
  const room = keyRoom(Math.ceil(text.length / 4) * 3);
  let length = 0;
  let bits = 0;
  let held = 0;
  for (const character of text) {
    // Blanks and ends of lines.
    if (character <= 0x20 || character === PADDING) continue;
    const value = valueOf(character);
    if (value < 0) {
      room.fill(0);
      throw new PemError("a block that is not base64 (is the key encrypted?)");
    }
    held = (held << 6 | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    room[length++] = held >> bits;
  }
  const der = keyRoom(length);
  der.set(room.subarray(0, length));
  room.fill(0);
  return der;
}
