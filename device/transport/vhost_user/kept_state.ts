/**
 * The memory in which a guest outlives the process: where what is in it, and what of
 * it is words of its own. Little-endian:
 *
 * | at   | what                                                            |
 * | ---- | --------------------------------------------------------------- |
 * | 0    | magic number, 8 bytes                                           |
 * | 8    | version; then the oldest version whose reader understands it    |
 * | 24   | which of the two front-end's records holds: 0 none, 1, 2        |
 * | 32   | messages whose answers have been sent; then those that were     |
 * |      | about to be (`kept_answers.ts`)                                 |
 * | 48   | what the front-end has been told of the config space            |
 * | 56   | the message that is handled, and how many processes have begun  |
 * |      | that: eight times its number, and those                         |
 * | 64   | the message under way (`kept_message.ts`)                       |
 * | then | two front-end's records (`front_end_record.ts`); a journal for   |
 * |      | each ring (`used_journal.ts`); numbers of control requests      |
 * |      | (`request_numbers.ts`); the session log                         |
 *
 * A record is written where the other one does not hold, and then holds by one
 * store.
 *
 * @module
 */

import {
  closeKeptMemory,
  createKeptMemory,
  type KeptMemory,
  type MemoryKind,
  openKeptMemory,
} from "../../../ffi/kept_memory.ts";
import type { Libc } from "../../../ffi/libc.ts";
import { USED_JOURNAL_BYTES } from "../../ring/used_journal.ts";
import { FieldWriter } from "../../state/fields.ts";
import { KeptWords } from "../../state/kept_words.ts";
import { REQUEST_NUMBERS_BYTES } from "../../state/request_numbers.ts";
import {
  FRONT_END_RECORD_BYTES,
  type FrontEndRecord,
  MAX_RINGS,
  readFrontEnd,
  writeFrontEnd,
} from "./front_end_record.ts";
import { KEPT_MESSAGE_BYTES } from "./kept_message.ts";

/** "vdcstat" in ASCII, from its end. */
const MAGIC = Number(0x74_6174_7363_6476n & (2n ** 53n - 1n));
const VERSION = 2;
/** The first one knows nothing of undo logs, and does without. */
const FIRST_READER = 1;
/** Words of 64 bits. */
const MAGIC_WORD = 0;
const WRITER = 1;
const OLDEST_READER = 2;
const HOLDS = 3;
const TRIED = 7;
/** Above every number of tries. */
const TRIES = 8;
/** What the front-end has been told of the config space; 0: nothing yet. */
const CONFIG_TOLD = 6;
const MESSAGE_AT = 64;
const RECORD_BYTES = Math.ceil(FRONT_END_RECORD_BYTES / 64) * 64;
const RECORDS_AT = Math.ceil((MESSAGE_AT + KEPT_MESSAGE_BYTES) / 64) * 64;
const JOURNALS_AT = RECORDS_AT + 2 * RECORD_BYTES;
const JOURNAL_BYTES = Math.ceil(USED_JOURNAL_BYTES / 64) * 64;
const NUMBERS_AT = JOURNALS_AT + JOURNAL_BYTES * MAX_RINGS;
const SESSIONS_AT = NUMBERS_AT + Math.ceil(REQUEST_NUMBERS_BYTES / 64) * 64;

/** The state of one guest. */
export class KeptState {
  /** Its first words, of which some are others'. */
  readonly words: KeptWords;
  readonly #libc: Libc;
  readonly #memory: KeptMemory;

