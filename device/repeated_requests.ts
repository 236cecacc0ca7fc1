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
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../backends/request_burst.ts";
import {
  HOME_WORDS,
  RANGE_LENGTH,
  RANGE_OFFSET,
} from "../memory/range_lists.ts";
import type { Segments } from "../memory/segments.ts";
import type { ChainSlots } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION, type SessionIndex } from "./session/session_index.ts";
import {
  RECORD_WORDS,
  SessionField,
  type SessionRecords,
} from "./session/session_records.ts";

// The engine folds constants of a module of its own only.
const HOME = HOME_WORDS;
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
const NONE = NO_SESSION;
const BURST = BURST_WORDS;
const SOURCE = BurstField.Source;
const DESTINATION = BurstField.Destination;
const DIGEST = BurstField.Digest;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;
const IV = IV_WORDS;
const RECORD = RECORD_WORDS;
const RECORD_RULES = SessionField.Rules;

/**
 * Words of the header: the session's identifier takes two, then `flag`, and then
 * the fields, of which every service has two.
 */
const SESSION_WORD = 2;
const FLAG = 4;
const FIELDS = 6;

/** Words of what is remembered of a slot. */
const MEMORY_WORDS = 40;
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
/**
 * 1 where no list has more than one range, there is no associated data, and the
 * digest is an output: then it takes few comparisons to see what is apart.
 */
const IS_SIMPLE = 7;
/** The header itself. */
const HEADER = 8;

/** What is to be remembered of a request that has been found good. */
export interface GoodRequest {
  readonly rulesNumber: number;
  readonly header: Int32Array;
  readonly headerBytes: number;
  readonly fieldsEndBytes: number;
  readonly opTypeAt: number;
  /** One range at most. */
  readonly iv: Segments;
  /** Whether there is no associated data, and no tag to be read. */
  readonly isPlain: boolean;
}

/** What the slots of one ring remember. */
export class RepeatedRequests {
  /**
   * Of the request that `repeat` has found: whether it is plain that the
   * destination is the source or has no byte in common with it, and the digest
   * none with either.
   */
  isApart = false;
  readonly #virtqueue: Virtqueue;
  readonly #slots: ChainSlots;
  readonly #burst: RequestBurst;
  readonly #index: SessionIndex;
  readonly #records: SessionRecords;
  #memory: Int32Array<ArrayBuffer>;

  constructor(
    virtqueue: Virtqueue,
    burst: RequestBurst,
    index: SessionIndex,
    records: SessionRecords,
  ) {
    this.#virtqueue = virtqueue;
    this.#slots = virtqueue.slots;
    this.#burst = burst;
    this.#index = index;
    this.#records = records;
    this.#memory = new Int32Array(MEMORY_WORDS * virtqueue.slots.count);
  }

