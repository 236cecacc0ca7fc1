/**
 * The backends that the sessions of one queue thread are opened on, and which of
 * them a request goes to.
 *
 * @module
 */

import { ASK_AGAIN_MS, type FailureListener } from "./failure.ts";
import type { Choice } from "./placement.ts";
import type { Route } from "./route_table.ts";
import { sessionName } from "./session_needs.ts";
import {
  CLOSE_OLD_ROUTES,
  RECORD_WORDS,
  SessionField,
  type SessionRecords,
} from "./session_records.ts";
import type { ThreadBackends } from "./thread_backends.ts";
import type { ThreadSession } from "./thread_session.ts";
import type { WorkSeries } from "./work_series.ts";

// The engine folds constants of a module of its own only.
const WORDS = RECORD_WORDS;
const EPOCH = SessionField.Epoch;
const ROUTE = SessionField.Route;
const BACKEND = SessionField.Backend;
const WHEN_IDLE = SessionField.WhenIdle;

/** The routes of a guest's sessions on one thread. */
export class SessionRoutes {
  readonly #backends: ThreadBackends;
  readonly #records: SessionRecords;
  readonly #work: WorkSeries;
  readonly #noted: FailureListener;
  /** By the number that their session has there, of other guests too. */
  readonly #routes: (Route | undefined)[];

  constructor(
    backends: ThreadBackends,
    records: SessionRecords,
    work: WorkSeries,
    noted: FailureListener,
  ) {
    this.#backends = backends;
    this.#records = records;
    this.#work = work;
    this.#noted = noted;
    this.#routes = backends.table.routes;
  }

  /**
   * Chooses where a request of so many bytes goes, and remembers the choice where
   * it can; `undefined` where nobody has it.
   */
  choose(session: ThreadSession, sourceBytes: number): Route | undefined {
    const { number, routeOfChoice } = session;
    const { epoch } = this.#backends;
    const { choices } = session.placement;
    let index = 0;
    while (!fits(choices[index]!, sourceBytes)) index++;
    if (session.routeEpoch !== epoch) routeOfChoice.length = 0;
    const { backend } = choices[index]!;
    if (sourceBytes >= session.long.fromBytes) {
      return this.#routeOn(
        session,
        backend,
        this.#backends.hasSlowLane(backend),
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
      const { words } = this.#records;
      const at = WORDS * number;
      words[at + ROUTE] = route.number;
      words[at + BACKEND] = route.backendNumber;
      words[at + EPOCH] = epoch;
    }
    return route;
  }

  #insteadOf(session: ThreadSession, backend: string): Route | undefined {
    if (!this.#backends.works(backend)) return this.alternative(session);
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
    if (!this.#backends.works(backend)) return undefined;
    const generation = this.#backends.generation(backend);
    for (let i = 0; i < session.routes.length; i++) {
      const route = session.routes[i]!;
      if (route.backend !== backend || route.takesLong !== takesLong) continue;
      if (route.generation === generation) return route;
      // The backend has failed since. Operations from before may be with it still.
      session.routes.splice(i, 1);
      session.oldRoutes.push(route);
      this.#records.words[WORDS * session.number + WHEN_IDLE]! |=
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
    const number = this.#backends.openSession(backend, description, takesLong);
    if (typeof number === "string") {
      if (this.#backends.works(backend)) {
        this.#sessionRefused(session, backend, number);
      }
      return undefined;
    }
    const thread = this.#backends.threadFor(backend, description, takesLong);
    const route = {
      backend,
      backendNumber: this.#backends.numberOf(thread),
      thread,
      number,
      generation,
      takesLong,
    };
    this.#routes[number] = route;
    this.#backends.table.series[number] = this.#work.indexOf(
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
  #sessionRefused(
    session: ThreadSession,
    backend: string,
    reason: string,
  ): void {
    session.refusals = session.refusals.filter((one) =>
      one.backend !== backend
    );
    session.refusals.push({
      backend,
      generation: this.#backends.generation(backend),
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

  /** Closes a session on all of `routes`, which then are none. */
  close(routes: Route[]): void {
    for (const { backend, thread, number } of routes) {
      this.#routes[number] = undefined;
      const reason = this.#backends.closeSession(backend, thread, number);
      if (reason !== undefined) {
        this.#noted({ of: "session", backend, reason });
      }
    }
    routes.length = 0;
  }
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
