/**
 * Builds operations for backends out of plain bytes: cut into pieces, scattered
 * over regions, in place or overlapping, with a watch over every other byte.
 * For the conformance kit, tests and the fuzzer.
 *
 * @module
 */

import { Hopeless, LIMIT_MS, neverEnds, requireNoPromise } from "./hopeless.ts";
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationStatus,
} from "../backends/backend.ts";
import {
  OverlapCheck,
  PrivateResults,
  resultRoomBytes,
} from "../backends/overlap.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { GuardedMemory, type RegionMaker } from "./guarded_memory.ts";
import { Overlay } from "./overlay.ts";
import type { Random } from "./random.ts";
import type { Layout, Request } from "./request.ts";

export * from "./request.ts";

/** What came of an operation. */
export interface Result {
  readonly status: OperationStatus;
  /** The first `writtenBytes` of the destination. */
  readonly destination: Uint8Array;
  readonly digest: Uint8Array;
}

/** Ordinary memory of this process, which has no address. */
export const plainRegion: RegionMaker = (bytes) => new Region(bytes);

/** Memory with its native address; needs permission for `ffi`. */
export const addressedRegion: RegionMaker = (bytes) =>
  new Region(
    bytes,
    Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))),
  );

/** Bytes of `iv` after `ivBytes` hold rubbish, as they may in the device. */
const IV_ROOM_BYTES = 32;

function makeOperation(
  request: Request,
  session: BackendSession,
  random: Random,
): Operation {
  const iv = random.bytes(IV_ROOM_BYTES);
  if (request.iv) iv.set(request.iv);
  return {
    kind: request.kind,
    session,
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes: request.iv?.length ?? 0,
    source: new Segments(),
    additionalData: new Segments(),
    destination: new Segments(),
    digest: new Segments(),
    cipherStart: request.cipherStart ?? 0,
    cipherBytes: request.cipherBytes ?? 0,
    hashStart: request.hashStart ?? 0,
    hashBytes: request.hashBytes ?? 0,
    status: OperationStatus.Pending,
    writtenBytes: -1,
  };
}

/** An operation in its memory. */
export class Job {
  readonly operation: Operation;
  readonly request: Request;
  readonly #memory: GuardedMemory;

  constructor(
    request: Request,
    session: BackendSession,
    layout: Layout,
    random: Random,
    makeRegion: RegionMaker = plainRegion,
  ) {
    this.request = request;
    this.#memory = new GuardedMemory(random, makeRegion);
    this.operation = makeOperation(request, session, random);
    this.#fill(layout, random);
  }

  #fill(layout: Layout, random: Random): void {
    const { operation, request } = this;
    const memory = this.#memory;
    const additionalData = request.additionalData ?? new Uint8Array(0);
    const { pieces, arrangement } = layout;
    new Overlay(operation, request, pieces, memory, random).place(arrangement);
    for (
      const [list, lengthBytes] of [
        [operation.source, request.source.length],
        [operation.destination, request.destinationBytes],
        [operation.additionalData, additionalData.length],
        [operation.digest, request.digestBytes],
      ] as const
    ) if (list.count === 0) memory.scatter(list, lengthBytes, pieces);
    operation.source.write(0, request.source);
    operation.additionalData.write(0, additionalData);
    if (request.tag) operation.digest.write(0, request.tag);
    else memory.allowWrites(operation.digest);
    memory.allowWrites(operation.destination);
    memory.protect();
  }

  /** Whether the digest is a tag to check. */
  get readsTag(): boolean {
    return this.request.tag !== undefined;
  }

  /** The outcome; `destination` is what `writtenBytes` says, within its room. */
  result(): Result {
    const { status, writtenBytes, destination, digest } = this.operation;
    return {
      status,
      destination: destination.copy().subarray(0, Math.max(0, writtenBytes)),
      digest: digest.copy(),
    };
  }

  /** Where any byte, of the output too, is not as it was, or `undefined`. */
  findChange(): string | undefined {
    return this.#memory.findChange();
  }

  /** Where the operation wrote outside its output, or `undefined`. */
  findDamage(): string | undefined {
    return this.#memory.findDamage();
  }
}

/** Memory of their own for the results of jobs that have to have it. */
function divert(jobs: readonly Job[]): PrivateResults[] {
  const check = new OverlapCheck();
  return jobs
    .filter(({ operation, readsTag }) => check.isEntangled(operation, readsTag))
    .map(({ operation, readsTag }) => {
      const roomBytes = resultRoomBytes(operation, readsTag);
      const memory = plainRegion(new Uint8Array(new ArrayBuffer(roomBytes)));
      return new PrivateResults(operation, memory, readsTag);
    });
}

/**
 * Runs all jobs in one burst, as the device does, and polls until none is
 * pending. Throws when the backend throws or leaves an operation pending.
 */
export function runJobs(thread: BackendThread, jobs: readonly Job[]): void {
  const diverted = divert(jobs);
  const operations = jobs.map((job) => job.operation);
  requireNoPromise("run()", thread.run(operations, operations.length));
  finishJobs(thread, operations);
  for (const results of diverted) results.deliver();
}

function finishJobs(
  thread: BackendThread,
  operations: readonly Operation[],
): void {
  const start = performance.now();
  const isPending = (operation: Operation) =>
    operation.status === OperationStatus.Pending;
  while (operations.some(isPending)) {
    if (!thread.poll) {
      throw new Hopeless(
        "run() left an operation pending, but the backend has no poll()",
      );
    }
    if (performance.now() - start > LIMIT_MS) throw neverEnds("run()");
    thread.poll();
  }
}
