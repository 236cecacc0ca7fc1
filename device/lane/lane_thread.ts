/**
 * A lane as a data queue sees it: a backend thread that leaves its operations
 * pending, works on copies of them, and ends them in `poll`. Guest memory is read
 * in `run` and written in `poll`, by the thread of the ring, and by nobody else.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type BackendSession,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../../backends/backend.ts";
import type { LaneOfBackend } from "../session/open_backends.ts";

/** A session of a lane, as operations name it. */
export interface LaneHandle {
  readonly isAead: boolean;
}

/** An operation on its way through a lane and back. */
export interface LaneEntry {
  /** Undefined: nobody waits for it any more. */
  operation: Operation | undefined;
  readonly session: LaneHandle;
  /** The tag of an AEAD decryption is an input. */
  readonly readsTag: boolean;
  /** Of its outputs, as they were when it began. */
  readonly destinationBytes: number;
  readonly digestBytes: number;
  status: number;
  writtenBytes: number;
  /** What the lane wrote. */
  destination: Uint8Array;
  digest: Uint8Array;
}

/** The way of a guest's operations to a lane and back. */
export interface LaneWay {
  openSession(description: SessionDescription): LaneHandle;
  closeSession(session: LaneHandle): void;
  /** Why the backend cannot have such a session; undefined where it can. */
  tryOpening(description: SessionDescription): Promise<string | undefined>;
  /** Copies an operation and sends it; false: there is no room for it now. */
  begin(entry: LaneEntry): boolean;
  /** Lets the lane know of what was begun. */
  flush(): void;
  /** Hands what has ended to `ended`, one by one. */
  collect(ended: (entry: LaneEntry) => void): void;
  health(): string | undefined;
  close(): void;
}

const NOTHING = new Uint8Array(0);

/** One guest's lane, on the thread of its rings. */
export class LaneThread implements LaneOfBackend {
  readonly wakes = true;
  readonly #way: LaneWay;
  readonly #entries = new Map<Operation, LaneEntry>();
  /** Those that there was no room for. */
  readonly #waiting: LaneEntry[] = [];
  #ended = 0;
  readonly #end = (entry: LaneEntry): void => {
    if (!entry.operation) return;
    this.#entries.delete(entry.operation);
    deliver(entry, entry.operation);
    entry.operation = undefined;
    this.#ended++;
  };

  constructor(way: LaneWay) {
    this.#way = way;
  }

  openSession(description: SessionDescription): BackendSession {
    return this.#way.openSession(description);
  }

  closeSession(session: BackendSession): void {
    this.#way.closeSession(session as LaneHandle);
  }

  tryOpening(description: SessionDescription): Promise<string | undefined> {
    return this.#way.tryOpening(description);
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      operation.status = OperationStatus.Pending;
      operation.writtenBytes = 0;
      const entry = entryOf(operation);
      this.#entries.set(operation, entry);
      this.#waiting.push(entry);
    }
    this.#beginMore();
  }

  #beginMore(): void {
    let begun = 0;
    for (const entry of this.#waiting) {
      if (entry.operation && !this.#way.begin(entry)) break;
      begun++;
    }
    if (begun === 0) return;
    this.#waiting.splice(0, begun);
    this.#way.flush();
  }

  poll(): number {
    this.#ended = 0;
    this.#way.collect(this.#end);
    if (this.#waiting.length > 0) this.#beginMore();
    return this.#ended;
  }

  health(): string | undefined {
    return this.#way.health();
  }

  abandon(operation: Operation): void {
    const entry = this.#entries.get(operation);
    if (!entry) return;
    this.#entries.delete(operation);
    entry.operation = undefined;
    operation.status = OperationStatus.Failed;
  }

  close(): void {
    for (const operation of [...this.#entries.keys()]) this.abandon(operation);
    this.#way.close();
  }
}

function entryOf(operation: Operation): LaneEntry {
  const session = operation.session as LaneHandle;
  return {
    operation,
    session,
    readsTag: session.isAead && operation.kind === OperationKind.Decrypt,
    destinationBytes: operation.destination.totalBytes,
    digestBytes: operation.digest.totalBytes,
    status: OperationStatus.Pending,
    writtenBytes: 0,
    destination: NOTHING,
    digest: NOTHING,
  };
}

/** Writes what an operation came to; what the device then finds wrong is told. */
function deliver(entry: LaneEntry, operation: Operation): void {
  const { destination, digest } = operation;
  const isThere = destination.totalBytes === entry.destinationBytes &&
    digest.totalBytes === entry.digestBytes;
  // Whoever took the operation back has set its status.
  if (!isThere) return;
  const { status, writtenBytes } = entry;
  if (
    status === OperationStatus.Ok && writtenBytes >= 0 &&
    writtenBytes <= entry.destinationBytes
  ) {
    destination.write(0, entry.destination.subarray(0, writtenBytes));
    if (!entry.readsTag) digest.write(0, entry.digest);
  }
  operation.writtenBytes = writtenBytes;
  operation.status = status as OperationStatus;
}
