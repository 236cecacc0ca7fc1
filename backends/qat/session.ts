/**
 * What every kind of session does for the thread that runs its requests.
 *
 * @module
 */

import type { Usdm } from "../../ffi/usdm.ts";
import type { Libqat } from "../../ffi/qat.ts";
import type { Operation, OperationStatus } from "../backend.ts";
import type { RetiredSessions } from "./retired_sessions.ts";
import type { Slot } from "./slots.ts";

/** The kinds of rings that an instance has. */
export type Ring = "symmetric" | "public-key";

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
export interface QatSession {
  readonly ring: Ring;
  /**
   * How many bytes of a slot's data the operation takes; `SETTLED` where the
   * hardware has no part in it and its status is set.
   */
  admit(operation: Operation): number;
  /**
   * Copies the operation into the slot. `Pending` where it may be submitted,
   * else its outcome.
   */
  fill(operation: Operation, slot: Slot): OperationStatus;
  /** Hands the slot to the library; a CpaStatus. */
  submit(slot: Slot): number;
  /**
   * Delivers what the library made of it. `Pending` asks to fill and submit
   * again.
   */
  finish(operation: Operation, slot: Slot): OperationStatus;
  /** A request came back without a result, or never will come back. */
  dropped?(): void;
  close(): void;
}
