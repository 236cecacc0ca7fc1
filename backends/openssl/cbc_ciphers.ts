/**
 * AES-CBC for many sessions: what a request takes of its session is a number and
 * the key schedule that this is the place of.
 *
 * @module
 */

import { RANGE_OFFSET } from "../../memory/range_lists.ts";
import { OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import type { PieceWorker } from "../primitives/pieces.ts";
import type { Bytes, Cipher, CipherBursts } from "../primitives/primitives.ts";
import { type CbcContext, openCbcContext } from "./cbc_context.ts";
import { KeySchedules, SCHEDULE_STRIDE } from "./key_schedules.ts";
import type { CryptoLibrary } from "./library.ts";

// The engine folds constants of a module of its own only.
const WORDS = BURST_WORDS;
const SESSION = BurstField.Session;
const STATUS = BurstField.Status;
const WRITTEN = BurstField.WrittenBytes;
const IV_BYTES = BurstField.IvBytes;
const SOURCE = BurstField.Source;
const DESTINATION = BurstField.Destination;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;
const IV = IV_WORDS;
const OFFSET = RANGE_OFFSET;
const STRIDE = SCHEDULE_STRIDE;
const STRIDE_BYTES = 4 * SCHEDULE_STRIDE;
/** Words that are in lines of their own: round keys, and how many are used. */
const NEXT_KEYS = 16;
const LAST_KEYS = 32;
const ROUNDS = 60;
const OK: number = OperationStatus.Ok;
const FAILED: number = OperationStatus.Failed;
/** Above every slot and session; the engine knows what a masked number cannot be. */
const MASK = 0xffff;
const SESSIONS = 0xffffff;

const BLOCK_BYTES = 16;
const BLOCK_MASK = BLOCK_BYTES - 1;

/**
 * A record is the place of a schedule and, in its last bits, the number of a
 * context, from 1; 0 is none.
 */
const CONTEXT_BITS = 3;
const CONTEXT_MASK = (1 << CONTEXT_BITS) - 1;

/** The AES-CBC of a thread's sessions. */
export class CbcCiphers implements CipherBursts {
  readonly #library: CryptoLibrary;
  readonly #schedules = new KeySchedules();
  /** By number, from 1. */
  readonly #contexts: CbcContext[] = [];
  /** The number by key length and direction; 0: there is none. */
  readonly #numbers = new Map<number, number>();

  constructor(library: CryptoLibrary) {
    this.#library = library;
  }

  /** A cipher whose messages never mix with another's; undefined: not here. */
  make(key: Uint8Array, encrypts: boolean): Cipher | undefined {
    const number = this.#contextOf(key.length, encrypts);
    if (number === 0) return undefined;
    const context = this.#contexts[number]!;
    const place = context.expand(key, this.#schedules);
    return new CbcCipher(
      this.#schedules,
      context,
      place << CONTEXT_BITS | number,
    );
  }

  #contextOf(keyBytes: number, encrypts: boolean): number {
    const kind = 2 * keyBytes + (encrypts ? 1 : 0);
    let number = this.#numbers.get(kind);
    if (number === undefined) {
      const context = openCbcContext(this.#library, keyBytes, encrypts);
      number = context === undefined ? 0 : Math.max(1, this.#contexts.length);
      if (context !== undefined) this.#contexts[number] = context;
      this.#numbers.set(kind, number);
    }
    return number;
  }

  take(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    records: Int32Array<ArrayBuffer>,
    worker: PieceWorker,
  ): number {
    const { fields, ivs, lists, regions } = burst;
    const { block, starts } = lists;
    const { low, high } = this.#schedules;
    const contexts = this.#contexts;
    const end = this.#look(fields, slots, from, count, records);
    for (let i = from; i < end; i = (i + 1) | 0) {
      const slot = slots[i]! & MASK;
      const at = WORDS * slot;
      const record = records[fields[at + SESSION]! & SESSIONS]!;
      const context = contexts[record & CONTEXT_MASK]!;
      const keys = (low + STRIDE_BYTES * (record >>> CONTEXT_BITS)) | 0;
      context.begin(
        keys,
        (keys >>> 0) < (low >>> 0) ? high + 1 : high,
        ivs,
        IV * slot,
      );
      const start = starts[slot]!;
      const source = start + fields[at + SOURCE + FIRST]!;
      const result = start + fields[at + DESTINATION + FIRST]!;
      const lengthBytes = fields[at + SOURCE + TOTAL]!;
      const done = worker.applyRange(
        context,
        regions[block[source]!]!,
        block[source + OFFSET]! + fields[at + SOURCE + SKIPPED]!,
        regions[block[result]!]!,
        block[result + OFFSET]! + fields[at + DESTINATION + SKIPPED]!,
        lengthBytes,
      );
      if (!done) this.#library.clearErrors();
      fields[at + STATUS] = done ? OK : FAILED;
      fields[at + WRITTEN] = done ? lengthBytes : 0;
    }
    return end;
  }

  /**
   * The index of the first request that is not over one range each. It loads what
   * is to be used of each schedule, so that the processor fetches that of many
   * sessions at once.
   */
  #look(
    fields: Int32Array,
    slots: Int32Array,
    from: number,
    count: number,
    records: Int32Array,
  ): number {
    const { words } = this.#schedules;
    let i = from;
    for (; i < count; i = (i + 1) | 0) {
      const at = WORDS * (slots[i]! & MASK);
      const record = records[fields[at + SESSION]! & SESSIONS]!;
      const keys = STRIDE * (record >>> CONTEXT_BITS);
      const lengthBytes = fields[at + SOURCE + TOTAL]!;
      if (
        record === 0 || fields[at + SOURCE + COUNT] !== 1 ||
        fields[at + DESTINATION + COUNT] !== 1 ||
        fields[at + DESTINATION + TOTAL] !== lengthBytes ||
        fields[at + IV_BYTES]! < BLOCK_BYTES ||
        (lengthBytes & BLOCK_MASK) !== 0 ||
        // No schedule is wiped that a record names.
        (words[keys]! | words[keys + NEXT_KEYS]! | words[keys + LAST_KEYS]! |
            words[keys + ROUNDS]!) === 0
      ) break;
    }
    return i;
  }

  close(): void {
    for (const context of this.#contexts) context?.close();
    this.#contexts.length = 0;
    this.#numbers.clear();
    this.#schedules.wipe();
  }
}

/** The AES-CBC of one session. */
class CbcCipher implements Cipher {
  readonly blockBytes = BLOCK_BYTES;
  readonly minimumBytes = BLOCK_BYTES;
  readonly whole = false;
  readonly record: number;
  readonly #schedules: KeySchedules;
  readonly #context: CbcContext;

  constructor(schedules: KeySchedules, context: CbcContext, record: number) {
    this.#schedules = schedules;
    this.#context = context;
    this.record = record;
  }

  start(iv: Bytes, words?: Uint32Array): boolean {
    const { low, high } = this.#schedules;
    const keys = (low + STRIDE_BYTES * (this.record >>> CONTEXT_BITS)) | 0;
    this.#context.begin(
      keys,
      (keys >>> 0) < (low >>> 0) ? high + 1 : high,
      words ?? new Uint32Array(iv.slice(0, BLOCK_BYTES).buffer),
      0,
    );
    return true;
  }

  piece(input: Bytes, output: Bytes): boolean {
    return this.#context.piece(input, output);
  }

  pieceInPlace(bytes: Bytes, lengthBytes: number): boolean {
    return this.#context.pieceInPlace(bytes, lengthBytes);
  }

  close(): void {
    this.#schedules.remove(this.record >>> CONTEXT_BITS);
  }
}
