/**
 * A guest in memory and descriptors that outlive the process: what its front-end
 * has said, the message under way, its sessions. One process writes, the next
 * reads it as if an enemy had written it.
 *
 * The memory, little-endian:
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
 * store. Descriptors are kept by numbers that are never used again, so that both
 * records name what is theirs.
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
import { openPipe, type Pipe } from "../../../ffi/libc_pipe.ts";
import { USED_JOURNAL_BYTES } from "../../ring/used_journal.ts";
import { FieldWriter } from "../../state/fields.ts";
import {
  REQUEST_NUMBERS_BYTES,
  RequestNumbers,
} from "../../state/request_numbers.ts";
import { SessionLog } from "../../state/session_log.ts";
import { KeptWords } from "../../state/kept_words.ts";
import {
  FRONT_END_RECORD_BYTES,
  type FrontEndRecord,
  type KeptNumber,
  MAX_RINGS,
  readFrontEnd,
  writeFrontEnd,
} from "./front_end_record.ts";
import type { JournalPlace } from "./journal_place.ts";
import { KeptAnswers } from "./kept_answers.ts";
import { KeptIpsec } from "./kept_ipsec.ts";
import { KEPT_MESSAGE_BYTES, KeptMessage } from "./kept_message.ts";
import { KeptUndo, type UndoPool } from "./kept_undo.ts";

/** Has descriptors kept by name; negative where the keeper did not hear it. */
export interface DescriptorKeeper {
  keep(name: string, fd: number): number;
  /** Whether so many descriptors can be kept by names like this one. */
  takes(name: string, count: number): boolean;
  forget(name: string): number;
}

/** A descriptor that was kept, by its name. */
export interface KeptDescriptor {
  readonly name: string;
  readonly fd: number;
}

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

/** Parts of a descriptor's name behind that of its guest. */
const STATE = "state";
const UNDO = "undo";
const PIPE_ENDS = ["answers-out", "answers-in"];
/** Of a guest, for which there must be room when it begins. */
const USUAL_NUMBER = 99_999_999;
const USUAL_DESCRIPTORS = 24;
const IPSEC = "ipsec";
const OWN_NAMES = [STATE, UNDO, IPSEC, ...PIPE_ENDS];

/** Whether a descriptor's name behind that of its guest is one that guests use. */
export const isPartOfGuest = (text: string): boolean =>
  OWN_NAMES.includes(text) || /^\d+$/.test(text);

/** What a guest is kept in. */
export interface KeptRoom {
  readonly sessionBytes: number;
  readonly dataQueues: number;
  readonly undo: UndoPool;
  /** How many security associations are kept; absent: there are none. */
  readonly associations?: number | undefined;
}

/** What the process before has left of a guest. */
export interface LeftGuest {
  readonly kept: KeptGuest;
  readonly record: FrontEndRecord;
}

/** One guest, kept. */
export class KeptGuest {
  readonly sessions: SessionLog;
  readonly message: KeptMessage;
  readonly requestNumbers: RequestNumbers;
  readonly #libc: Libc;
  readonly #keeper: DescriptorKeeper;
  readonly #name: string;
  readonly #memory: KeptMemory;
  readonly #undo: KeptUndo;
  readonly answers: KeptAnswers;
  /** Where security associations are kept; absent: there are none. */
  readonly ipsec: KeptIpsec | undefined;
  readonly #words: KeptWords;
  /** Numbers of descriptors that are open in this process. */
  readonly #numbers = new Map<number, KeptNumber>();
  /** Those that the process before has left, and that nobody has taken yet. */
  readonly #unclaimed = new Set<number>();
  /** All that the keeper has of this guest. */
  readonly #atKeeper = new Set<KeptNumber>();
  #lastNumber: KeptNumber = 0;
  #isGivenUp = false;

