/**
 * Requests that are like the one before in their slot. One with the same header,
 * of the same kind of session, and in ranges of the same lengths means the same:
 * it need not be decoded, laid out and checked again. Guests send such requests
 * one after the other.
 *
 * All that is remembered is numbers by slot.
 *
 * @module
 */

import {
  HOME_WORDS,
  RANGE_LENGTH,
  RANGE_OFFSET,
} from "../memory/range_lists.ts";
import type { Segments } from "../memory/segments.ts";
import type { ChainSlots } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { ThreadSessions } from "./session/thread_sessions.ts";

// The engine folds constants of a module of its own only.
const HOME = HOME_WORDS;
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
const NONE = NO_SESSION;

/** Words of the header: the session's identifier takes two, `flag` is next. */
const SESSION_WORD = 2;
const FLAG_WORD = 4;

/** Words of what is remembered of a slot. */
const MEMORY_WORDS = 48;
/** Number of the rules that the request complies with; 0: nothing to repeat. */
const RULES = 0;
/** Bytes of the header as it was asked for. */
const HEADER_BYTES = 1;
/** Word where the fields end that op_flf has, but for op_type … */
const FIELDS_END = 2;
/** … and the word of that; 0 in services without. */
const TYPE_WORD = 3;
/** Length of the IV, and where it begins: a word of the list, bytes to skip. */
const IV_BYTES = 4;
const IV_RANGE = 5;
const IV_SKIP = 6;
/** Length of the source, and where it and the destination begin, … */
const SOURCE_BYTES = 7;
const SOURCE_RANGE = 8;
const SOURCE_SKIP = 9;
const DESTINATION_RANGE = 10;
const DESTINATION_SKIP = 11;
/** … where both are one range of that length and all that there is; else 0. */
const IS_SIMPLE = 12;
/** The header itself. */
const HEADER = 16;

/** What is to be remembered of a request that has been found good. */
export interface GoodRequest {
  readonly rulesNumber: number;
  readonly header: Int32Array;
  readonly headerBytes: number;
  readonly fieldsEndBytes: number;
  readonly opTypeAt: number;
  readonly iv: Segments;
  readonly source: Segments;
  readonly destination: Segments;
  /** Whether there is neither associated data nor a digest. */
  readonly isPlain: boolean;
}

/** What the slots of one ring remember. */
export class RepeatedRequests {
  /** Of the request that `repeat` has found: how long its source is, … */
  sourceBytes = 0;
  /** … whether its IV is where it was to go, … */
  ivIsCopied = false;
  /**
   * … and whether it is plain that the destination is the source or has no byte
   * in common with it, and that there is nothing else.
   */
  isApart = false;
  readonly #virtqueue: Virtqueue;
  readonly #slots: ChainSlots;
  readonly #sessions: ThreadSessions;
  #memory: Int32Array<ArrayBuffer>;

  constructor(virtqueue: Virtqueue, sessions: ThreadSessions) {
    this.#virtqueue = virtqueue;
    this.#slots = virtqueue.slots;
    this.#sessions = sessions;
    this.#memory = new Int32Array(MEMORY_WORDS * virtqueue.slots.count);
  }

