/**
 * A backend that answers at once, or blocks, called as an asynchronous one: its
 * operations are over the copies that the lane has made.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type AsynchronousThread,
  type BackendSession,
  type BackendThread,
  type CopiedOperation,
  type Operation,
  OperationStatus,
  type Outcome,
} from "../../backends/backend.ts";
import {
  BackendError,
  operationBreach,
  promiseBreach,
} from "../../backends/contract_check.ts";
import { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import { nextTurn } from "./next_turn.ts";
import { type FailureListener, reasonOf } from "../session/failure.ts";

/** Room for the longest IV field (virtio 1.4 §5.9.9.7). */
const IV_ROOM_BYTES = 16;
/** How often a backend is polled that finishes later. */
const POLLING_MS = 1;

const UNAVAILABLE: Outcome = {
  status: OperationStatus.Unavailable,
  writtenBytes: 0,
};

const pause = () =>
  new Promise<void>((resolve) => void setTimeout(resolve, POLLING_MS));

/** Calls the thread of a backend that runs operations. */
export class BlockingThread implements AsynchronousThread {
  /** Only where the backend tells its health. */
  readonly health?: () => string | undefined;
  readonly #thread: BackendThread;
  readonly #name: string;
  readonly #noted: FailureListener;
  /** Operations that the backend has left pending. */
  readonly #pending = new Set<Operation>();
  #polling: Promise<void> | undefined;

  /** `noted` hears why the backend has failed. */
  constructor(thread: BackendThread, name: string, noted: FailureListener) {
    this.#thread = thread;
    this.#name = name;
    this.#noted = noted;
    if (thread.health) this.health = () => thread.health!();
  }

  openSession(description: SessionDescription): BackendSession {
    return this.#thread.openSession(description);
  }

  closeSession(session: BackendSession): void {
    this.#thread.closeSession(session);
  }

  async run(copied: CopiedOperation): Promise<Outcome> {
    await nextTurn();
    const operation = operationOver(copied);
    const outcome = this.#attempt(
      "run()",
      () => this.#thread.run([operation], 1),
    );
    if (outcome) return outcome;
    while (operation.status === OperationStatus.Pending) {
      const breach = operationBreach(operation, this.#thread);
      if (breach !== undefined) throw new BackendError(breach);
      this.#pending.add(operation);
      this.#polling ??= this.#pollSoon();
      await this.#polling;
    }
    const { status, writtenBytes } = operation;
    return { status, writtenBytes };
  }

  /** What all operations have come to where the backend fails at `call`. */
  #attempt(method: string, call: () => unknown): Outcome | undefined {
    try {
      const breach = promiseBreach(method, call());
      if (breach === undefined) return undefined;
      throw new BackendError(breach);
    } catch (error) {
      if (error instanceof BackendError) throw error;
      const reason = reasonOf(error);
      this.#noted({ of: "backend", backend: this.#name, reason });
      return UNAVAILABLE;
    }
  }

  /** One poll for all that wait. */
  async #pollSoon(): Promise<void> {
    await pause();
    this.#polling = undefined;
    const outcome = this.#attempt("poll()", () => this.#thread.poll!());
    for (const operation of this.#pending) {
      if (outcome && operation.status === OperationStatus.Pending) {
        operation.status = outcome.status;
      }
      if (operation.status !== OperationStatus.Pending) {
        this.#pending.delete(operation);
      }
    }
  }

  close(): void {
    this.#thread.close();
  }
}

function segmentsOver(bytes: Uint8Array<ArrayBuffer>): Segments {
  const segments = new Segments();
  segments.append(new Region(bytes), 0, bytes.length);
  return segments;
}

function operationOver(copied: CopiedOperation): Operation {
  const { kind, session, cipherStart, cipherBytes } = copied;
  const { hashStart, hashBytes } = copied;
  const iv = new Uint8Array(new ArrayBuffer(IV_ROOM_BYTES));
  iv.set(copied.iv);
  return {
    kind,
    session,
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes: copied.iv.length,
    source: segmentsOver(copied.source),
    additionalData: segmentsOver(copied.additionalData),
    destination: segmentsOver(copied.destination),
    digest: segmentsOver(copied.digest),
    cipherStart,
    cipherBytes,
    hashStart,
    hashBytes,
    status: OperationStatus.Pending,
    writtenBytes: 0,
  };
}
