/**
 * What requests of a ring are about to overwrite and have read, or may have to read
 * again, in memory that outlives the process: a request that works in place has
 * destroyed its own source when it is done. Who comes next puts back what was there
 * and does it again.
 *
 * Records follow one another in a round, in the order of the ring: a record is
 * written before its request runs, and given up once the driver has been shown the
 * request. Units of 64 bytes; 32-bit words, little-endian:
 *
 * | what                                                                        |
 * | --------------------------------------------------------------------------- |
 * | unit 0: the first record's unit, and in the upper half the unit behind the  |
 * | last; the same where there is none                                          |
 * | a record: its units, 0 where the round goes on at unit 1; the request's     |
 * | position, with bit 16 where nothing could be saved; how many ranges; how    |
 * | many bytes; for each range its guest address in two words and its length;   |
 * | the bytes                                                                   |
 *
 * @module
 */

import { Segments } from "../../memory/segments.ts";
import {
  RANGE_LENGTH,
  RANGE_OFFSET,
  RANGE_WORDS,
} from "../../memory/range_lists.ts";
import type { OverwrittenRanges } from "../../memory/overwritten_ranges.ts";
import type { GuestMemory } from "./guest_memory.ts";
import type { RingPositions } from "./ring_positions.ts";

const UNDO_UNIT_BYTES = 64;
const UNIT_SHIFT = 6;
const UNIT_WORDS = UNDO_UNIT_BYTES / 4;
/** Numbers of units have 16 bits. */
export const MOST_UNDO_BYTES = 2 ** 16 * UNDO_UNIT_BYTES;
const SPAN = 0;
const FIRST = 1;

const UNITS = 0;
const POSITION = 1;
const RANGES = 2;
const BYTES = 3;
const FIRST_RANGE = 4;
const RECORD_RANGE_WORDS = 3;
const UNSAVED = 1 << 16;

/** What is no longer is copied word by word, which is faster than a call. */
const MOST_BY_WORDS = 256;

/** Left for records that save nothing: each request of a burst may need one. */
const SPARE_UNITS = 128;
const TWO_TO_32 = 2 ** 32;

/** What is known of a request that another process has begun. */
export interface UndoRecord {
  readonly position: number;
  /** Whether what it overwrote was saved. */
  readonly isSaved: boolean;
  readonly ranges: readonly SavedRange[];
}

interface SavedRange {
  readonly guestAddress: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The records of one ring. */
export class UndoLog {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #end: number;
  #head: number;
  #tail: number;
  /** Whether there are records since the last `commit`. */
  #isNew = false;

