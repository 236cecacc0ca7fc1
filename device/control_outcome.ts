/**
 * What a control request does to the session table, whatever layout it came in.
 *
 * @module
 */

import { wipeKeys } from "../algorithms/session_description.ts";
import type { Segments } from "../memory/segments.ts";
import type { RedoneRequests } from "./redone_requests.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import { serviceOfSession } from "./session/session_needs.ts";
import type {
  SessionAnnouncement,
  SessionTable,
} from "./session/session_table.ts";
import type { Eventual } from "./session/steps.ts";
import type { ControlRequest } from "./wire/control_request.ts";
import type { WireMode } from "./wire/mode.ts";
import type { ServiceLimits } from "./wire/session_limits.ts";
import type { Refusal } from "./wire/session_parameters.ts";
import { Status } from "./wire/status.ts";

/** What answering a control request needs of its device. */
export interface ControlContext {
  readonly memory: GuestMemory;
  readonly sessions: SessionTable;
  readonly mode: WireMode;
  readonly limits: ServiceLimits;
  /** Numbers the queue's requests; absent: none is ever done again. */
  readonly numbers?: RequestNumbering | undefined;
  /** Those that another process may have begun; absent likewise. */
  readonly redone?: RedoneRequests | undefined;
  /** Whether what is asked is refused, whatever it is. */
  readonly isBarred?: boolean;
}

/** Gives the request between two places of a ring a number of its own. */
export interface RequestNumbering {
  take(start: number, end: number): number;
}

/** What came of a control request. */
export interface ControlOutcome {
  readonly status: Status;
  /** NaN where there is none. */
  readonly sessionId: number;
}

/**
 * Writes the answer to a request to the chain's writable part, as it is then;
 * returns the used length.
 */
export type ControlAnswer = (writable: Segments) => number;

/** Does what a decoded request asks; `origin` is the same when it asks again. */
export function carryOut(
  request: ControlRequest,
  { sessions, mode, isBarred }: Pick<
    ControlContext,
    "sessions" | "mode" | "isBarred"
  >,
  origin: number,
): Eventual<ControlOutcome> {
  if (isBarred) {
    if (request.kind === "create") wipeKeys(request.description);
    return { status: Status.Error, sessionId: NaN };
  }
  switch (request.kind) {
    case "refused":
      sessions.refuse(request);
      return { status: request.status, sessionId: NaN };
    case "destroy": {
      const { sessionId, service } = request;
      const session = sessions.get(sessionId);
      const fits = session === undefined ||
        serviceOfSession(session.description) === service;
      return {
        status: fits ? sessions.destroy(sessionId, origin) : Status.Error,
        sessionId: NaN,
      };
    }
    case "create": {
      const created = sessions.create(request.description, origin);
      return created instanceof Promise
        ? created.then((later) => outcomeOf(later, mode))
        : outcomeOf(created, mode);
    }
  }
}

function outcomeOf(
  created: SessionAnnouncement | Refusal,
  mode: WireMode,
): ControlOutcome {
  if ("id" in created) return { status: Status.Ok, sessionId: created.id };
  // NOSPC exists only with REVISION_1 (virtio 1.4 §5.9.9.1).
  const status = created.status === Status.NoSpace && !mode.revision1
    ? Status.Error
    : created.status;
  return { status, sessionId: NaN };
}
