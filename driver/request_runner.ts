/**
 * One request from bytes to bytes, as a promise.
 *
 * @module
 */

import {
  copyDescription,
  wipeKeys,
} from "../algorithms/session_description.ts";
import { Status } from "../device/wire/status.ts";
import type {
  PlacedRequest,
  PlannedRequest,
  RequestFormat,
  RequestShape,
  RequestTarget,
} from "./data_request.ts";
import { OperationError } from "./operation_error.ts";
import type { RequestQueue } from "./request_queue.ts";
import { describeTarget } from "./session_control.ts";
import type { SharedBytes, SharedMemory } from "./shared_memory.ts";

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

  /**
   * Resolves to the outcome, whatever the status. The bytes of `input`, and the
   * keys of a stateless request, are taken before it returns.
   */
  run(
    target: RequestTarget,
    shape: RequestShape,
    input: RequestInput,
  ): Promise<RequestOutcome> {
    const { closed } = this.queue;
    if (closed) return Promise.reject(closed);
    const plan = this.format.plan(target, shape);
    const memory = this.memory.allocateAtOnce(plan.stretches);
    return memory
      ? this.#send(plan, memory, shape, input)
      : this.#runLater(target, shape, input);
  }

  /** Waits for memory with copies of what the caller may change meanwhile. */
  async #runLater(
    target: RequestTarget,
    shape: RequestShape,
    input: RequestInput,
  ): Promise<RequestOutcome> {
    const { description } = target;
    const isStateless = target.sessionId === undefined;
    const own = isStateless
      ? { description: copyDescription(description) }
      : target;
    const bytes = copyInput(input);
    try {
      const plan = this.format.plan(own, shape);
      const memory = await this.memory.allocate(plan.stretches);
      return await this.#send(plan, memory, shape, bytes);
    } finally {
      if (isStateless) wipeKeys(own.description);
    }
  }

  async #send(
    plan: PlannedRequest,
    memory: readonly SharedBytes[],
    shape: RequestShape,
    input: RequestInput,
  ): Promise<RequestOutcome> {
    const placed = this.#place(plan, memory);
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
    } catch (error) {
      // Memory that went with the device throws what nobody understands.
      throw this.queue.closed ?? error;
    } finally {
      if (!this.memory.isGone) placed.wipe();
      for (const bytes of memory) this.memory.free(bytes);
    }
  }

  #place(plan: PlannedRequest, memory: readonly SharedBytes[]): PlacedRequest {
    try {
      // It may have gone while the request waited for memory.
      if (this.queue.closed) throw this.queue.closed;
      return plan.place(this.memory, memory);
    } catch (error) {
      for (const bytes of memory) this.memory.free(bytes);
      throw error;
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

/** Not `slice`, which copies nothing of a Node.js Buffer. */
function copyInput(input: RequestInput): RequestInput {
  const { iv, source, additionalData, tag } = input;
  return {
    iv: new Uint8Array(iv),
    source: new Uint8Array(source),
    additionalData: new Uint8Array(additionalData),
    ...(tag && { tag: new Uint8Array(tag) }),
  };
}
