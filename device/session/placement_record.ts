/**
 * The placement of a session as bytes, a part of the session's record: numbers of
 * entries, the choices, and the names of the two lists. A text is its length in
 * 32 bits and its UTF-8.
 *
 * @module
 */

import type { Choice, SessionPlacement } from "./placement.ts";

/** Three 32-bit numbers of entries. */
const COUNTS_BYTES = 12;
/** Two sizes, and two texts' lengths. */
const SHORTEST_CHOICE_BYTES = 24;
const TEXT_LENGTH_BYTES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a placement. */
export function encodePlacement(placement: SessionPlacement): Uint8Array {
  const { choices, onFailure, onUnsupported } = placement;
  const names = [...onFailure, ...onUnsupported].map(encode);
  const texts = choices.map(({ backend, reason }) =>
    [encode(backend), encode(reason)] as const
  );
  const textBytes = [...texts.flat(), ...names]
    .reduce((sum, text) => sum + TEXT_LENGTH_BYTES + text.length, 0);
  const bytes = new Uint8Array(
    COUNTS_BYTES + 16 * choices.length + textBytes,
  );
  const writer = new Writer(bytes);
  writer.count(choices.length);
  writer.count(onFailure.length);
  writer.count(onUnsupported.length);
  choices.forEach(({ fromBytes, belowBytes }, i) => {
    writer.size(fromBytes);
    writer.size(belowBytes);
    for (const text of texts[i]!) writer.text(text);
  });
  for (const name of names) writer.text(name);
  return bytes;
}

const encode = (text: string) => encoder.encode(text);

class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  count(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  size(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  text(text: Uint8Array): void {
    this.count(text.length);
    this.#bytes.set(text, this.#at);
    this.#at += text.length;
  }
}

/** Says that bytes are no placement; never leaves this file. */
class Malformed extends Error {}

/** Reads a placement, whoever wrote it; a string says what is wrong. */
export function decodePlacement(bytes: Uint8Array): SessionPlacement | string {
  try {
    return readPlacement(new Reader(bytes));
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}

function readPlacement(reader: Reader): SessionPlacement {
  const choiceCount = reader.count(SHORTEST_CHOICE_BYTES);
  const failureCount = reader.count(TEXT_LENGTH_BYTES);
  const unsupportedCount = reader.count(TEXT_LENGTH_BYTES);
  const choices = list(choiceCount, () => readChoice(reader));
  const onFailure = list(failureCount, () => reader.text());
  const onUnsupported = list(unsupportedCount, () => reader.text());
  reader.end();
  const last = choices.at(-1);
  if (last?.fromBytes !== 0 || last.belowBytes !== Infinity) {
    throw new Malformed("a placement that leaves some sizes out");
  }
  return { choices, onFailure, onUnsupported };
}

function readChoice(reader: Reader): Choice {
  const fromBytes = reader.size();
  const belowBytes = reader.size();
  return {
    fromBytes,
    belowBytes,
    backend: reader.text(),
    reason: reader.text(),
  };
}

const list = <T>(count: number, read: () => T): T[] =>
  Array.from({ length: count }, read);

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  #take(lengthBytes: number): number {
    const at = this.#at;
    if (lengthBytes > this.#bytes.length - at) {
      throw new Malformed("a placement that ends too soon");
    }
    this.#at += lengthBytes;
    return at;
  }

  /** A number of entries that are not shorter than `entryBytes`. */
  count(entryBytes: number): number {
    const count = this.#view.getUint32(this.#take(4), true);
    if (count * entryBytes > this.#bytes.length) {
      throw new Malformed(`a placement of ${count} entries`);
    }
    return count;
  }

  /** A whole number of bytes, or no limit. */
  size(): number {
    const size = this.#view.getFloat64(this.#take(8), true);
    const isSize = Number.isSafeInteger(size) || size === Infinity;
    if (!isSize || size < 0 || Object.is(size, -0)) {
      throw new Malformed(`a placement by a size of ${size} bytes`);
    }
    return size;
  }

  text(): string {
    const lengthBytes = this.#view.getUint32(this.#take(4), true);
    const at = this.#take(lengthBytes);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + lengthBytes));
    } catch {
      throw new Malformed("a placement with a name that is no text");
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new Malformed("a placement with something behind its end");
    }
  }
}
