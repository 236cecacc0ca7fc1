/**
 * The sessions of a guest as one queue thread knows them: announced by the
 * session table, opened on their backends at first use (`session_routes.ts`).
 *
 * @module
 */

import {
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import type { BackendOptions, OperationKind } from "../../backends/backend.ts";
import type { GuestKeySettings } from "../keys/guest_keys.ts";
import type { FailureListener } from "./failure.ts";
import type { BackendLane } from "./open_backends.ts";
import type {
  BackendOffers,
  Placement,
  PlacementSettings,
  SessionPlacement,
} from "./placement.ts";
import type { Route } from "./route_table.ts";
import { NO_SESSION, SessionIndex } from "./session_index.ts";
import {
  CLOSE_IT,
  CLOSE_OLD_ROUTES,
  RECORD_WORDS,
  SessionField,
  SessionRecords,
} from "./session_records.ts";
import { SessionRoutes } from "./session_routes.ts";
import type { SessionAnnouncement } from "./session_table.ts";
import { createSession, type ThreadSession } from "./thread_session.ts";
import type { ThreadBackends } from "./thread_backends.ts";
import { WorkSeries } from "./work_series.ts";

/** A backend that every queue thread opens. */
export interface BackendSettings extends BackendOffers {
  readonly specifier: string;
  readonly options: BackendOptions;
  /** What of it runs on a lane, which all queue threads share. */
  readonly onLane: BackendLane["takes"] | undefined;
}

/** What a queue thread needs to know of its device; structured-cloneable. */
export interface ThreadSettings extends PlacementSettings {
  readonly backends: readonly BackendSettings[];
  readonly maximumSizeBytes: number;
  /** Mask of the services that are offered. */
  readonly services: number;
  readonly maxCipherKeyBytes: number;
  readonly maxAuthKeyBytes: number;
  /** What the guest may use of the key store; absent: there is none. */
  readonly keys?: GuestKeySettings;
}

// The engine folds constants of a module of its own only.
const WORDS = RECORD_WORDS;
const IN_FLIGHT = SessionField.InFlight;
const EPOCH = SessionField.Epoch;
const ROUTE = SessionField.Route;
const WHEN_IDLE = SessionField.WhenIdle;
/** Above every session; the engine knows what a masked number cannot be. */
const MASK = 0xffffff;

/**
 * Sessions by identifier, opened lazily. What a request needs of its session is
 * in flat records by the session's number, so that many sessions cost little.
 */
export class ThreadSessions {
  readonly backends: ThreadBackends;
  readonly records = new SessionRecords();
  /** What they have done. */
  readonly work: WorkSeries;
  readonly index = new SessionIndex(this.records);
  /** Where they are opened. */
  readonly routes: SessionRoutes;
  /** Sessions that the device itself uses: requests cannot name them. */
  readonly ownIndex = new SessionIndex(this.records);
  readonly #placement: Placement;
  /** By number. */
  readonly #sessions: (ThreadSession | undefined)[] = [];
  /** By the number that their session has there, of other guests too. */
  readonly #routes: (Route | undefined)[];
  readonly #freeNumbers: number[] = [];
  readonly #refresh: (() => void) | undefined;

  /**
   * `noted` hears of requests and sessions that fail; `refresh` announces what
   * has been opened and closed elsewhere since; `work` counts what they do.
   */
  constructor(
    backends: ThreadBackends,
    placement: Placement,
    noted: FailureListener = () => {},
    refresh?: () => void,
    work: WorkSeries = new WorkSeries(),
  ) {
    this.backends = backends;
    this.work = work;
    this.routes = new SessionRoutes(backends, this.records, work, noted);
    this.#routes = backends.table.routes;
    this.#placement = placement;
    this.#refresh = refresh;
  }

  /** Learns of a session; the description becomes this thread's own. */
  opened(
    { id, description, placement }: SessionAnnouncement,
    index = this.index,
  ): void {
    const session = this.#add(id, description, placement);
    index.add(id, session.number);
  }

  #add(
    id: number,
    description: SessionDescription,
    placement: SessionPlacement,
  ): ThreadSession {
    const number = this.#freeNumbers.pop() ?? this.#sessions.length;
    const key = this.backends.keys?.find(description);
    const session = createSession(id, number, description, placement, key);
    this.#sessions[number] = session;
    this.records.begin(number, session.rules.number);
    return session;
  }

  /** Forgets a session, as soon as nothing of it is under way. */
  closed(id: number, index = this.index): void {
    const number = index.numberOf(id);
    if (number === NO_SESSION) return;
    const session = this.at(number);
    index.remove(id);
    if (this.#isInFlight(session)) this.#closeLater(session);
    else this.#close(session);
  }

  #closeLater({ number }: ThreadSession): void {
    this.records.words[WORDS * number + WHEN_IDLE]! |= CLOSE_IT;
  }

  #isInFlight({ number }: ThreadSession): boolean {
    return this.records.words[WORDS * number + IN_FLIGHT]! > 0;
  }

  /**
   * Learns what has been opened and closed elsewhere: to be called after requests
   * have been taken, as the guest may know it already.
   */
  refresh(): void {
    this.#refresh?.();
  }

  /** The session `id`; `undefined` where there is none. */
  get(id: number): ThreadSession | undefined {
    const number = this.index.numberOf(id);
    return number === NO_SESSION ? undefined : this.#sessions[number];
  }

  /** The session with this number. */
  at(number: number): ThreadSession {
    return this.#sessions[number]!;
  }

  /** The route that has this number. */
  routeAt(number: number): Route {
    return this.#routes[number]!;
  }

  /** Notes that an operation of the session with this number has begun. */
  begun(number: number): void {
    this.records.words[WORDS * number + IN_FLIGHT]!++;
  }

  /** Ends the sessions whose key the store no longer has. */
  keysChanged(): void {
    const { keys } = this.backends;
    for (const session of this.#sessions) {
      if (!session?.key || keys?.find(session.description)) continue;
      session.key = null;
      session.oldRoutes.push(...session.routes.splice(0));
      if (this.#isInFlight(session)) {
        this.records.words[WORDS * session.number + WHEN_IDLE]! |=
          CLOSE_OLD_ROUTES;
      } else this.routes.close(session.oldRoutes);
    }
  }

  /**
   * A session for one stateless request; `undefined` where no backend offers
   * it. It closes itself when its operation ends.
   */
  openOnce(description: SessionDescription): ThreadSession | undefined {
    const key = this.backends.keys?.find(description);
    const placement = this.#placement.place(description, key?.backend);
    if (!placement) return undefined;
    const session = this.#add(NaN, description, placement);
    this.#closeLater(session);
    return session;
  }

  /**
   * Where a request of `sourceBytes` of the session with this number goes;
   * `undefined` where its backend is down or refuses the session, and no other
   * may have it, or where the session's key is not to be used so.
   */
  route(
    number: number,
    sourceBytes: number,
    kind: OperationKind,
  ): Route | undefined {
    const { words } = this.records;
    if (words[WORDS * number + EPOCH] === this.backends.epoch) {
      return this.#routes[words[WORDS * number + ROUTE]!];
    }
    const session = this.#sessions[number]!;
    const { key } = session;
    if (key === null || key?.admits(kind) === false) return undefined;
    return this.routes.choose(session, sourceBytes);
  }

  /**
   * Notes what an operation of the session with this number took on the thread of
   * rings.
   */
  took(number: number, sourceBytes: number, ms: number): void {
    const isLong = this.#sessions[number]?.long.note(sourceBytes, ms);
    if (isLong !== true) return;
    this.records.words[WORDS * number + EPOCH] = -1;
  }

  /** Notes that an operation of each of the sessions `numbers` has ended. */
  finished(numbers: Int32Array<ArrayBuffer>, count: number): void {
    const { words } = this.records;
    let isIdle = 0;
    for (let i = 0; i < count; i++) {
      const at = WORDS * (numbers[i]! & MASK);
      const left = (words[at + IN_FLIGHT]! - 1) | 0;
      words[at + IN_FLIGHT] = left;
      if (left === 0) isIdle |= words[at + WHEN_IDLE]!;
    }
    if (isIdle === 0) return;
    for (let i = 0; i < count; i++) this.#idle(numbers[i]!);
  }

  /** Does what has waited until nothing of a session is under way. */
  #idle(number: number): void {
    const { words } = this.records;
    const at = WORDS * number;
    const next = words[at + WHEN_IDLE]!;
    if (words[at + IN_FLIGHT]! > 0 || next === 0) return;
    words[at + WHEN_IDLE] = 0;
    const session = this.#sessions[number]!;
    if ((next & CLOSE_IT) !== 0) this.#close(session);
    else this.routes.close(session.oldRoutes);
  }

  #close(session: ThreadSession): void {
    const { number } = session;
    this.#sessions[number] = undefined;
    this.records.end(number);
    this.#freeNumbers.push(number);
    this.routes.close(session.oldRoutes);
    this.routes.close(session.routes);
    wipeKeys(session.description);
  }

  /**
   * Closes all sessions of a guest that goes, and what its thread's backends have
   * for it alone; none of its operations may be under way on one that is open.
   */
  clear(): void {
    this.index.clear();
    for (const session of this.#sessions) if (session) this.#close(session);
    this.backends.close();
  }

  /**
   * Closes the backends and wipes all keys. A session with operations under way
   * goes with its backend, which does not write once it is closed.
   */
  close(): void {
    const all = this.#sessions.filter((session) => session !== undefined);
    this.index.clear();
    this.ownIndex.clear();
    for (const session of all) {
      if (!this.#isInFlight(session)) this.#close(session);
    }
    this.#sessions.length = 0;
    this.backends.close();
    for (const { description } of all) wipeKeys(description);
  }
}
