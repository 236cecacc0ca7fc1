/**
 * The backend of a lane, opened when it is first needed, and again when it could
 * not be.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type AsynchronousThread,
  type Backend,
  type BackendOptions,
  type BackendSession,
  type CopiedOperation,
  OperationStatus,
  type Outcome,
} from "../../backends/backend.ts";
import { openOperations } from "../../backends/burst_operations.ts";
import type { Eventual } from "../session/steps.ts";
import {
  type CallWatch,
  watchedAsynchronous,
  watchedBlocking,
} from "../../backends/call_watch.ts";
import { BlockingThread } from "./blocking_thread.ts";
import { type FailureListener, reasonOf } from "../session/failure.ts";

/** Sessions while the backend is not open: all their requests are unavailable. */
const NO_SESSION: BackendSession = {};

/** A backend that is opened on this thread. */
export class OpenedBackend implements AsynchronousThread {
  readonly #name: string;
  readonly #openThread: () => Eventual<AsynchronousThread>;
  readonly #noted: FailureListener;
  #opened: Promise<AsynchronousThread | string> | undefined;

  /** `noted` hears why it cannot be opened. */
  constructor(
    name: string,
    open: () => Eventual<AsynchronousThread>,
    noted: FailureListener,
  ) {
    this.#name = name;
    this.#openThread = open;
    this.#noted = noted;
  }

  #thread(): Promise<AsynchronousThread | string> {
    return this.#opened ??= this.#open();
  }

  async #open(): Promise<AsynchronousThread | string> {
    try {
      return await this.#openThread();
    } catch (error) {
      const reason = `it cannot be opened: ${reasonOf(error)}`;
      this.#noted({ of: "backend", backend: this.#name, reason });
      return reason;
    }
  }

  async openSession(description: SessionDescription): Promise<BackendSession> {
    const thread = await this.#thread();
    if (typeof thread === "string") return NO_SESSION;
    try {
      return await thread.openSession(description);
    } catch (error) {
      // What refuses a session may be a backend that can have none any more.
      const reason = await thread.health?.();
      if (reason === undefined) throw error;
      this.#noted({ of: "backend", backend: this.#name, reason });
      return NO_SESSION;
    }
  }

  async closeSession(session: BackendSession): Promise<void> {
    const thread = await this.#thread();
    if (typeof thread !== "string" && session !== NO_SESSION) {
      await thread.closeSession(session);
    }
  }

  async run(operation: CopiedOperation): Promise<Outcome> {
    const thread = await this.#thread();
    return typeof thread === "string" || operation.session === NO_SESSION
      ? { status: OperationStatus.Unavailable, writtenBytes: 0 }
      : await thread.run(operation);
  }

  /** Opens it anew where that has failed. */
  async health(): Promise<string | undefined> {
    if (typeof await this.#thread() === "string") this.#opened = undefined;
    const thread = await this.#thread();
    if (typeof thread === "string") return thread;
    return thread.health
      ? await thread.health()
      : "it does not tell its health";
  }

  async close(): Promise<void> {
    const thread = await this.#opened;
    if (thread !== undefined && typeof thread !== "string") {
      await thread.close();
    }
  }
}

/** A backend as a lane calls it. */
export function asynchronousThread(
  backend: Backend,
  options: BackendOptions,
  noted: FailureListener,
  watch: CallWatch,
): AsynchronousThread {
  const { name } = backend;
  const open = async () => {
    switch (backend.runs) {
      case "asynchronous":
        return watchedAsynchronous(
          await watch.during("open()", () => backend.open(options)),
          watch,
        );
      default: {
        const opened = watch.during(
          "open()",
          () => openOperations(backend, options),
        );
        const thread = watchedBlocking(opened, watch);
        return new BlockingThread(thread, name, noted);
      }
    }
  };
  return new OpenedBackend(name, open, noted);
}
