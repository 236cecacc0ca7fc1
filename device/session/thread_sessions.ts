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
import { OpenBackends } from "./open_backends.ts";
import {
  type BackendOffers,
  type Choice,
  Placement,
  type PlacementSettings,
  type SessionPlacement,
} from "./placement.ts";
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

/** A session on this thread. */
export interface ThreadSession {
  readonly id: number;
  readonly description: SessionDescription;
  readonly rules: SessionRules;
  readonly placement: SessionPlacement;
  /** Where it has been opened. */
  readonly routes: Route[];
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
  readonly #backends: ThreadBackends;
  readonly #placement: Placement;
  readonly #sessions = new Map<number, ThreadSession>();
  /** Those that end with their last operation. */
  readonly #ending = new Set<ThreadSession>();
  readonly #refresh: (() => void) | undefined;

  /** `refresh` announces what has been opened and closed elsewhere since. */
  constructor(
    backends: OpenBackends,
    placement: Placement,
    listener: HealthListener = () => {},
    refresh?: () => void,
  ) {
    this.#backends = new ThreadBackends(backends, listener);
    this.#placement = placement;
    this.#refresh = refresh;
  }

  /** Loads the backends of `settings` for the calling thread. */
  static async open(
    settings: ThreadSettings,
    listener?: HealthListener,
    refresh?: () => void,
  ): Promise<ThreadSessions> {
    const loaded = await Promise.all(
      settings.backends.map(async ({ specifier, options }) => ({
        backend: await loadBackend(specifier),
        options,
      })),
    );
    return new ThreadSessions(
      new OpenBackends(loaded),
      new Placement(settings),
      listener,
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
   * and no other may have it. A backend that cannot open the session throws.
   */
  route(session: ThreadSession, sourceBytes: number): Route | undefined {
    const { epoch } = this.#backends;
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
    if (!this.#backends.works(backend)) return this.alternative(session);
    const route = this.#routeOn(session, backend);
    session.routeOfChoice[index] = route;
    session.onlyRoute = choices.length === 1 ? route : undefined;
    session.routeEpoch = epoch;
    return route;
  }

  /** A backend that works, for a request whose own has failed. */
  alternative(session: ThreadSession): Route | undefined {
    return this.#firstThatWorks(session, session.placement.onFailure);
  }

  /**
   * A backend for a request that `backend` cannot do: one that comes later in
   * the order, so that no request is handed round for ever.
   */
  elsewhere(session: ThreadSession, backend: string): Route | undefined {
    const { onUnsupported } = session.placement;
    const later = onUnsupported.slice(onUnsupported.indexOf(backend) + 1);
    return this.#firstThatWorks(session, later);
  }

  #firstThatWorks(
    session: ThreadSession,
    backends: readonly string[],
  ): Route | undefined {
    for (const backend of backends) {
      if (!this.#backends.works(backend)) continue;
      try {
        return this.#routeOn(session, backend);
      } catch (error) {
        this.failed(backend, error);
      }
    }
    return undefined;
  }

  /** Notes that a backend failed as a whole. */
  failed(backend: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#backends.failed(backend, reason);
  }

  /** Asks failed backends whether they work again; for idle threads. */
  review(): void {
    this.#backends.review();
  }

  #routeOn(session: ThreadSession, backend: string): Route {
    const generation = this.#backends.generation(backend);
    for (let i = 0; i < session.routes.length; i++) {
      const route = session.routes[i]!;
      if (route.backend !== backend) continue;
      if (route.generation === generation) return route;
      closeRoute(route);
      session.routes.splice(i, 1);
      break;
    }
    const thread = this.#backends.thread(backend);
    const handle = thread.openSession(session.description);
    const route = { backend, thread, handle, generation };
    session.routes.push(route);
    return route;
  }

  /** Notes that an operation of `session` has ended. */
  finished(session: ThreadSession): void {
    session.inFlight--;
    if (!session.closing || session.inFlight > 0) return;
    this.#ending.delete(session);
    this.#close(session);
  }

  #close(session: ThreadSession): void {
    for (const route of session.routes) closeRoute(route);
    wipeKeys(session.description);
  }

  /** Wipes all keys and closes the backends. */
  close(): void {
    for (const session of this.#sessions.values()) this.#close(session);
    for (const session of this.#ending) this.#close(session);
    this.#sessions.clear();
    this.#ending.clear();
    this.#backends.close();
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

function closeRoute({ thread, handle }: Route): void {
  try {
    thread.closeSession(handle);
  } catch {
    // A backend that has failed may not know its sessions any more.
  }
}
