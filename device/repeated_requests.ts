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
} from "../backends/request_burst.ts";
import { OperationStatus } from "../backends/backend.ts";
import {
  HOME_WORDS,
  RANGE_LENGTH,
  RANGE_OFFSET,
} from "../memory/range_lists.ts";
import type { Segments } from "../memory/segments.ts";
import {
  IN_PLACE,
  type RequestSlots,
  SLOT_WORDS,
  SlotField,
} from "./request_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import { RECORD_WORDS, SessionField } from "./session/session_records.ts";
import type { ThreadSessions } from "./session/thread_sessions.ts";

// The engine folds constants of a module of its own only.
const HOME = HOME_WORDS;
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
const NONE = NO_SESSION;
const BURST = BURST_WORDS;
const SESSION = BurstField.Session;
const STATUS = BurstField.Status;
const WRITTEN = BurstField.WrittenBytes;
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
const IN_FLIGHT = SessionField.InFlight;
const EPOCH = SessionField.Epoch;
const ROUTE = SessionField.Route;
const BACKEND = SessionField.Backend;
const SLOT = SLOT_WORDS;
const SLOT_SESSION = SlotField.Session;
const SLOT_BACKEND = SlotField.Backend;
const MAY_OVERWRITE = SlotField.MayOverwrite;
const PLACE = IN_PLACE;
const PENDING: number = OperationStatus.Pending;

/**
 * Above every slot and every word of a header, number of a session and word of
 * the ranges at home; the engine knows what a masked number cannot be.
 */
const MASK = 0xffff;
const SESSIONS = 0xffffff;
const BLOCK = 0xffffff;

/**
 * The session's identifier begins with this word of a header. Two words come
 * before; behind it are `flag` with its padding, and then the fields, of which
 * every service has two.
 */
const SESSION_WORD = 2;

