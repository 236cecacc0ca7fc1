/**
 * The sessions of a guest in memory that outlives the process: written by one
 * process, read by the next, which believes nothing of it.
 *
 * The memory is two halves, of which one is in use. Entries follow one another; a
 * session that is closed is wiped in its place, and when the half is full what is
 * left moves to the other. Little-endian:
 *
 * | at   | what                                                             |
 * | ---- | ---------------------------------------------------------------- |
 * | 0    | which half is in use                                             |
 * | 8    | the next identifier                                              |
 * | 16   | how many sessions have been closed                               |
 * | 24   | the 64 closed last: origin and identifier, in a round            |
 * | 1048 | the newest session that a reset has left                         |
 * | 1088 | the halves                                                       |
 *
 * An entry is its length, whether it is live, its origin, and the record of a
 * session (`session_record.ts`), zeros where that is gone. An entry of length 0
 * ends the half: a length is written when all behind it is. Origins are who asked
 * for an opening or a closing (`session_redo.ts`).
 *
 * @module
 */

import { wipeKeys } from "../../algorithms/session_description.ts";
import {
  decodeSessionRecord,
  encodeSessionRecord,
  type SessionRecord,
} from "../session/session_record.ts";
import { MOST_UNTOLD } from "../session/session_redo.ts";
import { NO_ORIGIN } from "../session/session_table.ts";
import { readUint64, writeUint64 } from "../wire/uint64.ts";
import { KeptWords } from "./kept_words.ts";

/** Words of 64 bits. */
const HALF = 0;
const NEXT_ID = 1;
const CLOSED_COUNT = 2;
const FIRST_CLOSED = 3;
const NEWEST_LEFT = FIRST_CLOSED + 2 * MOST_UNTOLD;
const HEADER_BYTES = 1088;
const ENTRY_HEADER_BYTES = 16;
const LIVE_AT = 4;
const ORIGIN_AT = 8;
const ALIGNMENT_BYTES = 8;
/** Those that follow are to be exact numbers, too. */
export const MAX_NEXT_ID: number = 2 ** 52;

/** A session as it is read back, and who had asked for it. */
export interface LoggedSession extends SessionRecord {
  readonly origin: number;
}

/** A half, as bytes and as words of 32 bits, which are stored whole. */
interface Half {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, length);

/** Sessions that outlive the process. */
export class SessionLog {
  readonly #header: KeptWords;
  readonly #halves: readonly [Half, Half];
  /** Where each live session's entry is in the half in use. */
  readonly #places = new Map<number, number>();
  #half = 0;
  #end = 0;

  /** `bytes` are zeros, or what another log of the same length has left. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const half = Math.floor((bytes.length - HEADER_BYTES) / 16) * 8;
    const { buffer, byteOffset } = bytes;
    const at = (from: number): Half => ({
      bytes: bytes.subarray(from, from + half),
      words: new Int32Array(buffer, byteOffset + from, half / 4),
    });
    this.#header = new KeptWords(bytes.subarray(0, HEADER_BYTES));
    this.#halves = [at(HEADER_BYTES), at(HEADER_BYTES + half)];
  }

  /**
   * Reads what is there, once, before anything is written; a string says why
   * nothing of it can be used.
   */
  read(): LoggedSession[] | string {
    const records: LoggedSession[] = [];
    const problem = this.#readInto(records);
    if (problem === undefined) return records;
    for (const { description } of records) wipeKeys(description);
    return problem;
  }

  #readInto(records: LoggedSession[]): string | undefined {
    const half = this.#header.get(HALF);
    if (half !== 0 && half !== 1) return `a session log with half ${half} of 2`;
    if (!(this.nextId <= MAX_NEXT_ID)) {
      return "a session log without identifiers";
    }
    this.#half = half;
    const { bytes, words } = this.#halves[half]!;
    while (this.#end + ENTRY_HEADER_BYTES <= bytes.length) {
      const at = this.#end;
      const lengthBytes = words[at / 4]!;
      if (lengthBytes === 0) break;
      if (
        lengthBytes < ENTRY_HEADER_BYTES ||
        lengthBytes % ALIGNMENT_BYTES !== 0 ||
        lengthBytes > bytes.length - at
      ) return `a session log with an entry of ${lengthBytes} bytes`;
      if (words[(at + LIVE_AT) / 4] === 1) {
        const record = decodeSessionRecord(
          bytes.subarray(at + ENTRY_HEADER_BYTES, at + lengthBytes),
        );
        if (typeof record === "string") return record;
        if (this.#places.has(record.id) || record.id >= this.nextId) {
          wipeKeys(record.description);
          return `a session log with session ${record.id} that cannot be`;
        }
        this.#places.set(record.id, at);
        const origin = readUint64(viewOf(bytes), at + ORIGIN_AT);
        records.push({ ...record, origin });
      }
      this.#end += lengthBytes;
    }
    // What a process that ended meanwhile has left of records elsewhere.
    bytes.fill(0, this.#end);
    this.#halves[1 - half]!.bytes.fill(0);
    return undefined;
  }

