/**
 * The sessions of one guest, whichever road they came by: control queue or
 * vhost-user session messages.
 *
 * @module
 */

import { findIllegal } from "../../algorithms/legality.ts";
import {
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import type { Refusal } from "../wire/session_parameters.ts";
import { Status } from "../wire/status.ts";
import type { Choice, Placement, SessionPlacement } from "./placement.ts";
import { type Eventual, type Steps, takeSteps } from "./steps.ts";
import { SessionRedo } from "./session_redo.ts";
import type { ThreadBackends } from "./thread_backends.ts";

/** What a queue thread is told of a new session. */
export interface SessionAnnouncement {
  readonly id: number;
  readonly description: SessionDescription;
  readonly placement: SessionPlacement;
}

/** Who asks for something, where that can be asked again by the same number. */
export const NO_ORIGIN = 0;

/** Hears of sessions before the guest does. */
export interface SessionObserver {
  opened(announcement: SessionAnnouncement, origin: number): void;
  closed(id: number, origin: number): void;
  /** Hears that a reset has left sessions, of which `newest` is the newest. */
  left?(newest: number): void;
  /** Hears that keys of the store may be gone. */
  keysChanged?(): void;
  /**
   * How many announcements wait to be heard; a guest that opens and closes
   * sessions faster than its queue threads take notice is held up by this.
   */
  readonly waitingAnnouncements?: number;
  /** Hears why a session was not created. */
  refused?(refusal: Refusal): void;
}

/** Commands other than announcements, and what a burst keeps waiting. */
const WAITING_MARGIN = 1024;

const refusal = (status: Status, reason: string): Refusal => ({
  status,
  reason,
});

const ABANDONED = refusal(Status.Error, "its ring stopped meanwhile");

/** Asks backends whether they have a session. */
type Attempts<Result> = Steps<string | undefined, Result>;

/** What a reset by the driver does to its sessions. */
export const ACROSS_RESET = ["drop", "keep"] as const;
export type AcrossReset = (typeof ACROSS_RESET)[number];

/** Creates, announces and destroys sessions. */
export class SessionTable {
  readonly #sessions = new Map<number, SessionAnnouncement>();
  readonly #observers = new Set<SessionObserver>();
  readonly #placement: Placement;
  readonly #backends: ThreadBackends;
  readonly #maximumSessions: number;
  readonly #maximumWaiting: number;
  readonly #acrossReset: AcrossReset;
  /** Newest session that a reset has left; it and older ones go first. */
  #newestLeft = 0;
  /** Never reused, so that a stale identifier never names another session. */
  #nextId: number;
  /** What the process before has done. */
  #redo = new SessionRedo();
  /** Sessions that are being created. */
  #opening = 0;
  /** How often those were abandoned. */
  #abandonments = 0;
  /** Answers who waits for one. */
  readonly #abandoned = new Set<(refusal: Refusal) => void>();

  constructor(
    placement: Placement,
    backends: ThreadBackends,
    maximumSessions: number,
    acrossReset: AcrossReset = "drop",
    firstId = 1,
  ) {
    this.#nextId = firstId;
    this.#placement = placement;
    this.#backends = backends;
    this.#maximumSessions = maximumSessions;
    this.#acrossReset = acrossReset;
    // All sessions may be made, and taken back, before a thread has started.
    this.#maximumWaiting = 2 * maximumSessions + WAITING_MARGIN;
  }

  /** The most sessions at a time. */
  get maximum(): number {
    return this.#maximumSessions;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Creates a session; on refusal the keys of `description` are wiped. Where one
   * of its backends opens sessions on a lane, that is waited for.
   */
  create(
    description: SessionDescription,
    origin = NO_ORIGIN,
  ): Eventual<SessionAnnouncement | Refusal> {
    const before = this.#sessions.get(this.#redo.opened(origin) ?? NaN);
    if (before) {
      wipeKeys(description);
      return before;
    }
    return this.#createSoon(description, origin);
  }

  #createSoon(
    description: SessionDescription,
    origin: number,
    id?: number,
  ): Eventual<SessionAnnouncement | Refusal> {
    const created = takeSteps(this.#create(description, origin, id));
    return created instanceof Promise ? this.#orAbandoned(created) : created;
  }

  /**
   * Takes over the sessions of the process before, placed anew; `nextId`, `redo`
   * and the newest session that a reset has left are its, too. Returns why there are some that no backend has.
   */
  async takeOver(
    sessions: readonly Pick<SessionAnnouncement, "id" | "description">[],
    nextId: number,
    redo: SessionRedo,
    newestLeft = 0,
  ): Promise<string[]> {
    this.#nextId = nextId;
    this.#newestLeft = newestLeft;
    const lost: string[] = [];
    for (const { id, description } of sessions) {
      const taken = await this.#createSoon(description, NO_ORIGIN, id);
      if ("status" in taken) lost.push(`session ${id}: ${taken.reason}`);
    }
    this.#redo = redo;
    return lost;
  }

  #orAbandoned(
    created: Promise<SessionAnnouncement | Refusal>,
  ): Promise<SessionAnnouncement | Refusal> {
    return new Promise((resolve) => {
      this.#abandoned.add(resolve);
      void created.then(resolve).finally(() => this.#abandoned.delete(resolve));
    });
  }

  /** Refuses the sessions that are being created: nobody waits for them. */
  abandonOpening(): void {
    this.#abandonments++;
    for (const refuse of this.#abandoned) refuse(ABANDONED);
    this.#abandoned.clear();
  }

  *#create(
    description: SessionDescription,
    origin: number,
    id: number | undefined,
  ): Attempts<SessionAnnouncement | Refusal> {
    const abandonments = this.#abandonments;
    const others = this.#opening++;
    let created: SessionAnnouncement | Refusal;
    try {
      created = yield* this.#tryCreate(description, others, id);
    } finally {
      this.#opening--;
    }
    if (abandonments !== this.#abandonments) {
      created = ABANDONED;
    } else if (!("status" in created) && !this.#hasRoom(0)) {
      created = this.#noRoom();
    }
    if ("status" in created) {
      wipeKeys(description);
      this.refuse(created);
      return created;
    }
    if (this.#isFull(0)) this.destroy(this.#oldestLeft!);
    this.#sessions.set(created.id, created);
    for (const observer of this.#observers) observer.opened(created, origin);
    return created;
  }

  /**
   * The road of a session that is not created: tells the observers, also of what
   * was decided before this table.
   */
  refuse(refusal: Refusal): void {
    for (const observer of this.#observers) observer.refused?.(refusal);
  }

  *#tryCreate(
    description: SessionDescription,
    others: number,
    id: number | undefined,
  ): Attempts<SessionAnnouncement | Refusal> {
    const illegal = findIllegal(description);
    if (illegal) {
      return refusal(
        illegal.kind === "unsupported" ? Status.NotSupported : Status.Error,
        illegal.reason,
      );
    }
    if (!this.#hasRoom(others)) return this.#noRoom();
    for (const { waitingAnnouncements = 0 } of this.#observers) {
      if (waitingAnnouncements <= this.#maximumWaiting) continue;
      return refusal(Status.Error, "a queue thread is too busy to hear of it");
    }
    const key = this.#backends.keys?.find(description);
    const placement = this.#placement.place(description, key?.backend);
    if (!placement) {
      return refusal(Status.NotSupported, "no backend may have it");
    }
    const opened = yield* this.#openEverywhere(description, placement);
    return "status" in opened
      ? opened
      : { id: id ?? this.#nextId++, description, placement: opened };
  }

  /** Whether there is no place left when `others` have theirs. */
  #isFull(others: number): boolean {
    return this.#sessions.size + others >= this.#maximumSessions;
  }

  #hasRoom(others: number): boolean {
    return !this.#isFull(others) || this.#oldestLeft !== undefined;
  }

  #noRoom(): Refusal {
    return refusal(Status.NoSpace, `${this.#maximumSessions} sessions exist`);
  }

  /** The oldest session from before the last reset, if one is left. */
  get #oldestLeft(): number | undefined {
    const [oldest] = this.#sessions.keys();
    return oldest !== undefined && oldest <= this.#newestLeft
      ? oldest
      : undefined;
  }

  /**
   * Opens the session once on each of its backends, so that a key that cannot
   * be used is refused now and not at the first request. Where a backend cannot
   * have this very session, another that may takes its place; one that is down
   * keeps it where its requests may go elsewhere meanwhile.
   */
  *#openEverywhere(
    description: SessionDescription,
    placement: SessionPlacement,
  ): Attempts<SessionPlacement | Refusal> {
    const choices: Choice[] = [];
    for (const choice of placement.choices) {
      const first = yield this.#backends.tryOpening(
        choice.backend,
        description,
      );
      if (first === undefined) {
        choices.push(choice);
        continue;
      }
      const other = yield* this.#firstOther(
        description,
        placement.onUnsupported.filter((name) => name !== choice.backend),
      );
      if (other === undefined) {
        return refusal(Status.Error, `${choice.backend}: ${first}`);
      }
      const waits = placement.onFailure.length > 0 &&
        !this.#backends.works(choice.backend);
      const reason = `${choice.backend} cannot have it: ${first}`;
      choices.push(waits ? choice : { ...choice, backend: other, reason });
    }
    return { ...placement, choices };
  }

  *#firstOther(
    description: SessionDescription,
    backends: readonly string[],
  ): Attempts<string | undefined> {
    for (const backend of backends) {
      const reason = yield this.#backends.tryOpening(backend, description);
      if (reason === undefined) return backend;
    }
    return undefined;
  }

  /** The session with this identifier. */
  get(id: number): SessionAnnouncement | undefined {
    return this.#sessions.get(id);
  }

  /** Destroys session `id` and wipes its keys. */
  destroy(id: number, origin = NO_ORIGIN): Status {
    const session = this.#sessions.get(id);
    if (!session) {
      return this.#redo.closed(origin) === id ? Status.Ok : Status.Error;
    }
    this.#sessions.delete(id);
    for (const observer of this.#observers) observer.closed(id, origin);
    wipeKeys(session.description);
    return Status.Ok;
  }

  /** Identifier of the newest session there has been; 0: none. */
  get newestId(): number {
    return this.#nextId - 1;
  }

  /** Destroys all sessions, or those up to the one with identifier `newest`. */
  clear(newest = this.newestId): void {
    this.abandonOpening();
    for (const id of [...this.#sessions.keys()]) {
      if (id <= newest) this.destroy(id);
    }
  }

  /**
   * The driver of the sessions up to the one with identifier `newest` was reset:
   * they go, or where they are to stay, they make room for new ones.
   */
  driverReset(newest = this.newestId): void {
    this.abandonOpening();
    if (this.#acrossReset === "drop") this.clear(newest);
    else {
      this.#newestLeft = Math.max(this.#newestLeft, newest);
      for (const { left } of this.#observers) left?.(this.#newestLeft);
    }
  }

  /** Ends the sessions of keys that the store no longer has, with ERR. */
  keysChanged(): void {
    for (const observer of this.#observers) observer.keysChanged?.();
  }

  /** All sessions as they were announced. */
  current(): Iterable<SessionAnnouncement> {
    return this.#sessions.values();
  }

  /** Tells `observer` of every change from now on; returns how to stop it. */
  observe(observer: SessionObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }
}
