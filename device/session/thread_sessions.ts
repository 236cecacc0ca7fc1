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
import type {
  BackendOptions,
  BackendSession,
  BackendThread,
} from "../../backends/backend.ts";
import { loadBackend } from "../../backends/registry.ts";
import type { FailureListener } from "./failure.ts";
import { OpenBackends } from "./open_backends.ts";
import {
  type BackendOffers,
  type Choice,
  Placement,
  type PlacementSettings,
  type SessionPlacement,
} from "./placement.ts";
import { describeSession } from "./session_needs.ts";
import { type SessionRules, sessionRules } from "./session_rules.ts";
import type { SessionAnnouncement } from "./session_table.ts";
import { type HealthListener, ThreadBackends } from "./thread_backends.ts";

/** A backend that every queue thread opens. */
export interface BackendSettings extends BackendOffers {
  readonly specifier: string;
  readonly options: BackendOptions;
}

/** What a queue thread needs to know of its device; structured-cloneable. */
export interface ThreadSettings extends PlacementSettings {
  readonly backends: readonly BackendSettings[];
  readonly maximumSizeBytes: number;
  /** Mask of the services that are offered. */
  readonly services: number;
  readonly maxCipherKeyBytes: number;
  readonly maxAuthKeyBytes: number;
}

/** A session on one backend of this thread. */
export interface Route {
  readonly backend: string;
  readonly thread: BackendThread;
  readonly handle: BackendSession;
  readonly generation: number;
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
  readonly description: SessionDescription;
  readonly rules: SessionRules;
  readonly placement: SessionPlacement;
  /** Where it has been opened. */
  readonly routes: Route[];
  /** Where it has been refused. */
  refusals: RefusedRoute[];
  /**
   * The one route of a session whose requests all go the same way, and the state
   * of the backends for which that holds.
   */
  onlyRoute: Route | undefined;
  routeEpoch: number;
  /** For sessions with more than one: the route of each choice, at that state. */
  readonly routeOfChoice: (Route | undefined)[];
  /** Operations under way; the session is closed when there are none. */
  inFlight: number;
  closing: boolean;
}

/** Sessions by identifier, opened lazily. */
export class ThreadSessions {
  readonly backends: ThreadBackends;
  readonly #placement: Placement;
  readonly #sessions = new Map<number, ThreadSession>();
  /** Those that end with their last operation. */
  readonly #ending = new Set<ThreadSession>();
  readonly #noted: FailureListener;
  readonly #refresh: (() => void) | undefined;

  /**
   * `noted` hears of requests and sessions that fail; `refresh` announces what
   * has been opened and closed elsewhere since.
   */
  constructor(
    backends: ThreadBackends,
    placement: Placement,
    noted: FailureListener = () => {},
    refresh?: () => void,
  ) {
    this.backends = backends;
    this.#placement = placement;
    this.#noted = noted;
    this.#refresh = refresh;
  }

  /** Loads the backends of `settings` for the calling thread. */
  static async open(
    settings: ThreadSettings,
    health: HealthListener,
    noted: FailureListener,
    refresh: () => void,
  ): Promise<ThreadSessions> {
    const loaded = await Promise.all(
      settings.backends.map(async ({ specifier, options }) => ({
        backend: await loadBackend(specifier),
        options,
      })),
    );
    return new ThreadSessions(
      new ThreadBackends(new OpenBackends(loaded), health),
      new Placement(settings),
      noted,
      refresh,
    );
  }

  /** Learns of a session; the description becomes this thread's own. */
  opened({ id, description, placement }: SessionAnnouncement): void {
    this.#sessions.set(id, createSession(id, description, placement));
  }