  /** No session has had this identifier, nor a greater one. */
  get nextId(): number {
    return this.#header.get(NEXT_ID);
  }

  set nextId(id: number) {
    this.#header.set(NEXT_ID, id);
  }

  /** The newest session from before the driver's last reset; 0: none is. */
  get newestLeft(): number {
    return this.#header.get(NEWEST_LEFT) || 0;
  }

  set newestLeft(id: number) {
    this.#header.set(NEWEST_LEFT, id);
  }

  /** The sessions that were closed last, by origin. */
  get closed(): (readonly [origin: number, id: number])[] {
    const header = this.#header;
    return Array.from({ length: MOST_UNTOLD }, (_, i) => {
      const word = FIRST_CLOSED + 2 * i;
      return [header.get(word), header.get(word + 1)] as const;
    });
  }

  #noteClosed(origin: number, id: number): void {
    const header = this.#header;
    const count = header.get(CLOSED_COUNT) || 0;
    const word = FIRST_CLOSED + 2 * (count % MOST_UNTOLD);
    // Without an origin it is nobody's while the identifier changes.
    header.set(word, NO_ORIGIN);
    header.set(word + 1, id);
    header.set(word, origin);
    header.set(CLOSED_COUNT, count + 1);
  }

  /** Adds a session; false where there is no room for it. */
  add(record: SessionRecord, origin: number): boolean {
    // A session that has no room is served all the same, by its identifier.
    this.nextId = Math.max(this.nextId, record.id + 1);
    if (this.#append(record, origin)) return true;
    this.#compact();
    return this.#append(record, origin);
  }

  #append(record: SessionRecord, origin: number): boolean {
    const { bytes, words } = this.#halves[this.#half]!;
    const at = this.#end;
    const recordAt = at + ENTRY_HEADER_BYTES;
    const recorded = encodeSessionRecord(
      record,
      (lengthBytes) =>
        lengthBytes <= bytes.length - recordAt
          ? bytes.subarray(recordAt, recordAt + lengthBytes)
          : undefined,
    );
    if (!recorded) return false;
    const lengthBytes = ENTRY_HEADER_BYTES + recorded.length;
    words[(at + LIVE_AT) / 4] = 1;
    writeUint64(viewOf(bytes), at + ORIGIN_AT, origin);
    this.#endHalf(at + lengthBytes);
    Atomics.store(words, at / 4, lengthBytes);
    this.#places.set(record.id, at);
    return true;
  }

  /** What lies behind the last entry may be of an older one. */
  #endHalf(end: number): void {
    const { bytes, words } = this.#halves[this.#half]!;
    if (end + ENTRY_HEADER_BYTES <= bytes.length) {
      Atomics.store(words, end / 4, 0);
    }
    this.#end = end;
  }

  /** Wipes a session. */
  remove(id: number, origin: number): void {
    const at = this.#places.get(id);
    if (at === undefined) return;
    this.#places.delete(id);
    this.#noteClosed(origin, id);
    const { bytes, words } = this.#halves[this.#half]!;
    const lengthBytes = words[at / 4]!;
    Atomics.store(words, (at + LIVE_AT) / 4, 0);
    bytes.fill(0, at + ENTRY_HEADER_BYTES, at + lengthBytes);
  }

  /** Moves what is left to the other half, and wipes this one. */
  #compact(): void {
    const from = this.#halves[this.#half]!;
    const other = 1 - this.#half;
    const to = this.#halves[other]!;
    let end = 0;
    for (const [id, at] of this.#places) {
      const lengthBytes = from.words[at / 4]!;
      to.bytes.set(from.bytes.subarray(at, at + lengthBytes), end);
      this.#places.set(id, end);
      end += lengthBytes;
    }
    this.#half = other;
    this.#endHalf(end);
    this.#header.set(HALF, other);
    from.bytes.fill(0);
  }
}
