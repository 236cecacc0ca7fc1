/**
 * A backend around another one that sees every operation: it checks what the
 * device promises to backends, and lets a test act while an operation runs.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import type {
  Backend,
  BackendOptions,
  BackendSession,
  BackendThread,
  BurstThread,
  Operation,
} from "../backends/backend.ts";
import {
  BURST_WORDS,
  BurstField,
  type RequestBurst,
} from "../backends/request_burst.ts";
import { SlotOperation } from "../backends/slot_operation.ts";
import { openOperations } from "../backends/burst_operations.ts";
import { OperationStatus } from "../backends/backend.ts";
import type { Segments } from "../memory/segments.ts";

/** What a test sees of a backend, and does in the midst of it. */
export class BackendWatch {
  /** Broken promises, the device's or the backend's. */
  readonly problems: string[] = [];
  /** Sessions open on all threads now. */
  openSessions = 0;
  operations = 0;
  /** Called before and after the operations of one call run. */
  before: ((operations: readonly Operation[]) => void) | undefined;
  after: ((operations: readonly Operation[]) => void) | undefined;

  note(problem: string | undefined): void {
    if (problem !== undefined) this.problems.push(problem);
  }
}

/** `backend`, watched. */
export function watchedBackend(backend: Backend, watch: BackendWatch): Backend {
  const common = {
    contract: backend.contract,
    name: backend.name,
    probe: (options: BackendOptions) => backend.probe(options),
  };
  if (backend.runs === "bursts") {
    return {
      ...common,
      runs: "bursts",
      open: (options) => new WatchedBursts(backend.open(options), watch),
    };
  }
  return {
    ...common,
    open: (options) =>
      new WatchedThread(openOperations(backend, options), watch),
  };
}

/** A thread that runs bursts, each request of which is looked at. */
class WatchedBursts implements BurstThread {
  readonly #thread: BurstThread;
  readonly #watch: BackendWatch;
  readonly #sessions = new Map<number, SessionDescription>();

  constructor(thread: BurstThread, watch: BackendWatch) {
    this.#thread = thread;
    this.#watch = watch;
  }

  openSession(description: SessionDescription, number: number): void {
    if (this.#sessions.has(number)) {
      this.#watch.note(`session ${number} was opened while it is open`);
    }
    this.#thread.openSession(description, number);
    this.#sessions.set(number, { ...description });
    this.#watch.openSessions++;
  }

  closeSession(number: number): void {
    if (!this.#sessions.delete(number)) {
      this.#watch.note("a session that is not open was closed");
      return;
    }
    this.#watch.openSessions--;
    this.#thread.closeSession(number);
  }

  run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const watch = this.#watch;
    const own = Array.from(slots.subarray(0, count), (slot) => {
      const operation = new SlotOperation(burst, slot);
      operation.fill();
      const number = burst.fields[BURST_WORDS * slot + BurstField.Session]!;
      const description = this.#sessions.get(number);
      watch.note(
        description
          ? operationProblem(operation, description)
          : "an operation of a session that is not open",
      );
      return operation;
    });
    watch.operations += count;
    watch.before?.(own);
    try {
      this.#thread.run(burst, slots, count);
    } catch (error) {
      watch.note(`run() threw ${error}`);
      throw error;
    }
    own.forEach((operation, i) => {
      const at = BURST_WORDS * slots[i]!;
      operation.status = burst.fields[at + BurstField.Status]!;
      operation.writtenBytes = burst.fields[at + BurstField.WrittenBytes]!;
      watch.note(resultProblem(operation));
    });
    watch.after?.(own);
  }

  close(): void {
    this.#watch.openSessions -= this.#sessions.size;
    this.#sessions.clear();
    this.#thread.close();
  }
}

class WatchedThread implements BackendThread {
  readonly #thread: BackendThread;
  readonly #watch: BackendWatch;
  readonly #sessions = new Map<BackendSession, SessionDescription>();

  constructor(thread: BackendThread, watch: BackendWatch) {
    this.#thread = thread;
    this.#watch = watch;
  }

  openSession(description: SessionDescription): BackendSession {
    const session = this.#thread.openSession(description);
    this.#sessions.set(session, { ...description });
    this.#watch.openSessions++;
    return session;
  }

