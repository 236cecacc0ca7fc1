/**
 * Creating and destroying sessions over the control queue.
 *
 * @module
 */

import type { Service } from "../algorithms/catalogue.ts";
import {
  keysOf,
  type SessionDescription,
} from "../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  decodeDestroyOutcome,
  encodeCreateRequest,
  encodeDestroyRequest,
} from "../device/wire/control_encode.ts";
import {
  CREATE_OUTCOME_BYTES,
  DESTROY_OUTCOME_BYTES,
} from "../device/wire/control_request.ts";
import {
  decodeDraft9Created,
  decodeDraft9Destroyed,
  encodeDraft9Create,
  encodeDraft9Destroy,
} from "../device/wire/draft9.ts";
import type { WireMode } from "../device/wire/mode.ts";
import { Status } from "../device/wire/status.ts";
import { OperationError } from "./operation_error.ts";
import type { RequestQueue } from "./request_queue.ts";
import type { SharedBytes, SharedMemory } from "./shared_memory.ts";

/** A road by which sessions come and go. */
export interface SessionControl {
  /** Resolves to the identifier; rejects with an `OperationError`. */
  create(description: SessionDescription): Promise<number>;
  /** Destroys what `create` has made; a chain belongs to `cipher`. */
  destroy(service: Service, sessionId: number): Promise<void>;
}

/** `cipher.aes-cbc`, as in options and logs. */
export function describeTarget(description: SessionDescription): string {
  return description.service === "chain"
    ? `chain.${description.cipher.algorithm}+${description.hashAlgorithm}`
    : `${description.service}.${description.algorithm}`;
}

/** An outcome that no device writes, and that must not pass for one: all bytes set. */
export const UNANSWERED = 0xff;

function requireOk(operation: string, status: Status): void {
  if (status !== Status.Ok) throw new OperationError(operation, status);
}

/** Sessions over the control queue of the ratified layout. */
export class VirtioSessionControl implements SessionControl {
  readonly #queue: RequestQueue;
  readonly #memory: SharedMemory;
  readonly #mode: WireMode;

  constructor(queue: RequestQueue, memory: SharedMemory, mode: WireMode) {
    this.#queue = queue;
    this.#memory = memory;
    this.#mode = mode;
  }

  async create(description: SessionDescription): Promise<number> {
    const outcome = decodeCreateOutcome(
      await this.#exchange(
        encodeCreateRequest(description, this.#mode),
        CREATE_OUTCOME_BYTES,
      ),
    );
    requireOk(
      `create a session of ${describeTarget(description)}`,
      outcome.status,
    );
    return outcome.sessionId;
  }

  async destroy(service: Service, sessionId: number): Promise<void> {
    const status = decodeDestroyOutcome(
      await this.#exchange(
        [encodeDestroyRequest(service, sessionId, this.#mode)],
        DESTROY_OUTCOME_BYTES,
      ),
    );
    requireOk(`destroy session ${sessionId}`, status);
  }

  async #exchange(
    pieces: readonly Uint8Array[],
    outcomeBytes: number,
  ): Promise<Uint8Array> {
    const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const [request, outcome] = await this.#memory.allocate([
      { lengthBytes },
      { lengthBytes: outcomeBytes },
    ]) as [SharedBytes, SharedBytes];
    let at = 0;
    for (const piece of pieces) {
      request.segments.write(at, piece);
      at += piece.length;
    }
    outcome.segments.fill(0, outcomeBytes, UNANSWERED);
    try {
      await this.#queue.request(request.buffers, outcome.buffers);
      return outcome.segments.copy();
    } finally {
      // Keys do not stay in shared memory.
      request.segments.fill(0, lengthBytes, 0);
      this.#memory.free(request);
      this.#memory.free(outcome);
    }
  }
}

/** Sessions over the control queue of the v9 draft. */
export class Draft9SessionControl implements SessionControl {
  readonly #queue: RequestQueue;
  readonly #memory: SharedMemory;

  constructor(queue: RequestQueue, memory: SharedMemory) {
    this.#queue = queue;
    this.#memory = memory;
  }

  async create(description: SessionDescription): Promise<number> {
    const keys = await this.#memory.allocate(
      keysOf(description).map((key) => ({
        lengthBytes: key.length,
        whole: true,
      })),
    );
    keysOf(description).forEach((key, i) => keys[i]!.segments.write(0, key));
    const addressOf = (index: number): number =>
      keys[index]?.buffers[0]?.guestAddress ?? NaN;
    try {
      const outcome = decodeDraft9Created(
        await this.#exchange(encodeDraft9Create(
          description,
          { keyAddress: addressOf(0), authKeyAddress: addressOf(1) },
          0,
        )),
        description,
      );
      requireOk(
        `create a session of ${describeTarget(description)}`,
        outcome.status,
      );
      return outcome.sessionId;
    } finally {
      for (const key of keys) {
        key.segments.fill(0, key.segments.totalBytes, 0);
        this.#memory.free(key);
      }
    }
  }

  async destroy(service: Service, sessionId: number): Promise<void> {
    const status = decodeDraft9Destroyed(
      await this.#exchange(encodeDraft9Destroy(service, sessionId)),
    );
    requireOk(`destroy session ${sessionId}`, status);
  }

  /** Sends the structure, which comes back with the outcome in it. */
  async #exchange(structure: Uint8Array): Promise<Uint8Array> {
    const [shared] = await this.#memory.allocate([
      { lengthBytes: structure.length, whole: true },
    ]) as [SharedBytes];
    shared.segments.write(0, structure);
    try {
      await this.#queue.request([], shared.buffers);
      return shared.segments.copy();
    } finally {
      this.#memory.free(shared);
    }
  }
}
