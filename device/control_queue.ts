/**
 * The service of the control queue: sessions created and destroyed.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import { wipeKeys } from "../algorithms/session_description.ts";
import {
  carryOut,
  type ControlAnswer,
  type ControlContext,
  type ControlOutcome,
} from "./control_outcome.ts";
import { answerDraft9Control } from "./draft9_control.ts";
import type { RedoneRequests } from "./redone_requests.ts";
import { type QueueService, SERVICE_MS } from "./queue_service.ts";
import {
  ChainFault,
  DescriptorChain,
  popChain,
  showChain,
} from "./ring/chain.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { MOST_UNTOLD } from "./session/session_redo.ts";
import { NO_ORIGIN } from "./session/session_table.ts";
import type { Eventual } from "./session/steps.ts";
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
 * Requests whose answer waits for a backend. A guest with more of them has its
 * queue served again when one is answered.
 */
const WAITING = MOST_UNTOLD;

/** The control queue of one guest. */
export class ControlQueue implements QueueService {
  readonly #virtqueue: Virtqueue;
  readonly #context: ControlContext;
  readonly #chain = new DescriptorChain();
  readonly #waiting = new Set<Promise<void>>();
  /** Hears that a request has been answered outside of `service`. */
  answered: (() => void) | undefined;

  constructor(virtqueue: Virtqueue, context: ControlContext) {
    this.#virtqueue = virtqueue;
    this.#context = context;
  }

  get broken(): string | undefined {
    return this.#virtqueue.broken;
  }

  /** Requests whose answer waits for a backend. */
  get pendingCount(): number {
    return this.#waiting.size;
  }

  /** Answers come by `answered`. */
  readonly needsPolling = false;

  readonly waitMs = -1;

  /**
   * Whether it takes no more before others are answered, who then say so by
   * `answered`.
   */
  get isFull(): boolean {
    return this.#waiting.size >= (this.#isRedoing ? 1 : WAITING);
  }

  /** What is done again is done one by one: it is known which one ends a process. */
  get #isRedoing(): boolean {
    return this.#context.redone?.any ?? false;
  }

  /** Answers what is available, up to a bound; true: notify the driver. */
  service(): boolean {
    const end = performance.now() + SERVICE_MS;
    while (!this.isFull) {
      const start = this.#position;
      if (!popChain(this.#virtqueue, this.#chain)) break;
      const { slot, writable } = this.#chain;
      const { numbers } = this.#context;
      const origin = numbers?.take(start, this.#position) ?? NO_ORIGIN;
      const redone = this.#isRedoing ? this.#context.redone : undefined;
      const isBarred = redone?.begin() === false;
      const context = isBarred ? { ...this.#context, isBarred } : this.#context;
      const answer = this.#answer(context, origin);
      if (answer instanceof Promise) this.#answerLater(slot, answer, redone);
      else this.#push(slot, answer(writable), redone);
      if (performance.now() >= end) break;
    }
    return this.#virtqueue.publish();
  }

  /** True when the driver is to be notified of what was answered since. */
  poll(): boolean {
    return this.#virtqueue.publish();
  }

  /** Settled when all that was taken is answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#waiting);
  }

  /** Refuses what waits for a backend: the ring has to stop. */
  abandonLanes(): void {
    this.#context.sessions.abandonOpening();
  }

  abandon(): void {
    this.abandonLanes();
  }

  #push(
    slot: number,
    writtenBytes: number,
    redone: RedoneRequests | undefined,
  ): void {
    this.#virtqueue.push(slot, writtenBytes);
    redone?.end();
  }

  #answerLater(
    slot: number,
    later: Promise<ControlAnswer>,
    redone: RedoneRequests | undefined,
  ): void {
    const waiting = later.then((answer) => {
      this.#waiting.delete(waiting);
      // The lists of chains may have moved since.
      showChain(this.#virtqueue, slot, this.#chain);
      this.#push(slot, answer(this.#chain.writable), redone);
      this.answered?.();
    });
    this.#waiting.add(waiting);
  }

  /** Where the next request is taken. */
  get #position(): number {
    return this.#virtqueue.base & 0xffff;
  }

  #answer(context: ControlContext, origin: number): Eventual<ControlAnswer> {
    // A chain that cannot be followed has no place for an answer.
    if (this.#chain.fault !== ChainFault.None) return NO_ANSWER;
    return context.mode.layout === "draft-9"
      ? answerDraft9Control(this.#chain.writable, context, origin)
      : this.#answerVirtio(context, origin);
  }

  #answerVirtio(
    context: ControlContext,
    origin: number,
  ): Eventual<ControlAnswer> {
    const { readable, writable } = this.#chain;
    const { mode, limits } = context;
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
      return NO_ANSWER;
    }
    const answer = (outcome: ControlOutcome): ControlAnswer => (writable) => {
      const bytes = creates
        ? createOutcome(outcome.status, outcome.sessionId)
        : destroyOutcome(outcome.status);
      writable.write(0, bytes);
      return bytes.length;
    };
    const outcome = carryOut(request, context, origin);
    return outcome instanceof Promise ? outcome.then(answer) : answer(outcome);
  }
}

const NO_ANSWER: ControlAnswer = () => 0;
