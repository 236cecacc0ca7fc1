/**
 * The sessions of a guest as one queue thread knows them: announced by the
 * session table, opened on their backends at first use.
 *
 * @module
 */

import {
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import type { BackendOptions, OperationKind } from "../../backends/backend.ts";
import type { GuestKeySettings, KeyGrant } from "../keys/guest_keys.ts";
import type { FailureListener } from "./failure.ts";
import type { BackendLane } from "./open_backends.ts";
import {
  type BackendOffers,
  type Choice,
  Placement,
  type PlacementSettings,
  type SessionPlacement,
} from "./placement.ts";
import type { Route } from "./route_table.ts";
import { LongOperations } from "./long_operations.ts";
import { NO_SESSION, SessionIndex } from "./session_index.ts";
import {
  RECORD_WORDS,
  SessionField,
  SessionRecords,
} from "./session_records.ts";
import { sessionName } from "./session_needs.ts";
import { type SessionRules, sessionRules } from "./session_rules.ts";
import type { SessionAnnouncement } from "./session_table.ts";
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

/** A backend that does not have a session. */
interface RefusedRoute {
  readonly backend: string;
  readonly generation: number;
  readonly askAgainAt: number;
}

/** When a backend that refused a session is asked for it again. */
const ASK_AGAIN_MS = 1000;

/** A session on this thread. */
export interface ThreadSession {
  readonly id: number;
  /** Its number on this thread; another may have it when this one is closed. */
  readonly number: number;
  readonly description: SessionDescription;
  readonly rules: SessionRules;
  readonly placement: SessionPlacement;
  /** The key of the store that it uses; `null` when that is gone. */
  key: KeyGrant | null | undefined;
  /** Where it has been opened. */
  readonly routes: Route[];
  /** Where it was before its backend failed and recovered; not closed yet. */
  readonly oldRoutes: Route[];
  /** Where it has been refused. */
  refusals: RefusedRoute[];
  /** The route of each choice, at the state of the backends `routeEpoch`. */
  readonly routeOfChoice: (Route | undefined)[];
  routeEpoch: number;
  readonly long: LongOperations;
}

const CLOSE_IT = 1;
const CLOSE_OLD_ROUTES = 2;

// The engine folds constants of a module of its own only.
const WORDS = RECORD_WORDS;
const IN_FLIGHT = SessionField.InFlight;
const EPOCH = SessionField.Epoch;
const ROUTE = SessionField.Route;
const BACKEND = SessionField.Backend;
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
  /** Sessions that the device itself uses: requests cannot name them. */
  readonly ownIndex = new SessionIndex(this.records);
  readonly #placement: Placement;
  /** By number. */
  readonly #sessions: (ThreadSession | undefined)[] = [];
  /** By the number that their session has there, of other guests too. */
  readonly #routes: (Route | undefined)[];
  readonly #freeNumbers: number[] = [];
  readonly #noted: FailureListener;
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
    this.#routes = backends.table.routes;
    this.#placement = placement;
    this.#noted = noted;
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
      } else this.#closeRoutes(session.oldRoutes);
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
    return this.#chooseRoute(session, sourceBytes);
  }

  #chooseRoute(session: ThreadSession, sourceBytes: number): Route | undefined {
    const { number, routeOfChoice } = session;
    const { epoch } = this.backends;
    const { choices } = session.placement;
    let index = 0;
    while (!fits(choices[index]!, sourceBytes)) index++;
    if (session.routeEpoch !== epoch) routeOfChoice.length = 0;
    const { backend } = choices[index]!;
    if (sourceBytes >= session.long.fromBytes) {
      return this.#routeOn(
        session,
        backend,
        this.backends.hasSlowLane(backend),
      ) ??
        this.#insteadOf(session, backend);
    }
    const known = routeOfChoice[index];
    if (known) return known;
    const route = this.#routeOn(session, backend);
    if (!route) return this.#insteadOf(session, backend);
    routeOfChoice[index] = route;
    session.routeEpoch = epoch;
    // Each use of a key of the store is looked at.
    if (
      choices.length === 1 && session.key === undefined &&
      session.long.fromBytes === Infinity
    ) {
      const { words } = this.records;
      const at = WORDS * number;
      words[at + ROUTE] = route.number;
      words[at + BACKEND] = route.backendNumber;
      words[at + EPOCH] = epoch;
    }
    return route;
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

  #insteadOf(session: ThreadSession, backend: string): Route | undefined {
    if (!this.backends.works(backend)) return this.alternative(session);
    return this.#firstThatTakes(session, session.placement.onUnsupported);
  }

  /** A backend that works, for a request whose own has failed. */
  alternative(session: ThreadSession): Route | undefined {
    return this.#firstThatTakes(session, session.placement.onFailure);
  }

  /**
   * A backend for a request that `backend` cannot do: one that comes later in
   * the order, so that no request is handed round for ever.
   */
  elsewhere(session: ThreadSession, backend: string): Route | undefined {
    const { onUnsupported } = session.placement;
    const later = onUnsupported.slice(onUnsupported.indexOf(backend) + 1);
    return this.#firstThatTakes(session, later);
  }

  #firstThatTakes(
    session: ThreadSession,
    backends: readonly string[],
  ): Route | undefined {
    for (const backend of backends) {
      const route = this.#routeOn(session, backend);
      if (route) return route;
    }
    return undefined;
  }

  /** The session on `backend`; `undefined` where that is down or refuses it. */
  #routeOn(
    session: ThreadSession,
    backend: string,
    takesLong = false,
  ): Route | undefined {
    if (!this.backends.works(backend)) return undefined;
    const generation = this.backends.generation(backend);
    for (let i = 0; i < session.routes.length; i++) {
      const route = session.routes[i]!;
      if (route.backend !== backend || route.takesLong !== takesLong) continue;
      if (route.generation === generation) return route;
      // The backend has failed since. Operations from before may be with it still.
      session.routes.splice(i, 1);
      session.oldRoutes.push(route);
      this.records.words[WORDS * session.number + WHEN_IDLE]! |=
        CLOSE_OLD_ROUTES;
      break;
    }
    if (isRefused(session, backend, generation)) return undefined;
    return this.#openOn(session, backend, generation, takesLong);
  }

  #openOn(
    session: ThreadSession,
    backend: string,
    generation: number,
    takesLong: boolean,
  ): Route | undefined {
    const { description } = session;
    const number = this.backends.openSession(backend, description, takesLong);
    if (typeof number === "string") {
      if (this.backends.works(backend)) {
        this.sessionRefused(session, backend, number);
      }
      return undefined;
    }
    const thread = this.backends.threadFor(backend, description, takesLong);
    const route = {
      backend,
      backendNumber: this.backends.numberOf(thread),
      thread,
      number,
      generation,
      takesLong,
    };
    this.#routes[number] = route;
    this.backends.table.series[number] = this.work.indexOf(
      backend,
      description,
    );
    session.routes.push(route);
    return route;
  }

  /**
   * The road of a session that a backend does not have: its requests go
   * elsewhere where they may, and the backend goes on with the others.
   */
  sessionRefused(
    session: ThreadSession,
    backend: string,
    reason: string,
  ): void {
    session.refusals = session.refusals.filter((one) =>
      one.backend !== backend
    );
    session.refusals.push({
      backend,
      generation: this.backends.generation(backend),
      askAgainAt: performance.now() + ASK_AGAIN_MS,
    });
    const which = sessionName(session.description);
    this.#noted({ of: "session", backend, reason: `${which}: ${reason}` });
  }

  /** The road of a request that a backend has not done. */
  requestFailed(
    session: ThreadSession,
    backend: string,
    reason: string,
  ): void {
    const which = sessionName(session.description);
    this.#noted({ of: "request", backend, reason: `${which}: ${reason}` });
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
    else this.#closeRoutes(session.oldRoutes);
  }

  #close(session: ThreadSession): void {
    const { number } = session;
    this.#sessions[number] = undefined;
    this.records.end(number);
    this.#freeNumbers.push(number);
    this.#closeRoutes(session.oldRoutes);
    this.#closeRoutes(session.routes);
    wipeKeys(session.description);
  }

  #closeRoutes(routes: Route[]): void {
    for (const { backend, thread, number } of routes) {
      this.#routes[number] = undefined;
      const reason = this.backends.closeSession(backend, thread, number);
      if (reason !== undefined) {
        this.#noted({ of: "session", backend, reason });
      }
    }
    routes.length = 0;
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

function createSession(
  id: number,
  number: number,
  description: SessionDescription,
  placement: SessionPlacement,
  key: KeyGrant | undefined,
): ThreadSession {
  return {
    id,
    number,
    description,
    rules: sessionRules(description),
    placement,
    key,
    routes: [],
    oldRoutes: [],
    refusals: [],
    routeOfChoice: [],
    routeEpoch: -1,
    long: new LongOperations(),
  };
}

function fits(choice: Choice, sourceBytes: number): boolean {
  return sourceBytes >= choice.fromBytes && sourceBytes < choice.belowBytes;
}

function isRefused(
  { refusals }: ThreadSession,
  backend: string,
  generation: number,
): boolean {
  return refusals.some((refusal) =>
    refusal.backend === backend && refusal.generation === generation &&
    performance.now() < refusal.askAgainAt
  );
}
