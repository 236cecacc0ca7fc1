/**
 * One request from bytes to bytes, as a promise.
 *
 * @module
 */

import { Status } from "../device/wire/status.ts";
import type {
  RequestFormat,
  RequestShape,
  RequestTarget,
} from "./data_request.ts";
import { OperationError } from "./operation_error.ts";
import type { RequestQueue } from "./request_queue.ts";
import { describeTarget } from "./session_control.ts";
import type { SharedMemory } from "./shared_memory.ts";

/** The bytes that a request takes along. */
export interface RequestInput {
  readonly iv: Uint8Array;
  readonly source: Uint8Array;
  readonly additionalData: Uint8Array;
  /** The tag to verify, of an AEAD decryption. */
  readonly tag?: Uint8Array;
}

/** What became of a request. */
export interface RequestOutcome {
  readonly status: Status;
  /** Bytes that the device says it wrote, status included. */
  readonly writtenBytes: number;
  /** The whole destination, whatever the status. */
  readonly destination: Uint8Array<ArrayBuffer>;
  readonly digest: Uint8Array<ArrayBuffer>;
}

/** Runs requests on one data queue. */
export class RequestRunner {
  readonly queue: RequestQueue;
  readonly memory: SharedMemory;
  readonly format: RequestFormat;

  constructor(
    queue: RequestQueue,
    memory: SharedMemory,
    format: RequestFormat,
  ) {
    this.queue = queue;
    this.memory = memory;
    this.format = format;
  }

  /** Resolves to the outcome, whatever the status. */
  async run(
    target: RequestTarget,
    shape: RequestShape,
    input: RequestInput,
  ): Promise<RequestOutcome> {
    const plan = this.format.plan(target, shape);
    const memory = await this.memory.allocate(plan.stretches);
    const placed = plan.place(this.memory, memory);
    try {
      placed.iv.write(0, input.iv);
      placed.source.write(0, input.source);
      placed.additionalData.write(0, input.additionalData);
      // Not what an earlier request left there.
      placed.destination.fill(0, shape.destinationBytes, 0);
      placed.digest.fill(0, shape.digestBytes, 0);
      if (input.tag) placed.digest.write(0, input.tag);
      const { readable, writable } = placed;
      const writtenBytes = await this.queue.request(readable, writable);
      return {
        status: placed.status(),
        writtenBytes,
        destination: placed.destination.copy(),
        digest: placed.digest.copy(),
      };
    } finally {
      placed.wipe();
      for (const bytes of memory) this.memory.free(bytes);
    }
  }

  /** Like `run`, but rejects with an `OperationError` unless the status is OK. */
  async require(
    target: RequestTarget,
    shape: RequestShape,
    input: RequestInput,
  ): Promise<RequestOutcome> {
    const outcome = await this.run(target, shape, input);
    if (outcome.status === Status.Ok) return outcome;
    throw new OperationError(
      `${shape.operation} with ${describeTarget(target.description)}`,
      outcome.status,
    );
  }
}
