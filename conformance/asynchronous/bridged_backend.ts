/**
 * An asynchronous backend as the kit's thread sees it: one that runs operations,
 * leaves them pending and ends them in `poll`. Its calls wait for the thread of
 * the backend, whose event loop goes on.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import {
  keysOf,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationKind,
  type OperationsBackend,
  OperationStatus,
  type Probe,
} from "../../backends/backend.ts";
import { Hopeless } from "../hopeless.ts";
import type {
  Answer,
  BridgedOperation,
  BridgedOutcome,
  BridgeSetup,
  Question,
} from "./bridge_messages.ts";

type NodePort = Parameters<typeof receiveMessageOnPort>[0];
type Value = Extract<Answer, { value: unknown }>;

/** Asks, and waits for the answer. */
type Ask = (question: Question) => Value;

/** What was thrown on the other side, whose name is in the text already. */
class ThrownThere extends Error {
  override name = "";
}

function askOver(
  { port, answers }: BridgeSetup,
  send: (question: Question) => void,
): Ask {
  const count = new Int32Array(answers);
  return (question) => {
    const before = Atomics.load(count, 0);
    send(question);
    Atomics.wait(count, 0, before);
    const received = receiveMessageOnPort(port as unknown as NodePort);
    const answer = received!.message as Answer;
    if ("value" in answer) return answer;
    throw answer.isHopeless
      ? new Hopeless(answer.thrown)
      : new ThrownThere(answer.thrown);
  };
}

interface Session {
  readonly number: number;
  readonly isAead: boolean;
}

class BridgedThread implements BackendThread {
  readonly #ask: Ask;
  readonly #thread: number;
  readonly #pending = new Map<number, Operation>();
  #operations = 0;

  constructor(ask: Ask, thread: number) {
    this.#ask = ask;
    this.#thread = thread;
  }

  openSession(description: SessionDescription): Session {
    const { value, keys } = this.#ask({
      ask: "openSession",
      thread: this.#thread,
      description,
    });
    keysOf(description).forEach((key, i) => key.set(keys![i]!));
    return {
      number: value as number,
      isAead: description.service === "aead",
    };
  }

  closeSession(session: BackendSession): void {
    const { number } = session as Session;
    this.#ask({ ask: "closeSession", thread: this.#thread, session: number });
  }

  run(operations: readonly Operation[], count: number): void {
    const bridged = operations.slice(0, count).map((operation) => {
      const number = ++this.#operations;
      operation.status = OperationStatus.Pending;
      this.#pending.set(number, operation);
      return bridgedOperation(number, operation);
    });
    this.#ask({ ask: "run", thread: this.#thread, operations: bridged });
  }

  poll(): number {
    if (this.#pending.size === 0) return 0;
    const { value } = this.#ask({ ask: "poll", thread: this.#thread });
    const outcomes = value as readonly BridgedOutcome[];
    for (const outcome of outcomes) {
      const operation = this.#pending.get(outcome.number)!;
      this.#pending.delete(outcome.number);
      take(outcome, operation);
    }
    return outcomes.length;
  }

  close(): void {
    this.#ask({ ask: "close", thread: this.#thread });
  }
}

function readsTag({ session, kind }: Operation): boolean {
  return (session as Session).isAead && kind === OperationKind.Decrypt;
}

function bridgedOperation(
  number: number,
  operation: Operation,
): BridgedOperation {
  const { digest, destination, iv, ivBytes } = operation;
  const { kind, cipherStart, cipherBytes, hashStart, hashBytes } = operation;
  return {
    number,
    session: (operation.session as Session).number,
    kind,
    iv: iv.slice(0, ivBytes),
    source: operation.source.copy(),
    additionalData: operation.additionalData.copy(),
    destinationBytes: destination.totalBytes,
    digest: readsTag(operation)
      ? digest.copy()
      : new Uint8Array(digest.totalBytes),
    cipherStart,
    cipherBytes,
    hashStart,
    hashBytes,
  };
}

/** Writes results as the device does: those of a success alone. */
function take(outcome: BridgedOutcome, operation: Operation): void {
  const { status, writtenBytes, destination, digest } = outcome;
  operation.status = status;
  operation.writtenBytes = writtenBytes;
  if (status !== OperationStatus.Ok) return;
  operation.destination.write(0, destination.subarray(0, writtenBytes));
  if (!readsTag(operation)) operation.digest.write(0, digest);
}

/** The backend on the other thread. */
export function bridgedBackend(
  setup: BridgeSetup,
  send: (question: Question) => void,
): OperationsBackend {
  const ask = askOver(setup, send);
  return {
    contract: setup.contract,
    name: setup.name,
    runs: "operations",
    probe: (options) => ask({ ask: "probe", options }).value as Probe,
    open: (options) =>
      new BridgedThread(ask, ask({ ask: "open", options }).value as number),
  };
}
