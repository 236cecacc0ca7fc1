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

const FIRST_SESSIONS = 64;

/** Sessions over `primitives`, which it closes at its end. */
export class PrimitivesThread implements BurstThread {
  readonly #context: ThreadContext;
  /** By number. */
  readonly #sessions: (PrimitiveSession | undefined)[] = [];
  /** By number: the session's record, or 0. */
  #records = new Int32Array(FIRST_SESSIONS);
  readonly #operations = new KeptOperations();

  constructor(primitives: Primitives) {
    this.#context = { primitives, worker: new PieceWorker() };
  }

  openSession(description: SessionDescription, number: number): void {
    try {
      const session = openSession(this.#context, description);
      this.#sessions[number] = session;
      this.#note(number, session.record ?? 0);
    } catch (error) {
      this.#context.primitives.clearErrors();
      throw error;
    }
  }

  #note(number: number, record: number): void {
    if (number >= this.#records.length) {
      const grown = new Int32Array(2 * number);
      grown.set(this.#records);
      this.#records = grown;
    }
    this.#records[number] = record;
  }

  closeSession(number: number): void {
    this.#note(number, 0);
    this.#sessions[number]?.close();
    this.#sessions[number] = undefined;
  }

  run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { fields } = burst;
    const records = this.#records;
    const { primitives, worker } = this.#context;
    const { bursts } = primitives;
    let i = 0;
    while (i < count) {
      const slot = slots[i]!;
      const number = fields[WORDS * slot + SESSION]!;
      if (bursts !== undefined && records[number] !== 0) {
        const next = bursts.take(burst, slots, i, count, records, worker);
        if (next > i) {
          i = next;
          continue;
        }
      }
      this.#runOne(this.#sessions[number]!, burst, slot);
      i++;
    }
  }

  #runOne(session: PrimitiveSession, burst: RequestBurst, slot: number): void {
    if (session.take?.(burst, slot)) return;
    const operation = this.#operations.fill(burst, slot);
    session.perform(operation);
    operation.settle();
  }

  close(): void {
    for (const session of this.#sessions) session?.close();
    this.#sessions.length = 0;
    this.#context.worker.wipe();
    this.#context.primitives.close();
  }
}
