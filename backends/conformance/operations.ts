/**
 * Builds operations for backends out of plain bytes: cut into pieces, scattered
 * over regions, in place or overlapping, with a watch over every other byte.
 * For the conformance kit, tests and the fuzzer.
 *
 * @module
 */

import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../backend.ts";
import { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import {
  cut,
  GuardedMemory,
  type Pieces,
  type RegionMaker,
} from "./guarded_memory.ts";
import type { Random } from "./random.ts";

/** What an operation computes, apart from where its bytes lie. */
export interface Request {
  readonly kind: OperationKind;
  readonly iv?: Uint8Array;
  readonly source: Uint8Array;
  readonly additionalData?: Uint8Array;
  /** AEAD decryption: the tag to check. */
  readonly tag?: Uint8Array;
  /** Room for output, and for the digest or the tag. */
  readonly destinationBytes: number;
  readonly digestBytes: number;
  readonly cipherStart?: number;
  readonly cipherBytes?: number;
  readonly hashStart?: number;
  readonly hashBytes?: number;
}

/** What came of an operation. */
export interface Result {
  readonly status: OperationStatus;
  /** The first `writtenBytes` of the destination. */
  readonly destination: Uint8Array;
  readonly digest: Uint8Array;
}

/**
 * Where the destination lies: elsewhere, exactly on the source, a few bytes
 * beside it, or on the source's pieces in another order.
 */
export type Placement = "apart" | "in-place" | "shifted" | "crossed";

/** How an operation's bytes lie in memory. */
export interface Layout {
  readonly pieces: Pieces;
  readonly placement: Placement;
}

/** Every list in one piece, nothing shared. */
export const CONTIGUOUS: Layout = { pieces: "whole", placement: "apart" };

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

function placeData(
  operation: Operation,
  request: Request,
  layout: Layout,
  memory: GuardedMemory,
  random: Random,
): void {
  const { source, destination } = operation;
  const total = request.source.length;
  if (layout.placement === "apart" || total !== request.destinationBytes) {
    memory.scatter(source, total, layout.pieces);
    memory.scatter(destination, request.destinationBytes, layout.pieces);
  } else if (layout.placement === "in-place") {
    memory.scatter(source, total, layout.pieces);
    destination.slice(source, 0, total);
  } else if (layout.placement === "shifted") {
    const starts = random.shuffle([8, 8 + 1 + random.integer(40)]);
    const region = memory.region(total + 64);
    source.append(region, starts[0]!, total);
    destination.append(region, starts[1]!, total);
  } else {
    memory.scatter(source, total, layout.pieces);
    const part = new Segments();
    let end = total;
    for (const lengthBytes of cut(random, total, "random")) {
      part.slice(source, end - lengthBytes, lengthBytes);
      for (let i = 0; i < part.count; i++) {
        destination.append(part.region(i), part.offset(i), part.lengthBytes(i));
      }
      end -= lengthBytes;
    }
  }
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
    placeData(operation, request, layout, memory, random);
    memory.scatter(
      operation.additionalData,
      additionalData.length,
      layout.pieces,
    );
    memory.scatter(operation.digest, request.digestBytes, layout.pieces);
    operation.source.write(0, request.source);
    operation.additionalData.write(0, additionalData);
    if (request.tag) operation.digest.write(0, request.tag);
    else memory.allowWrites(operation.digest);
    memory.allowWrites(operation.destination);
    memory.protect();
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

/** How long a backend may leave operations pending. */
const PENDING_LIMIT_MS = 10_000;

/**
 * Runs all jobs in one burst and polls until none is pending. Throws when the
 * backend throws or leaves an operation pending.
 */
export function runJobs(thread: BackendThread, jobs: readonly Job[]): void {
  const operations = jobs.map((job) => job.operation);
  thread.run(operations, operations.length);
  const start = performance.now();
  const isPending = (operation: Operation) =>
    operation.status === OperationStatus.Pending;
  while (operations.some(isPending)) {
    if (!thread.poll) {
      throw new Error("Operation is pending, but the backend has no poll()");
    }
    if (performance.now() - start > PENDING_LIMIT_MS) {
      throw new Error(`Operation is pending after ${PENDING_LIMIT_MS} ms`);
    }
    thread.poll();
  }
}
