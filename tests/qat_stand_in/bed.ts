/**
 * AES-CBC requests on the stand-in, for tests of what surrounds the
 * cryptography.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { type Settings, StandIn } from "./control.ts";
import type { Libraries } from "./parts.ts";
import {
  type BackendOptions,
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../../backends/backend.ts";
import { CONTIGUOUS, Job } from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";
import qat from "../../backends/qat/qat.ts";

export const KEY = Uint8Array.from({ length: 16 }, (_, i) => 3 * i);

/** What takes longer hangs. */
const PATIENCE_MS = 30_000;
/** Nothing is given up, however long the test's thread sleeps. */
const DEADLINE_MS = 600_000;
/** As a latency: the stand-in keeps what it has. */
export const HELD_US = 600_000_000;

/** The backend, open on the stand-in. */
export class Bed implements Disposable {
  readonly standIn: StandIn;
  readonly thread: BackendThread;
  readonly #random = new Random(7);
  #isOpen = true;

  constructor(
    libraries: Libraries,
    settings: Settings = {},
    options: BackendOptions = {},
  ) {
    this.standIn = new StandIn(libraries, settings);
    this.thread = qat.open({
      "deadline-ms": `${DEADLINE_MS}`,
      ...libraries,
      ...options,
    });
  }

  open(): BackendSession {
    return this.thread.openSession({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: KEY,
    });
  }

  /** Encryptions of random data that have not run. */
  encryptions(
    session: BackendSession,
    count: number,
    lengthBytes = 64,
  ): Job[] {
    return Array.from({ length: count }, () => {
      const request = {
        kind: OperationKind.Encrypt,
        iv: this.#random.bytes(16),
        source: this.#random.bytes(lengthBytes),
        destinationBytes: lengthBytes,
        digestBytes: 0,
      };
      return new Job(request, session, CONTIGUOUS, this.#random);
    });
  }

  /** Starts jobs in one burst. */
  start(jobs: readonly Job[]): void {
    const operations = operationsOf(jobs);
    this.thread.run(operations, operations.length);
  }

  /** Polls until no job is pending. */
  finish(jobs: readonly Job[]): void {
    const end = performance.now() + PATIENCE_MS;
    while (jobs.some(isPending)) {
      this.thread.poll!();
      if (performance.now() > end) throw new Error("It hangs");
    }
  }

  run(jobs: readonly Job[]): void {
    this.start(jobs);
    this.finish(jobs);
  }

  /** Asks for the health until it is good. */
  recover(): void {
    const end = performance.now() + PATIENCE_MS;
    while (this.thread.health!() !== undefined) {
      if (performance.now() > end) throw new Error("It stays ill");
    }
  }

  close(): void {
    if (this.#isOpen) this.thread.close();
    this.#isOpen = false;
  }

  [Symbol.dispose](): void {
    this.close();
    this.standIn[Symbol.dispose]();
  }
}

const operationsOf = (jobs: readonly Job[]): Operation[] =>
  jobs.map(({ operation }) => operation);

export const isPending = ({ operation }: Job): boolean =>
  operation.status === OperationStatus.Pending;

export const countOf = (jobs: readonly Job[], status: OperationStatus) =>
  jobs.filter(({ operation }) => operation.status === status).length;

/** Whether the job did what it should, or left its output alone. */
export function check(job: Job): void {
  const { request, operation } = job;
  const output = operation.destination.copy().toHex();
  if (operation.status === OperationStatus.Ok) {
    const cipher = createCipheriv("aes-128-cbc", KEY, request.iv!);
    cipher.setAutoPadding(false);
    strictEqual(output, cipher.update(request.source).toString("hex"));
    strictEqual(operation.writtenBytes, request.source.length);
  } else {
    strictEqual(job.findChange(), undefined);
    strictEqual(operation.writtenBytes, 0);
  }
  strictEqual(job.findDamage(), undefined);
}