  closeSession(session: BackendSession): void {
    if (!this.#sessions.delete(session)) {
      this.#watch.note("a session that is not open was closed");
      return;
    }
    this.#watch.openSessions--;
    this.#thread.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    const watch = this.#watch;
    const own = operations.slice(0, count);
    if (own.length !== count) watch.note(`a count of ${count}`);
    for (const operation of own) {
      const description = this.#sessions.get(operation.session);
      watch.note(
        description
          ? operationProblem(operation, description)
          : "an operation of a session that is not open",
      );
    }
    watch.operations += count;
    watch.before?.(own);
    try {
      this.#thread.run(operations, count);
    } catch (error) {
      watch.note(`run() threw ${error}`);
      throw error;
    }
    for (const operation of own) watch.note(resultProblem(operation));
    watch.after?.(own);
  }

  poll(): number {
    return this.#thread.poll?.() ?? 0;
  }

  close(): void {
    this.#watch.openSessions -= this.#sessions.size;
    this.#sessions.clear();
    this.#thread.close();
  }
}

/** Why `list` is no list of bytes of its regions, or `undefined`. */
function segmentsProblem(name: string, list: Segments): string | undefined {
  let totalBytes = 0;
  for (let i = 0; i < list.count; i++) {
    const start = list.offset(i);
    const lengthBytes = list.lengthBytes(i);
    const inside = Number.isSafeInteger(start) && start >= 0 &&
      Number.isSafeInteger(lengthBytes) && lengthBytes > 0 &&
      start + lengthBytes <= list.region(i).lengthBytes;
    if (!inside) return `${name} has ${lengthBytes} bytes at ${start}`;
    totalBytes += lengthBytes;
  }
  return totalBytes === list.totalBytes
    ? undefined
    : `${name} has ${totalBytes} bytes and says ${list.totalBytes}`;
}

/** The digest that a session's operations have. */
function digestBytesOf(description: SessionDescription): number {
  switch (description.service) {
    case "chain":
    case "hash":
    case "mac":
      return description.resultBytes;
    case "aead":
      return description.tagBytes;
    default:
      return 0;
  }
}

const IN_STEP: readonly SessionDescription["service"][] = [
  "cipher",
  "chain",
  "aead",
];

function operationProblem(
  operation: Operation,
  description: SessionDescription,
): string | undefined {
  const { source, destination, additionalData, digest } = operation;
  const lists = { source, destination, additionalData, digest };
  for (const [name, list] of Object.entries(lists)) {
    const problem = segmentsProblem(name, list);
    if (problem !== undefined) return problem;
  }
  const { service } = description;
  if (
    IN_STEP.includes(service) && source.totalBytes !== destination.totalBytes
  ) {
    return `${service} of ${source.totalBytes} bytes to ` +
      `${destination.totalBytes}`;
  }
  if (digest.totalBytes !== digestBytesOf(description)) {
    return `${service} with a digest of ${digest.totalBytes} bytes`;
  }
  const { ivBytes, iv, cipherStart, cipherBytes, hashStart, hashBytes } =
    operation;
  if (!(ivBytes >= 0 && ivBytes <= iv.length)) return `an IV of ${ivBytes}`;
  const end = Math.max(cipherStart + cipherBytes, hashStart + hashBytes);
  return end <= source.totalBytes
    ? undefined
    : `a chain up to ${end} of ${source.totalBytes} bytes`;
}

const FINAL: readonly OperationStatus[] = [
  OperationStatus.Ok,
  OperationStatus.Failed,
  OperationStatus.BadTag,
  OperationStatus.Unsupported,
  OperationStatus.KeyRejected,
  OperationStatus.Pending,
];

function resultProblem(operation: Operation): string | undefined {
  const { status, writtenBytes, destination } = operation;
  if (!FINAL.includes(status)) return `an operation ended with ${status}`;
  const legal = Number.isInteger(writtenBytes) && writtenBytes >= 0 &&
    writtenBytes <= destination.totalBytes;
  return legal
    ? undefined
    : `${writtenBytes} of ${destination.totalBytes} bytes were written`;
}
