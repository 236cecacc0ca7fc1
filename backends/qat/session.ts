/**
 * What every kind of session does for the thread that runs its requests.
 *
 * @module
 */

import type { Usdm } from "../../ffi/usdm.ts";
import type { Libqat } from "../../ffi/qat.ts";
import type { Operation } from "../backend.ts";
import type { RetiredSessions } from "./retired_sessions.ts";
import type { SlotUser } from "./slots.ts";

/** What a session gets from its thread. */
export interface SessionContext {
  readonly symbols: Libqat;
  readonly usdm: Usdm;
  readonly symmetric: Deno.PointerObject | null;
  readonly publicKey: Deno.PointerObject | null;
  readonly callback: Deno.PointerObject;
  /** Takes sessions of the library that cannot be removed at once. */
  readonly retired: RetiredSessions;
}

/** Says that an operation already has its status. */
export const SETTLED = -1;

/** A session on one thread. */
export interface QatSession extends SlotUser {
  /**
   * How many bytes of a slot's data the operation takes; `SETTLED` where the
   * hardware has no part in it and its status is set.
   */
  admit(operation: Operation): number;
  close(): void;
}
