/**
 * A guest in memory and descriptors that outlive the process: what its front-end
 * has said, the message under way, its sessions. One process writes, the next
 * reads it as if an enemy had written it.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { openPipe, type Pipe } from "../../../ffi/libc_pipe.ts";
import { RequestNumbers } from "../../state/request_numbers.ts";
import { SessionLog } from "../../state/session_log.ts";
import type { FrontEndRecord, KeptNumber } from "./front_end_record.ts";
import type { JournalPlace } from "./journal_place.ts";
import { KeptAnswers } from "./kept_answers.ts";
import {
  type DescriptorKeeper,
  type KeptDescriptor,
  KeptDescriptors,
} from "./kept_descriptors.ts";
import { KeptIpsec } from "./kept_ipsec.ts";
import { KeptMessage } from "./kept_message.ts";
import { KeptState } from "./kept_state.ts";
import { KeptUndo, type UndoPool } from "./kept_undo.ts";

/** Parts of a descriptor's name behind that of its guest. */
const STATE = "state";
const UNDO = "undo";
const IPSEC = "ipsec";
const MEMORY_NAMES = [STATE, UNDO, IPSEC];
const PIPE_ENDS = ["answers-out", "answers-in"];
const OWN_NAMES = [...MEMORY_NAMES, ...PIPE_ENDS];
/** Of a guest, for which there must be room when it begins. */
const USUAL_NUMBER = 99_999_999;
const USUAL_DESCRIPTORS = 24;

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

/** What a guest consists of, open. */
interface KeptParts {
  readonly state: KeptState;
  readonly undo: KeptUndo;
  readonly ipsec: KeptIpsec | undefined;
  readonly pipe: Pipe;
  readonly hasPipeOfBefore: boolean;
}

/** One guest, kept. */
export class KeptGuest {
  readonly descriptors: KeptDescriptors;
  readonly state: KeptState;
  readonly sessions: SessionLog;
  readonly message: KeptMessage;
  readonly requestNumbers: RequestNumbers;
  readonly answers: KeptAnswers;
  /** Where security associations are kept; absent: there are none. */
  readonly ipsec: KeptIpsec | undefined;
  readonly #undo: KeptUndo;
  #isGivenUp = false;

  private constructor(
    libc: Libc,
    descriptors: KeptDescriptors,
    { state, undo, ipsec, pipe, hasPipeOfBefore }: KeptParts,
  ) {
    this.descriptors = descriptors;
    this.state = state;
    this.#undo = undo;
    this.ipsec = ipsec;
    this.answers = new KeptAnswers(libc, state.words, pipe, hasPipeOfBefore);
    this.sessions = new SessionLog(state.sessionBytes);
    this.requestNumbers = new RequestNumbers(state.numberBytes);
    this.message = new KeptMessage(
      state.messageBytes,
      (fd) => descriptors.keep(fd),
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
    const state = KeptState.create(libc, name, sessionBytes);
    if (typeof state === "string") return state;
    const undo = KeptUndo.create(libc, name, dataQueues, pool, true);
    if (typeof undo === "number") {
      state.close(true);
      return libc.describe(undo);
    }
    const ipsec = associations === undefined
      ? undefined
      : KeptIpsec.create(libc, name, associations);
    if (typeof ipsec === "number") {
      state.close(true);
      undo.close();
      return libc.describe(ipsec);
    }
    const pipe = newPipe(libc);
    if (typeof pipe === "string") {
      state.close(true);
      undo.close();
      ipsec?.close(true);
      return pipe;
    }
    const kept = new KeptGuest(
      libc,
      new KeptDescriptors(libc, keeper, name),
      { state, undo, ipsec, pipe, hasPipeOfBefore: false },
    );
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
    const found = left.find((one) => one.name === `${name}.${STATE}`);
    if (!found) return "its state is not there";
    const opened = KeptState.open(libc, found.fd);
    if (typeof opened === "string") return opened;
    const { state, record } = opened;
    const undo = KeptGuest.#openUndo(libc, name, left, room);
    const ipsec = typeof undo === "string"
      ? undefined
      : KeptGuest.#openIpsec(libc, name, left, room);
    const pipeOfBefore = leftPipe(name, left);
    const problem = [undo, ipsec].find((one) => typeof one === "string");
    const pipe = problem ?? pipeOfBefore ?? newPipe(libc);
    if (
      typeof undo === "string" || typeof ipsec === "string" ||
      typeof pipe === "string"
    ) {
      state.letGo();
      if (typeof undo !== "string") {
        undo.letGo(left.some(({ fd }) => fd === undo.fd));
      }
      if (typeof ipsec === "object") ipsec.letGo();
      return [undo, ipsec, pipe].find((one) => typeof one === "string")!;
    }
    const descriptors = new KeptDescriptors(libc, keeper, name);
    const hasPipeOfBefore = pipeOfBefore !== undefined;
    const parts = { state, undo, ipsec, pipe, hasPipeOfBefore };
    const kept = new KeptGuest(libc, descriptors, parts);
    state.written();
    // One end of a pipe alone is given up before the new ones have its name.
    const named = hasPipeOfBefore ? OWN_NAMES : MEMORY_NAMES;
    for (const one of left) descriptors.adopt(one, named);
    if (!left.some((one) => one.fd === undo.fd)) kept.#keepUndo();
    if (!hasPipeOfBefore) kept.#keepPipe();
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
    return this.descriptors.keepAs(UNDO, this.#undo.fd);
  }

  #keepPipe(): number {
    const { readFd, writeFd } = this.answers.pipe;
    const [out, into] = PIPE_ENDS;
    const told = this.descriptors.keepAs(out!, readFd);
    return told < 0 ? told : this.descriptors.keepAs(into!, writeFd);
  }

  /** Has what is no descriptor of the front-end kept. */
  #keepMemory(): number {
    const told = Math.min(this.#keepUndo(), this.#keepPipe());
    if (told < 0) return told;
    if (this.ipsec) {
      const kept = this.descriptors.keepAs(IPSEC, this.ipsec.fd);
      if (kept < 0) return kept;
    }
    return this.descriptors.keepAs(STATE, this.state.fd);
  }

  /** Where a ring has its journal. */
  journalOf(ring: number): JournalPlace {
    return {
      address: this.state.journalAddress(ring),
      undo: this.#undo.placeOf(ring),
    };
  }

  /**
   * Makes `record` the one that holds, and gives up what neither it nor a message
   * behind those that it includes names.
   */
  save(record: FrontEndRecord): void {
    this.state.save(record);
    this.message.clearHandled(record.messages);
    this.descriptors.closeUnclaimed();
    this.descriptors.forgetAllBut(
      numbersIn(record).union(new Set(this.message.descriptors)),
    );
  }

  /** Has the keeper give everything up: another guest may have the name now. */
  giveUp(): void {
    this.descriptors.closeUnclaimed();
    this.descriptors.forgetAllBut(new Set());
    for (const own of OWN_NAMES) {
      if (own !== IPSEC || this.ipsec) this.descriptors.forgetNamed(own);
    }
    this.#isGivenUp = true;
  }

  /**
   * Lets go of the memory, and wipes it where it was given up; else it is the next
   * process's. No ring may write to its journal any more.
   */
  close(): void {
    this.descriptors.closeUnclaimed();
    this.state.close(this.#isGivenUp);
    this.#undo.close();
    this.answers.close();
    this.ipsec?.close(this.#isGivenUp);
  }
}

/** A version before this one has left none; of one end alone there is no use. */
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