  /** Remembers the request in a slot whose ranges are at home there. */
  remember(slot: number, request: GoodRequest): void {
    if (slot >= this.#memory.length / MEMORY_WORDS) this.#grow();
    const memory = this.#memory;
    const at = MEMORY_WORDS * slot;
    const { iv } = request;
    memory[at + RULES] = request.rulesNumber;
    memory[at + HEADER_BYTES] = request.headerBytes;
    memory[at + FIELDS_END] = request.fieldsEndBytes >> 2;
    memory[at + TYPE_WORD] = request.opTypeAt >> 2;
    memory[at + IV_BYTES] = iv.totalBytes;
    memory[at + IV_RANGE] = iv.firstWord - HOME * slot;
    memory[at + IV_SKIP] = iv.skippedBytes;
    memory[at + IS_SIMPLE] = request.isPlain && this.#isSimple(slot) ? 1 : 0;
    const { header } = request;
    for (let i = 0; i < header.length; i++) {
      memory[at + HEADER + i] = header[i]!;
    }
  }

  #isSimple(slot: number): boolean {
    const { fields } = this.#burst;
    const at = BURST * slot;
    return fields[at + SOURCE + COUNT] === 1 &&
      fields[at + DESTINATION + COUNT]! <= 1 &&
      fields[at + DIGEST + COUNT]! <= 1;
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
  repeat(slot: number): number {
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
    const place = ranges[home]!;
    const { words } = regions[place]!;
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
      words[from + typeWord] !== memory[header + typeWord] ||
      words[from + FLAG] !== memory[header + FLAG] ||
      words[from + FLAG + 1] !== memory[header + FLAG + 1] ||
      words[from + FIELDS] !== memory[header + FIELDS] ||
      words[from + FIELDS + 1] !== memory[header + FIELDS + 1]
    ) return NONE;
    const end = memory[at + FIELDS_END]!;
    for (let i = FIELDS + 2; i < end; i++) {
      if (words[from + i] !== memory[header + i]) return NONE;
    }
    const session = this.#index.find(
      words[from + SESSION_WORD]!,
      words[from + SESSION_WORD + 1]!,
    );
    if (
      session === NONE ||
      this.#records.words[RECORD * session + RECORD_RULES] !== rules
    ) return NONE;
    this.isApart = this.#looksApart(ranges, slot, memory[at + IS_SIMPLE]!);
    const ivBytes = memory[at + IV_BYTES]!;
    if (ivBytes === 0) return session;
    const range = home + memory[at + IV_RANGE]!;
    const ivOffset = ranges[range + OFFSET]! + memory[at + IV_SKIP]!;
    const ivPlace = ranges[range]!;
    const ivWords = ivPlace === place ? words : regions[ivPlace]!.words;
    const { ivs } = this.#burst;
    const into = IV * slot;
    if (ivWords === undefined || ((ivOffset | ivBytes) & 3) !== 0) {
      const bytes = new Uint8Array(ivs.buffer, 4 * into, ivBytes);
      const end = ivOffset + ivBytes;
      bytes.set(regions[ivPlace]!.bytes.subarray(ivOffset, end));
      return session;
    }
    const ivFrom = ivOffset >> 2;
    ivs[into] = ivWords[ivFrom]!;
    if (ivBytes > 4) ivs[into + 1] = ivWords[ivFrom + 1]!;
    if (ivBytes > 8) ivs[into + 2] = ivWords[ivFrom + 2]!;
    if (ivBytes > 12) ivs[into + 3] = ivWords[ivFrom + 3]!;
    return session;
  }

  #looksApart(ranges: Int32Array, slot: number, isSimple: number): boolean {
    if (isSimple === 0) return false;
    const { fields } = this.#burst;
    const at = BURST * slot;
    const home = HOME * slot;
    const range = home + fields[at + SOURCE + FIRST]!;
    const region = ranges[range]!;
    const from = ranges[range + OFFSET]! + fields[at + SOURCE + SKIPPED]!;
    const lengthBytes = fields[at + SOURCE + TOTAL]!;
    const resultBytes = fields[at + DESTINATION + TOTAL]!;
    let to = 0;
    let toRegion = -1;
    if (resultBytes > 0) {
      const range = home + fields[at + DESTINATION + FIRST]!;
      toRegion = ranges[range]!;
      to = ranges[range + OFFSET]! + fields[at + DESTINATION + SKIPPED]!;
      const isInPlace = from === to && resultBytes === lengthBytes;
      if (
        toRegion === region && !isInPlace && from < to + resultBytes &&
        to < from + lengthBytes
      ) return false;
    }
    const digestBytes = fields[at + DIGEST + TOTAL]!;
    if (digestBytes === 0) return true;
    const last = home + fields[at + DIGEST + FIRST]!;
    const digestRegion = ranges[last]!;
    const digest = ranges[last + OFFSET]! + fields[at + DIGEST + SKIPPED]!;
    const end = digest + digestBytes;
    return (digestRegion !== region || from >= end ||
      digest >= from + lengthBytes) &&
      (digestRegion !== toRegion || to >= end || digest >= to + resultBytes);
  }
}
