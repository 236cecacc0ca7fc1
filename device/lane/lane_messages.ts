/**
 * What the main thread and a lane's thread tell each other; all of it is
 * structured-cloneable.
 *
 * @module
 */

import type { BackendOptions } from "../../backends/backend.ts";
import type { AnnouncementPlace } from "../session/announcement_memory.ts";
import type { Failure } from "../session/failure.ts";
import type { ChannelEnd } from "./channel.ts";

/** The backend of a lane. */
export interface LaneBackend {
  readonly name: string;
  readonly specifier: string;
  readonly options: BackendOptions;
}

/** Commands of the main thread. */
export type LaneCommand =
  | {
    readonly kind: "start";
    readonly backend: LaneBackend;
    /** Of a `LaneWatch`. */
    readonly memory: SharedArrayBuffer;
  }
  /** A thread of rings can be reached through `end` and woken by `wakeFd`. */
  | {
    readonly kind: "attach";
    readonly channel: number;
    readonly end: ChannelEnd;
    readonly wakeFd: number;
  }
  | { readonly kind: "detach"; readonly channel: number }
  /** Whether a session can be had. */
  | {
    readonly kind: "try";
    readonly question: number;
    readonly place: AnnouncementPlace;
  }
  | { readonly kind: "close" };

/** Reports of a lane's thread. */
export type LaneReport =
  /** `wakeFd` is not signalled any more. */
  | { readonly kind: "detached"; readonly channel: number }
  | {
    readonly kind: "tried";
    readonly question: number;
    /** Why the session cannot be had. */
    readonly refusal: string | undefined;
  }
  | { readonly kind: "failure"; readonly failure: Failure }
  | { readonly kind: "closed" };