  private constructor(
    libc: Libc,
    keeper: DescriptorKeeper,
    name: string,
    memory: KeptMemory,
    undo: KeptUndo,
    ipsec: KeptIpsec | undefined,
    pipe: Pipe,
    hasPipeOfBefore: boolean,
  ) {
    this.#libc = libc;
    this.#keeper = keeper;
    this.#name = name;
    this.#memory = memory;
    this.#undo = undo;
    this.ipsec = ipsec;
    const { bytes } = memory.region;
    this.#words = new KeptWords(bytes.subarray(0, MESSAGE_AT));
    this.answers = new KeptAnswers(libc, this.#words, pipe, hasPipeOfBefore);
    this.sessions = new SessionLog(bytes.subarray(SESSIONS_AT));
    this.requestNumbers = new RequestNumbers(bytes.subarray(NUMBERS_AT));
    this.message = new KeptMessage(
      bytes.subarray(MESSAGE_AT, MESSAGE_AT + KEPT_MESSAGE_BYTES),
      (fd) => this.keep(fd),
    );
  }

  /**
   * Keeps a guest from now on, as `name` at the keeper; a string says why that is
   * impossible.
   */
  static create(
    libc: Libc,
    keeper: DescriptorKeeper,
    name: string,
    { sessionBytes, dataQueues, undo: pool, associations }: KeptRoom,
  ): KeptGuest | string {
    if (!keeper.takes(`${name}.${USUAL_NUMBER}`, USUAL_DESCRIPTORS)) {
      return "the keeper has no room for its descriptors' names";
    }
    const memory = createKeptMemory(libc, name, SESSIONS_AT + sessionBytes);
    if (typeof memory === "number") return libc.describe(memory);
    const undo = KeptUndo.create(libc, name, dataQueues, pool, true);
    if (typeof undo === "number") {
      closeKeptMemory(libc, memory);
      return libc.describe(undo);
    }
    const ipsec = associations === undefined
      ? undefined
      : KeptIpsec.create(libc, name, associations);
    if (typeof ipsec === "number") {
      closeKeptMemory(libc, memory);
      undo.close();
      return libc.describe(ipsec);
    }
    const pipe = newPipe(libc);
    if (typeof pipe === "string") {
      closeKeptMemory(libc, memory);
      undo.close();
      ipsec?.close(true);
      return pipe;
    }
    const kept = new KeptGuest(
      libc,
      keeper,
      name,
      memory,
      undo,
      ipsec,
      pipe,
      false,
    );
    kept.#words.set(WRITER, VERSION);
    kept.#words.set(OLDEST_READER, FIRST_READER);
    kept.#words.set(MAGIC_WORD, MAGIC);
    const told = kept.#keepMemory();
    if (told >= 0) return kept;
    kept.close();
    return `the keeper does not answer: ${libc.describe(told)}`;
  }

  /**
   * Takes over what the process before has left under `name`; a string says why
   * that is impossible, and then the descriptors are closed.
   */
  static takeOver(
    libc: Libc,
    keeper: DescriptorKeeper,
    name: string,
    left: readonly KeptDescriptor[],
    room: KeptRoom,
  ): LeftGuest | string {
    const taken = KeptGuest.#open(libc, keeper, name, left, room);
    if (typeof taken !== "string") return taken;
    for (const one of left) {
      keeper.forget(one.name);
      libc.close(one.fd);
    }
    return taken;
  }

  static #open(
    libc: Libc,
    keeper: DescriptorKeeper,
    name: string,
    left: readonly KeptDescriptor[],
    room: KeptRoom,
  ): LeftGuest | string {
    const state = left.find((one) => one.name === `${name}.${STATE}`);
    if (!state) return "its state is not there";
    const memory = openKeptMemory(libc, state.fd);
    if (typeof memory === "number") {
      return `its state cannot be mapped: ${libc.describe(memory)}`;
    }
    const record = readState(memory);
    const undo = typeof record === "string"
      ? record
      : KeptGuest.#openUndo(libc, name, left, room);
    const ipsec = typeof undo === "string"
      ? undefined
      : KeptGuest.#openIpsec(libc, name, left, room);
    const pipeOfBefore = leftPipe(name, left);
    const pipe = typeof ipsec === "string"
      ? ipsec
      : pipeOfBefore ?? newPipe(libc);
    if (
      typeof record === "string" || typeof undo === "string" ||
      typeof ipsec === "string" || typeof pipe === "string"
    ) {
      libc.unmap(memory.mapping);
      if (typeof undo !== "string") {
        undo.letGo(left.some(({ fd }) => fd === undo.fd));
      }
      return [record, undo, ipsec, pipe].find((one) =>
        typeof one === "string"
      )!;
    }
    const kept = new KeptGuest(
      libc,
      keeper,
      name,
      memory,
      undo,
      ipsec,
      pipe,
      pipeOfBefore !== undefined,
    );
    kept.#words.set(WRITER, VERSION);
    if (!left.some((one) => one.fd === undo.fd)) kept.#keepUndo();
    if (!pipeOfBefore) kept.#keepPipe();
    for (const one of left) kept.#adopt(one);
    return { kept, record };
  }

