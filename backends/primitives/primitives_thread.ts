/**
 * A backend's thread over the primitives of a native library. Everything
 * completes within `run`.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { BurstThread } from "../backend.ts";
import { KeptOperations } from "../kept_operations.ts";
import {
  BURST_WORDS,
  BurstField,
  type RequestBurst,
} from "../request_burst.ts";
import { openSession } from "./open_session.ts";
import { PieceWorker } from "./pieces.ts";
import type { Primitives, PrimitiveSession } from "./primitives.ts";
import type { ThreadContext } from "./session.ts";

// The engine folds constants of a module of its own only.
const WORDS = BURST_WORDS;
const SESSION = BurstField.Session;

/** Sessions over `primitives`, which it closes at its end. */
export class PrimitivesThread implements BurstThread {
  readonly #context: ThreadContext;
  /** By number. */
  readonly #sessions: (PrimitiveSession | undefined)[] = [];
  readonly #operations = new KeptOperations();

  constructor(primitives: Primitives) {
    this.#context = { primitives, worker: new PieceWorker() };
  }

  openSession(description: SessionDescription, number: number): void {
    try {
      this.#sessions[number] = openSession(this.#context, description);
    } catch (error) {
      this.#context.primitives.clearErrors();
      throw error;
    }
  }

  closeSession(number: number): void {
    this.#sessions[number]?.close();
    this.#sessions[number] = undefined;
  }

  run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { fields } = burst;
    const sessions = this.#sessions;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const session = sessions[fields[WORDS * slot + SESSION]!]!;
      if (session.take?.(burst, slot)) continue;
      const operation = this.#operations.fill(burst, slot);
      session.perform(operation);
      operation.settle();
    }
  }

  close(): void {
    for (const session of this.#sessions) session?.close();
    this.#sessions.length = 0;
    this.#context.worker.wipe();
    this.#context.primitives.close();
  }
}