  /** At most `MOST_UNDO_BYTES` of memory: zeros, or what another has left. */
  constructor({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>) {
    this.#end = Math.floor(length / UNDO_UNIT_BYTES);
    this.#words = new Int32Array(buffer, byteOffset, UNIT_WORDS * this.#end);
    this.#bytes = new Uint8Array(buffer, byteOffset, length);
    const span = Atomics.load(this.#words, SPAN);
    this.#head = span & 0xffff || FIRST;
    this.#tail = span >>> 16 || FIRST;
  }

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  get #freeUnits(): number {
    const room = this.#tail - this.#head;
    const used = room < 0 ? room + this.#end - FIRST : room;
    return this.#end - FIRST - 1 - used;
  }

  /** Whether the half is in use: what is shown to the driver makes room. */
  get isFull(): boolean {
    return 2 * this.#freeUnits < this.#end;
  }

  /**
   * So many bytes have room, and one more request that is as large, wherever the
   * round ends.
   */
  get roomBytes(): number {
    return (Math.floor(this.#freeUnits / 3) - SPARE_UNITS) * UNDO_UNIT_BYTES;
  }

  /** Gives up all records: no request is out. */
  clear(): void {
    this.#setSpan(FIRST, FIRST);
  }

  #addTo(tail: number): void {
    this.#tail = tail;
    this.#isNew = true;
  }

  #setSpan(head: number, tail: number): void {
    this.#head = head;
    this.#tail = tail;
    this.#isNew = false;
    Atomics.store(this.#words, SPAN, head | tail << 16);
  }

  /** What was added is there for whoever comes next: the requests may run. */
  commit(): void {
    if (this.#isNew) this.#setSpan(this.#head, this.#tail);
  }

  /**
   * Writes down what the request at `position` is about to overwrite, or that this
   * has no room; `commit` has to follow.
   */
  add(
    position: number,
    ranges: OverwrittenRanges,
    memory: GuestMemory,
  ): void {
    const { count, totalBytes } = ranges;
    if (ranges.isBeyondCount || totalBytes > MOST_UNDO_BYTES) {
      return this.#addUnsaved(position);
    }
    const bytesAt = 4 * (FIRST_RANGE + RECORD_RANGE_WORDS * count);
    const units = (bytesAt + totalBytes + UNDO_UNIT_BYTES - 1) >> UNIT_SHIFT;
    const at = this.#place(units, SPARE_UNITS);
    if (at === 0) return this.#addUnsaved(position);
    const words = this.#words;
    const record = UNIT_WORDS * at;
    words[record + UNITS] = units;
    words[record + POSITION] = position;
    words[record + RANGES] = count;
    words[record + BYTES] = totalBytes;
    this.#save(record, ranges, memory);
    this.#addTo(at + units);
  }

  #save(record: number, ranges: OverwrittenRanges, memory: GuestMemory): void {
    const words = this.#words;
    const { table, windowLows, windowHighs } = memory;
    const { count } = ranges;
    let into = record + FIRST_RANGE;
    let bytesAt = 4 * (into + RECORD_RANGE_WORDS * count);
    for (let i = 0; i < count; i++) {
      const range = RANGE_WORDS * i;
      const place = ranges.words[range]!;
      const offset = ranges.words[range + RANGE_OFFSET]!;
      const lengthBytes = ranges.words[range + RANGE_LENGTH]!;
      // No window has both sides of a multiple of 2^32.
      words[into] = windowLows[place]! + offset | 0;
      words[into + 1] = windowHighs[place]!;
      words[into + 2] = lengthBytes;
      into += RECORD_RANGE_WORDS;
      const region = table[place]!;
      const from = region.words;
      if (
        from === undefined || lengthBytes > MOST_BY_WORDS ||
        ((offset | lengthBytes | bytesAt) & 3) !== 0
      ) this.#bytes.set(region.viewOf(offset, lengthBytes), bytesAt);
      else {
        const end = (offset + lengthBytes) >> 2;
        let word = bytesAt >> 2;
        let at = offset >> 2;
        for (; at < ((end - 3) | 0); at = (at + 4) | 0) {
          words[word] = from[at]!;
          words[word + 1] = from[at + 1]!;
          words[word + 2] = from[at + 2]!;
          words[word + 3] = from[at + 3]!;
          word = (word + 4) | 0;
        }
        for (; at < end; at = (at + 1) | 0) {
          words[word] = from[at]!;
          word = (word + 1) | 0;
        }
      }
      bytesAt = (bytesAt + lengthBytes) | 0;
    }
  }

  #addUnsaved(position: number): void {
    const at = this.#place(1, 0);
    if (at === 0) {
      throw new RangeError("Cannot write a record: expected room for it");
    }
    const record = UNIT_WORDS * at;
    this.#words.fill(0, record, record + FIRST_RANGE);
    this.#words[record + UNITS] = 1;
    this.#words[record + POSITION] = position | UNSAVED;
    this.#addTo(at + 1);
  }

  /**
   * A place for so many units that follow one another, beside which `spare` single
   * ones stay; 0: there is none.
   */
  #place(units: number, spare: number): number {
    if (this.isEmpty) this.#head = this.#tail = FIRST;
    const head = this.#head;
    const tail = this.#tail;
    if (tail < head) return tail + units + spare < head ? tail : 0;
    const left = this.#end - 1 - tail - units;
    if (left >= 0) return left + head - FIRST > spare ? tail : 0;
    if (FIRST + units + spare >= head) return 0;
    this.#words[UNIT_WORDS * tail + UNITS] = 0;
    return FIRST;
  }

