/**
 * The service of the control queue: sessions created and destroyed.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import { wipeKeys } from "../algorithms/session_description.ts";
import { carryOut, type ControlContext } from "./control_outcome.ts";
import { answerDraft9Control } from "./draft9_control.ts";
import { ChainFault, DescriptorChain, popChain } from "./ring/chain.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import {
  CREATE_OUTCOME_BYTES,
  createOutcome,
  decodeControlRequest,
  DESTROY_OUTCOME_BYTES,
  destroyOutcome,
} from "./wire/control_request.ts";

/**
 * More than any control request holds: header, op_flf and the longest keys. What
 * a guest appends to that is not read.
 */
const MAXIMUM_REQUEST_BYTES = 16 * 1024;

/**
 * How long one call goes on. A request costs what its guest makes it cost, and
 * all guests' control queues share a thread.
 */
const SERVICE_MS = 5;

/** The control queue of one guest. */
export class ControlQueue {
  readonly #virtqueue: Virtqueue;
  readonly #context: ControlContext;
  readonly #chain = new DescriptorChain();

  constructor(virtqueue: Virtqueue, context: ControlContext) {
    this.#virtqueue = virtqueue;
    this.#context = context;
  }

  get broken(): string | undefined {
    return this.#virtqueue.broken;
  }

  /** Answers what is available, up to a bound; true: notify the driver. */
  service(): boolean {
    const end = performance.now() + SERVICE_MS;
    while (popChain(this.#virtqueue, this.#chain)) {
      this.#virtqueue.push(this.#chain.slot, this.#answer());
      if (performance.now() >= end) break;
    }
    return this.#virtqueue.publish();
  }

  #answer(): number {
    // A chain that cannot be followed has no place for an answer.
    if (this.#chain.fault !== ChainFault.None) return 0;
    return this.#context.mode.layout === "draft-9"
      ? answerDraft9Control(this.#chain.writable, this.#context)
      : this.#answerVirtio();
  }

  #answerVirtio(): number {
    const { readable, writable } = this.#chain;
    const { mode, limits, sessions } = this.#context;
    const bytes = keyRoom(
      Math.min(readable.totalBytes, MAXIMUM_REQUEST_BYTES),
    );
    readable.read(0, bytes);
    const request = decodeControlRequest(bytes, mode, limits);
    bytes.fill(0);
    const creates = request.kind === "create" ||
      (request.kind === "refused" && request.create);
    const room = creates ? CREATE_OUTCOME_BYTES : DESTROY_OUTCOME_BYTES;
    // Without room for the answer nothing may happen that it would tell of.
    if (writable.totalBytes < room) {
      if (request.kind === "create") wipeKeys(request.description);
      return 0;
    }
    const outcome = carryOut(request, sessions, mode);
    const answer = creates
      ? createOutcome(outcome.status, outcome.sessionId)
      : destroyOutcome(outcome.status);
    writable.write(0, answer);
    return answer.length;
  }
}