  /** Remembers the request in a slot whose ranges are at home there. */
  remember(slot: number, request: GoodRequest): void {
    if (slot >= this.#memory.length / MEMORY_WORDS) this.#grow();
    const memory = this.#memory;
    const at = MEMORY_WORDS * slot;
    const { iv, source, destination } = request;
    const home = HOME * slot;
    memory[at + RULES] = request.rulesNumber;
    memory[at + HEADER_BYTES] = request.headerBytes;
    memory[at + FIELDS_END] = request.fieldsEndBytes >> 2;
    memory[at + TYPE_WORD] = request.opTypeAt >> 2;
    memory[at + IV_BYTES] = iv.totalBytes;
    memory[at + IV_RANGE] = iv.firstWord - home;
    memory[at + IV_SKIP] = iv.skippedBytes;
    memory[at + SOURCE_BYTES] = source.totalBytes;
    memory[at + SOURCE_RANGE] = source.firstWord - home;
    memory[at + SOURCE_SKIP] = source.skippedBytes;
    memory[at + DESTINATION_RANGE] = destination.firstWord - home;
    memory[at + DESTINATION_SKIP] = destination.skippedBytes;
    memory[at + IS_SIMPLE] = request.isPlain && source.count === 1 &&
        destination.count === 1 && source.totalBytes === destination.totalBytes
      ? 1
      : 0;
    const { header } = request;
    for (let i = 0; i < header.length; i++) {
      memory[at + HEADER + i] = header[i]!;
    }
  }

  forget(slot: number): void {
    this.#memory[MEMORY_WORDS * slot + RULES] = 0;
  }

  #grow(): void {
    const grown = new Int32Array(MEMORY_WORDS * this.#slots.count);
    grown.set(this.#memory);
    this.#memory = grown;
  }

  /**
   * Looks whether the request in a slot is like the one remembered; then returns
   * the number of its session and copies the IV, else `NO_SESSION`. Each word of
   * the header is read once.
   */
  repeat(slot: number, iv: Uint32Array<ArrayBuffer>): number {
    const memory = this.#memory;
    const slots = this.#slots;
    const at = MEMORY_WORDS * slot;
    const rules = memory[at];
    // Only ranges at home are alike.
    if (slots.alike[slot] === 0 || rules === undefined || rules === 0) {
      return NONE;
    }
    const { regions } = this.#virtqueue;
    const ranges = slots.lists.block;
    const home = HOME * slot;
    const offset = ranges[home + OFFSET]!;
    const { words } = regions[ranges[home]!]!;
    if (
      words === undefined || (offset & 3) !== 0 ||
      ranges[home + LENGTH]! < memory[at + HEADER_BYTES]!
    ) return NONE;
    const from = offset >> 2;
    const header = at + HEADER;
    const typeWord = memory[at + TYPE_WORD]!;
    if (
      words[from] !== memory[header] ||
      words[from + 1] !== memory[header + 1] ||
      words[from + typeWord] !== memory[header + typeWord]
    ) return NONE;
    const end = memory[at + FIELDS_END]!;
    for (let i = FLAG_WORD; i < end; i++) {
      if (words[from + i] !== memory[header + i]) return NONE;
    }
    const session = this.#sessions.index.find(
      words[from + SESSION_WORD]!,
      words[from + SESSION_WORD + 1]!,
    );
    if (session === NONE || this.#sessions.rulesAt(session) !== rules) {
      return NONE;
    }
    this.sourceBytes = memory[at + SOURCE_BYTES]!;
    this.isApart = this.#looksApart(ranges, at, home);
    this.ivIsCopied = false;
    if (memory[at + IV_BYTES] !== 16) return session;
    const range = home + memory[at + IV_RANGE]!;
    const ivOffset = ranges[range + OFFSET]! + memory[at + IV_SKIP]!;
    const ivWords = regions[ranges[range]!]!.words;
    if (
      ivWords === undefined || (ivOffset & 3) !== 0 ||
      ranges[range + LENGTH]! < memory[at + IV_SKIP]! + 16
    ) return session;
    const ivFrom = ivOffset >> 2;
    iv[0] = ivWords[ivFrom]!;
    iv[1] = ivWords[ivFrom + 1]!;
    iv[2] = ivWords[ivFrom + 2]!;
    iv[3] = ivWords[ivFrom + 3]!;
    this.ivIsCopied = true;
    return session;
  }

  #looksApart(ranges: Int32Array, at: number, home: number): boolean {
    const memory = this.#memory;
    if (memory[at + IS_SIMPLE] === 0) return false;
    const source = home + memory[at + SOURCE_RANGE]!;
    const destination = home + memory[at + DESTINATION_RANGE]!;
    if (ranges[source] !== ranges[destination]) return true;
    const distance = ranges[source + OFFSET]! + memory[at + SOURCE_SKIP]! -
      ranges[destination + OFFSET]! - memory[at + DESTINATION_SKIP]!;
    const lengthBytes = memory[at + SOURCE_BYTES]!;
    return distance === 0 || distance >= lengthBytes ||
      distance <= -lengthBytes;
  }
}