  /** Gives up the records of requests before `place`, which the driver has seen. */
  free(positions: RingPositions, place: number): void {
    let head = this.#head;
    const tail = this.#tail;
    while (head !== tail) {
      const record = UNIT_WORDS * head;
      const units = this.#words[record + UNITS]!;
      if (units === 0) {
        head = FIRST;
        continue;
      }
      const position = this.#words[record + POSITION]! & 0xffff;
      if (!positions.isBefore(position, place)) break;
      head += units;
    }
    if (head === this.#head) return;
    if (head === tail) this.clear();
    else this.#setSpan(head, tail);
  }

  /** All records, the oldest first; a string says what cannot be read. */
  read(): UndoRecord[] | string {
    const records: UndoRecord[] = [];
    const end = this.#end;
    const tail = this.#tail;
    let at = this.#head;
    let isSecondRound = false;
    if (at >= end || tail >= end) return "an undo log that ends elsewhere";
    while (at !== tail) {
      const units = this.#words[UNIT_WORDS * at + UNITS]!;
      if (units === 0 && !isSecondRound && tail < at) {
        isSecondRound = true;
        at = FIRST;
        continue;
      }
      // None reaches the end: the mark that the round goes on is behind it.
      const limit = tail < at ? end - 1 : tail;
      if (units <= 0 || units > limit - at) {
        return `an undo log with a record of ${units} units`;
      }
      const record = this.#recordAt(UNIT_WORDS * at, units);
      if (typeof record === "string") return record;
      records.push(record);
      at += units;
    }
    return records;
  }

  #recordAt(record: number, units: number): UndoRecord | string {
    const words = this.#words;
    const position = words[record + POSITION]!;
    const count = words[record + RANGES]!;
    const mostRanges = UNIT_WORDS * units / RECORD_RANGE_WORDS;
    if (count < 0 || count > mostRanges) {
      return `an undo record with ${count} ranges`;
    }
    const end = 4 * (record + UNIT_WORDS * units);
    let at = record + FIRST_RANGE;
    let bytesAt = 4 * (at + RECORD_RANGE_WORDS * count);
    const ranges: SavedRange[] = [];
    for (let i = 0; i < count; i++) {
      const guestAddress = (words[at]! >>> 0) +
        (words[at + 1]! >>> 0) * TWO_TO_32;
      const lengthBytes = words[at + 2]!;
      if (lengthBytes < 0 || lengthBytes > end - bytesAt) {
        return `an undo record with a range of ${lengthBytes} bytes`;
      }
      const bytes = this.#bytes.subarray(bytesAt, bytesAt + lengthBytes);
      ranges.push({ guestAddress, bytes });
      at += RECORD_RANGE_WORDS;
      bytesAt += lengthBytes;
    }
    const isSaved = (position & UNSAVED) === 0;
    return { position: position & 0xffff, isSaved, ranges };
  }
}

/**
 * Puts back what requests from `place` on have overwritten, and gives up what was
 * written down of others; a string says why that is impossible. The records stay
 * until their requests have been shown: it may be done once more.
 */
export function undoRequests(
  log: UndoLog,
  memory: GuestMemory,
  positions: RingPositions,
  place: number,
): string | undefined {
  const records = log.read();
  if (typeof records === "string") return records;
  log.free(positions, place);
  const list = new Segments();
  // The last one first: what one has written another may have read.
  for (const { position, ranges } of records.reverse()) {
    if (positions.isBefore(position, place)) continue;
    for (const { guestAddress, bytes } of ranges) {
      list.clear();
      if (!memory.translate(guestAddress, bytes.length, list)) {
        return `an undo record for 0x${guestAddress.toString(16)}, which is ` +
          "not in the guest's memory";
      }
      list.write(0, bytes);
    }
  }
  return undefined;
}