  /** Forgets a session, as soon as nothing of it is under way. */
  closed(id: number): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    if (session.inFlight > 0) this.#endLater(session);
    else this.#close(session);
  }

  #endLater(session: ThreadSession): void {
    session.closing = true;
    this.#ending.add(session);
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
    return this.#sessions.get(id);
  }

  /**
   * A session for one stateless request; `undefined` where no backend offers
   * it. It closes itself when its operation ends.
   */
  openOnce(description: SessionDescription): ThreadSession | undefined {
    const placement = this.#placement.place(description);
    if (!placement) return undefined;
    const session = createSession(NaN, description, placement);
    this.#endLater(session);
    return session;
  }

  /**
   * Where a request of `sourceBytes` goes; `undefined` where its backend is down
   * or refuses the session, and no other may have it.
   */
  route(session: ThreadSession, sourceBytes: number): Route | undefined {
    const { epoch } = this.backends;
    if (session.onlyRoute && session.routeEpoch === epoch) {
      return session.onlyRoute;
    }
    const { choices } = session.placement;
    let index = 0;
    while (!fits(choices[index]!, sourceBytes)) index++;
    if (session.routeEpoch !== epoch) session.routeOfChoice.length = 0;
    const known = session.routeOfChoice[index];
    if (known) return known;
    const { backend } = choices[index]!;
    const route = this.#routeOn(session, backend);
    if (!route) return this.#insteadOf(session, backend);
    session.routeOfChoice[index] = route;
    session.onlyRoute = choices.length === 1 ? route : undefined;
    session.routeEpoch = epoch;
    return route;
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
  #routeOn(session: ThreadSession, backend: string): Route | undefined {
    if (!this.backends.works(backend)) return undefined;
    const generation = this.backends.generation(backend);
    for (let i = 0; i < session.routes.length; i++) {
      const route = session.routes[i]!;
      if (route.backend !== backend) continue;
      if (route.generation === generation) return route;
      // The backend has failed since, and may not know the session any more.
      this.backends.closeSession(backend, route.handle);
      session.routes.splice(i, 1);
      break;
    }
    if (isRefused(session, backend, generation)) return undefined;
    return this.#openOn(session, backend, generation);
  }

  #openOn(
    session: ThreadSession,
    backend: string,
    generation: number,
  ): Route | undefined {
    const handle = this.backends.openSession(backend, session.description);
    if (typeof handle === "string") {
      if (this.backends.works(backend)) {
        this.sessionRefused(session, backend, handle);
      }
      return undefined;
    }
    const thread = this.backends.thread(backend);
    const route = { backend, thread, handle, generation };
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
    const which = describeSession(session.description);
    this.#noted({ of: "session", backend, reason: `${which}: ${reason}` });
  }

  /** The road of a request that a backend has not done. */
  requestFailed(
    session: ThreadSession,
    backend: string,
    reason: string,
  ): void {
    const which = describeSession(session.description);
    this.#noted({ of: "request", backend, reason: `${which}: ${reason}` });
  }

  /** Notes that an operation of `session` has ended. */
  finished(session: ThreadSession): void {
    session.inFlight--;
    if (!session.closing || session.inFlight > 0) return;
    this.#ending.delete(session);
    this.#close(session);
  }

  #close(session: ThreadSession): void {
    for (const { backend, handle } of session.routes) {
      const reason = this.backends.closeSession(backend, handle);
      if (reason !== undefined) {
        this.#noted({ of: "session", backend, reason });
      }
    }
    wipeKeys(session.description);
  }

  /**
   * Closes the backends and wipes all keys. A session with operations under way
   * goes with its backend, which does not write once it is closed.
   */
  close(): void {
    const all = [...this.#sessions.values(), ...this.#ending];
    this.#sessions.clear();
    this.#ending.clear();
    for (const session of all) {
      if (session.inFlight === 0) this.#close(session);
    }
    this.backends.close();
    for (const { description } of all) wipeKeys(description);
  }
}

function createSession(
  id: number,
  description: SessionDescription,
  placement: SessionPlacement,
): ThreadSession {
  return {
    id,
    description,
    rules: sessionRules(description),
    placement,
    routes: [],
    refusals: [],
    onlyRoute: undefined,
    routeEpoch: 0,
    routeOfChoice: [],
    inFlight: 0,
    closing: false,
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