/** Words of what is remembered of a slot. */
const MEMORY = 40;
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
   * Of the request that `repeat` has left: the number of its session where it is
   * like the one remembered in everything but what is said there, else
   * `NO_SESSION`.
   */
  session: number = NO_SESSION;
  readonly #virtqueue: Virtqueue;
  readonly #requests: RequestSlots;
  readonly #sessions: Pick<ThreadSessions, "index" | "records" | "backends">;
  #memory: Int32Array<ArrayBuffer>;

  constructor(
    virtqueue: Virtqueue,
    requests: RequestSlots,
    sessions: Pick<ThreadSessions, "index" | "records" | "backends">,
  ) {
    this.#virtqueue = virtqueue;
    this.#requests = requests;
    this.#sessions = sessions;
    this.#memory = new Int32Array(MEMORY * virtqueue.slots.count);
  }

  /** Remembers the request in a slot whose ranges are at home there. */
  remember(slot: number, request: GoodRequest): void {
    if (slot >= this.#memory.length / MEMORY) this.#grow();
    const memory = this.#memory;
    const at = MEMORY * slot;
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
    const { fields } = this.#requests.burst;
    const at = BURST * slot;
    return fields[at + SOURCE + COUNT] === 1 &&
      fields[at + DESTINATION + COUNT]! <= 1 &&
      fields[at + DIGEST + COUNT]! <= 1;
  }

  forget(slot: number): void {
    this.#memory[MEMORY * slot + RULES] = 0;
  }

  #grow(): void {
    const grown = new Int32Array(MEMORY * this.#virtqueue.slots.count);
    grown.set(this.#memory);
    this.#memory = grown;
  }

  /**
   * Prepares the requests in the slots `chosen`, from index `from` up to `count`,
   * as long as each is like the one remembered, its session goes one way, and its
   * lists are plainly apart; lists their slots in `ready`, from `readyFrom` on.
   * Returns the index of the first that it has left, of which `session` tells.
   *
   * Each word of a header is read once. One loop, and no call in it that the
   * engine does not take apart.
   */
  repeat(
    chosen: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    ready: Int32Array<ArrayBuffer>,
    readyFrom: number,
  ): number {
    const memory = this.#memory;
    const { slots, regions } = this.#virtqueue;
    const { alike } = slots;
    const ranges = slots.lists.block;
    const { burst, words: own } = this.#requests;
    const { fields, ivs } = burst;
    const index = this.#sessions.index;
    const records = this.#sessions.records.words;
    const { epoch } = this.#sessions.backends;
    const shift = readyFrom - from;
    let place = -1;
    let words = memory;
    let overwrites = 0;
    let done = from;
    this.session = NONE;
    for (; done < count; done = (done + 1) | 0) {
      const slot = chosen[done]! & MASK;
      const at = MEMORY * slot;
      const rules = memory[at];
      // Only ranges at home are alike.
      if (rules === undefined || rules === 0 || alike[slot] === 0) break;
      const home = HOME * slot;
      const headerPlace = ranges[home]!;
      if (headerPlace !== place) {
        const region = regions[headerPlace]!.words;
        if (region === undefined) break;
        words = region;
        place = headerPlace;
      }
      const offset = ranges[home + OFFSET]!;
      if (
        (offset & 3) !== 0 ||
        ranges[home + LENGTH]! < memory[at + HEADER_BYTES]!
      ) break;
      const header = offset >>> 2;
      const typeWord = memory[at + TYPE_WORD]! & MASK;
      if (
        words[header] !== memory[at + HEADER] ||
        words[header + 1] !== memory[at + HEADER + 1] ||
        words[header + typeWord] !== memory[at + HEADER + typeWord] ||
        words[header + 4] !== memory[at + HEADER + 4] ||
        words[header + 5] !== memory[at + HEADER + 5] ||
        words[header + 6] !== memory[at + HEADER + 6] ||
        words[header + 7] !== memory[at + HEADER + 7]
      ) break;
      const end = memory[at + FIELDS_END]!;
      let word = 8;
      while (
        word < end && words[header + word] === memory[at + HEADER + word]
      ) word = (word + 1) & MASK;
      if (word < end) break;
      const session = index.find(
        words[header + SESSION_WORD]!,
        words[header + SESSION_WORD + 1]!,
      );
      const record = RECORD * (session & SESSIONS);
      if (session === NONE || records[record + RECORD_RULES] !== rules) break;
      const request = BURST * slot;
      const ivBytes = memory[at + IV_BYTES]!;
      const iv = (home + memory[at + IV_RANGE]!) & BLOCK;
      const ivOffset = ranges[iv + OFFSET]! + memory[at + IV_SKIP]!;
      if (
        records[record + EPOCH] !== epoch ||
        ((ivOffset | ivBytes) & 3) !== 0 || memory[at + IS_SIMPLE] === 0
      ) {
        this.session = session;
        break;
      }
      let ivWords = words;
      const ivPlace = ranges[iv]!;
      if (ivBytes !== 0 && ivPlace !== place) {
        const region = regions[ivPlace]!.words;
        if (region === undefined) {
          this.session = session;
          break;
        }
        ivWords = region;
      }
      const source = (home + fields[request + SOURCE + FIRST]!) & BLOCK;
      const sourceAt = ranges[source + OFFSET]! +
        fields[request + SOURCE + SKIPPED]!;
      const sourceBytes = fields[request + SOURCE + TOTAL]!;
      const result = (home + fields[request + DESTINATION + FIRST]!) & BLOCK;
      const resultAt = ranges[result + OFFSET]! +
        fields[request + DESTINATION + SKIPPED]!;
      const resultBytes = fields[request + DESTINATION + TOTAL]!;
      const digest = (home + fields[request + DIGEST + FIRST]!) & BLOCK;
      const digestAt = ranges[digest + OFFSET]! +
        fields[request + DIGEST + SKIPPED]!;
      const digestBytes = fields[request + DIGEST + TOTAL]!;
      if (
        (resultBytes !== 0 && ranges[result] === ranges[source] &&
          sourceAt < resultAt + resultBytes &&
          resultAt < sourceAt + sourceBytes &&
          // In place is apart, too.
          (sourceAt !== resultAt || sourceBytes !== resultBytes)) ||
        (digestBytes !== 0 &&
          ((ranges[digest] === ranges[source] &&
            sourceAt < digestAt + digestBytes &&
            digestAt < sourceAt + sourceBytes) ||
            (ranges[digest] === ranges[result] && resultBytes !== 0 &&
              resultAt < digestAt + digestBytes &&
              digestAt < resultAt + resultBytes)))
      ) {
        this.session = session;
        break;
      }
      if (ivBytes !== 0) {
        const ivWord = ivOffset >>> 2;
        const into = IV * slot;
        ivs[into] = ivWords[ivWord]!;
        if (ivBytes > 4) ivs[into + 1] = ivWords[ivWord + 1]!;
        if (ivBytes > 8) ivs[into + 2] = ivWords[ivWord + 2]!;
        if (ivBytes > 12) ivs[into + 3] = ivWords[ivWord + 3]!;
      }
      fields[request + SESSION] = records[record + ROUTE]!;
      fields[request + STATUS] = PENDING;
      fields[request + WRITTEN] = 0;
      own[SLOT * slot + SLOT_SESSION] = session;
      const isInPlace =
        sourceAt === resultAt && ranges[result] === ranges[source] ? PLACE : 0;
      own[SLOT * slot + MAY_OVERWRITE] = isInPlace;
      overwrites |= isInPlace;
      own[SLOT * slot + SLOT_BACKEND] = records[record + BACKEND]!;
      records[record + IN_FLIGHT]!++;
      ready[done + shift] = slot;
    }
    if (overwrites !== 0) this.#requests.mayOverwrite = true;
    return done;
  }

  /** Copies the IV of a request that is like the one remembered. */
  copyIv(slot: number): void {
    const memory = this.#memory;
    const { slots, regions } = this.#virtqueue;
    const ranges = slots.lists.block;
    const at = MEMORY * slot;
    const ivBytes = memory[at + IV_BYTES]!;
    const range = HOME * slot + memory[at + IV_RANGE]!;
    const offset = ranges[range + OFFSET]! + memory[at + IV_SKIP]!;
    const { ivs } = this.#requests.burst;
    const bytes = new Uint8Array(ivs.buffer, 4 * IV * slot, ivBytes);
    const region = regions[ranges[range]!]!;
    bytes.set(region.bytes.subarray(offset, offset + ivBytes));
  }
}
