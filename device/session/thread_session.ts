/**
 * A session as one queue thread has it.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { KeyGrant } from "../keys/guest_keys.ts";
import { LongOperations } from "./long_operations.ts";
import type { SessionPlacement } from "./placement.ts";
import type { Route } from "./route_table.ts";
import { type SessionRules, sessionRules } from "./session_rules.ts";

/** A backend that does not have a session. */
interface RefusedRoute {
  readonly backend: string;
  readonly generation: number;
  readonly askAgainAt: number;
}

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

/** A session that is opened nowhere yet. */
export function createSession(
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