  private constructor(libc: Libc, memory: KeptMemory) {
    this.#libc = libc;
    this.#memory = memory;
    this.words = new KeptWords(this.#part(0, MESSAGE_AT));
  }

  /** Makes one in which nothing holds yet; a string says why there is none. */
  static create(
    libc: Libc,
    name: string,
    sessionBytes: number,
  ): KeptState | string {
    const memory = createKeptMemory(libc, name, SESSIONS_AT + sessionBytes);
    if (typeof memory === "number") return libc.describe(memory);
    const state = new KeptState(libc, memory);
    state.written();
    state.words.set(OLDEST_READER, FIRST_READER);
    state.words.set(MAGIC_WORD, MAGIC);
    return state;
  }

  /**
   * Opens what the process before has left; a string says what is wrong with it, and
   * then the descriptor stays the caller's.
   */
  static open(
    libc: Libc,
    fd: number,
  ): { state: KeptState; record: FrontEndRecord } | string {
    const memory = openKeptMemory(libc, fd);
    if (typeof memory === "number") {
      return `its state cannot be mapped: ${libc.describe(memory)}`;
    }
    const record = readState(memory);
    if (typeof record === "string") {
      libc.unmap(memory.mapping);
      return record;
    }
    return { state: new KeptState(libc, memory), record };
  }

  get fd(): number {
    return this.#memory.fd;
  }

  get memoryKind(): MemoryKind {
    return this.#memory.kind;
  }

  #part(start: number, end?: number): Uint8Array<ArrayBuffer> {
    return this.#memory.region.bytes.subarray(start, end);
  }

  /** Where the message under way is. */
  get messageBytes(): Uint8Array<ArrayBuffer> {
    return this.#part(MESSAGE_AT, MESSAGE_AT + KEPT_MESSAGE_BYTES);
  }

  /** Where the numbers of control requests are. */
  get numberBytes(): Uint8Array<ArrayBuffer> {
    return this.#part(NUMBERS_AT);
  }

  /** Where the session log is. */
  get sessionBytes(): Uint8Array<ArrayBuffer> {
    return this.#part(SESSIONS_AT);
  }

  /** Native address of a ring's journal. */
  journalAddress(ring: number): number {
    return this.#memory.mapping.address + JOURNALS_AT + JOURNAL_BYTES * ring;
  }

  /** This version has written it. */
  written(): void {
    this.words.set(WRITER, VERSION);
  }

  /** What the front-end has been told of the config space; 0: nothing yet. */
  get configTold(): number {
    return this.words.get(CONFIG_TOLD);
  }

  set configTold(told: number) {
    this.words.set(CONFIG_TOLD, told);
  }

  /**
   * Begins to handle a message; returns how many processes have ended in the midst
   * of that, before this one.
   */
  beginMessage(number: number): number {
    const tried = this.words.get(TRIED) || 0;
    const tries = Math.floor(tried / TRIES) === number ? tried % TRIES : 0;
    this.words.set(TRIED, TRIES * number + Math.min(tries + 1, TRIES - 1));
    return tries;
  }

  /** No process has ended in the midst of the next message. */
  endMessage(): void {
    this.words.set(TRIED, 0);
  }

  /** Makes `record` the one that holds. */
  save(record: FrontEndRecord): void {
    const other = this.words.get(HOLDS) === 1 ? 2 : 1;
    writeFrontEnd(new FieldWriter(recordBytes(this.#memory, other)), record);
    this.words.set(HOLDS, other);
  }

  /** Lets go of the memory, and wipes it first where nobody is to have it. */
  close(isGivenUp: boolean): void {
    if (isGivenUp) this.#memory.region.bytes.fill(0);
    closeKeptMemory(this.#libc, this.#memory);
  }

  /** Lets go of it; its descriptor is the caller's. */
  letGo(): void {
    this.#libc.unmap(this.#memory.mapping);
  }
}

function recordBytes(
  { region: { bytes } }: KeptMemory,
  which: number,
): Uint8Array<ArrayBuffer> {
  const at = RECORDS_AT + (which - 1) * RECORD_BYTES;
  return bytes.subarray(at, at + RECORD_BYTES);
}

function readState(memory: KeptMemory): FrontEndRecord | string {
  const { bytes } = memory.region;
  if (bytes.length < SESSIONS_AT) return `a state of ${bytes.length} bytes`;
  const words = new KeptWords(bytes.subarray(0, MESSAGE_AT));
  if (words.get(MAGIC_WORD) !== MAGIC) return "no state";
  const oldestReader = words.get(OLDEST_READER);
  if (!(oldestReader <= VERSION)) {
    return `a state for readers from version ${oldestReader} on, and this is ` +
      `version ${VERSION}`;
  }
  const which = words.get(HOLDS);
  if (which !== 1 && which !== 2) return "a state in which nothing holds";
  return readFrontEnd(recordBytes(memory, which));
}