  /** A version before the second has left none. */
  static #openUndo(
    libc: Libc,
    name: string,
    left: readonly KeptDescriptor[],
    { dataQueues, undo: pool }: KeptRoom,
  ): KeptUndo | string {
    const found = left.find((one) => one.name === `${name}.${UNDO}`);
    if (found) return KeptUndo.takeOver(libc, found.fd, pool);
    const made = KeptUndo.create(libc, name, dataQueues, pool, false);
    return typeof made === "number" ? libc.describe(made) : made;
  }

  static #openIpsec(
    libc: Libc,
    name: string,
    left: readonly KeptDescriptor[],
    { associations }: KeptRoom,
  ): KeptIpsec | string | undefined {
    const found = left.find((one) => one.name === `${name}.${IPSEC}`);
    if (found) return KeptIpsec.takeOver(libc, found.fd);
    return associations === undefined
      ? undefined
      : "its associations are not there";
  }

  #keepUndo(): number {
    return this.#keeper.keep(`${this.#name}.${UNDO}`, this.#undo.fd);
  }

  #keepPipe(): number {
    const { readFd, writeFd } = this.answers.pipe;
    const [out, into] = PIPE_ENDS;
    const told = this.#keeper.keep(`${this.#name}.${out}`, readFd);
    if (told < 0) return told;
    return this.#keeper.keep(`${this.#name}.${into}`, writeFd);
  }

  /** Has what is no descriptor of the front-end kept. */
  #keepMemory(): number {
    const told = Math.min(this.#keepUndo(), this.#keepPipe());
    if (told < 0) return told;
    if (this.ipsec) {
      const { fd } = this.ipsec;
      const kept = this.#keeper.keep(`${this.#name}.${IPSEC}`, fd);
      if (kept < 0) return kept;
    }
    return this.#keeper.keep(`${this.#name}.${STATE}`, this.#memory.fd);
  }

  #adopt({ name, fd }: KeptDescriptor): void {
    const text = name.slice(this.#name.length + 1);
    if (OWN_NAMES.includes(text)) return;
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number <= 0) {
      this.#keeper.forget(name);
      this.#libc.close(fd);
      return;
    }
    this.#numbers.set(fd, number);
    this.#unclaimed.add(fd);
    this.#atKeeper.add(number);
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  #closeUnclaimed(): void {
    for (const fd of this.#unclaimed) this.#libc.close(fd);
    this.#unclaimed.clear();
  }

  /** Where a ring has its journal. */
  journalOf(ring: number): JournalPlace {
    const { address } = this.#memory.mapping;
    return {
      address: address + JOURNALS_AT + JOURNAL_BYTES * ring,
      undo: this.#undo.placeOf(ring),
    };
  }

  get memoryKind(): MemoryKind {
    return this.#memory.kind;
  }

  /** What the front-end has been told of the config space; 0: nothing yet. */
  get configTold(): number {
    return this.#words.get(CONFIG_TOLD);
  }

  set configTold(told: number) {
    this.#words.set(CONFIG_TOLD, told);
  }

  /**
   * Begins to handle a message; returns how many processes have ended in the midst
   * of that, before this one.
   */
  beginMessage(number: number): number {
    const tried = this.#words.get(TRIED) || 0;
    const tries = Math.floor(tried / TRIES) === number ? tried % TRIES : 0;
    this.#words.set(TRIED, TRIES * number + Math.min(tries + 1, TRIES - 1));
    return tries;
  }

  /** No process has ended in the midst of the next message. */
  endMessage(): void {
    this.#words.set(TRIED, 0);
  }

  /** Has a descriptor kept; returns its number, 0 where the keeper is gone. */
  keep(fd: number): KeptNumber {
    const number = ++this.#lastNumber;
    this.#numbers.delete(fd);
    if (this.#keeper.keep(`${this.#name}.${number}`, fd) < 0) return 0;
    this.#numbers.set(fd, number);
    this.#atKeeper.add(number);
    return number;
  }

  /** The number of a descriptor that is kept; 0 for one that is not. */
  numberOf(fd: number): KeptNumber {
    return fd < 0 ? 0 : this.#numbers.get(fd) ?? 0;
  }

  /**
   * Takes the descriptor with a number that the process before has left; -1 where
   * it is not there.
   */
  claim(number: KeptNumber): number {
    for (const fd of this.#unclaimed) {
      if (this.#numbers.get(fd) !== number) continue;
      this.#unclaimed.delete(fd);
      return fd;
    }
    return -1;
  }

  /**
   * Makes `record` the one that holds, and gives up what neither it nor a message
   * behind those that it includes names.
   */
  save(record: FrontEndRecord): void {
    const other = this.#words.get(HOLDS) === 1 ? 2 : 1;
    writeFrontEnd(new FieldWriter(recordBytes(this.#memory, other)), record);
    this.#words.set(HOLDS, other);
    this.message.clearHandled(record.messages);
    this.#closeUnclaimed();
    this.#forgetAllBut(
      numbersIn(record).union(new Set(this.message.descriptors)),
    );
  }

  #forgetAllBut(needed: ReadonlySet<KeptNumber>): void {
    for (const number of this.#atKeeper) {
      if (needed.has(number)) continue;
      this.#atKeeper.delete(number);
      this.#keeper.forget(`${this.#name}.${number}`);
    }
  }

  /** Has the keeper give everything up: another guest may have the name now. */
  giveUp(): void {
    this.#closeUnclaimed();
    this.#forgetAllBut(new Set());
    for (const own of OWN_NAMES) {
      if (own !== IPSEC || this.ipsec) {
        this.#keeper.forget(`${this.#name}.${own}`);
      }
    }
    this.#isGivenUp = true;
  }

  /**
   * Lets go of the memory, and wipes it where it was given up; else it is the next
   * process's. No ring may write to its journal any more.
   */
  close(): void {
    this.#closeUnclaimed();
    if (this.#isGivenUp) this.#memory.region.bytes.fill(0);
    closeKeptMemory(this.#libc, this.#memory);
    this.#undo.close();
    this.answers.close();
    this.ipsec?.close(this.#isGivenUp);
  }
}

/** A version of the device before this one has left none. */
function leftPipe(
  name: string,
  left: readonly KeptDescriptor[],
): Pipe | undefined {
  const [readFd, writeFd] = PIPE_ENDS.map((end) =>
    left.find((one) => one.name === `${name}.${end}`)?.fd
  );
  return readFd === undefined || writeFd === undefined
    ? undefined
    : { readFd, writeFd };
}

function newPipe(libc: Libc): Pipe | string {
  const pipe = openPipe(libc);
  return typeof pipe === "number" ? libc.describe(pipe) : pipe;
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

function numbersIn(
  { connection, backendRequests, rings, regions, ...others }: FrontEndRecord,
): ReadonlySet<KeptNumber> {
  return new Set([
    connection,
    backendRequests,
    ...rings.flatMap(({ kick, call, error }) => [kick, call, error]),
    ...regions.map(({ file }) => file),
    others.log?.file ?? 0,
    others.inflight?.file ?? 0,
    others.offeredInflight,
  ]);
}
