/**
 * Many requests of one session and one size at a time, over memory that is laid
 * out once: for bulk data and for benches.
 *
 * @module
 */

import { showInstead } from "../algorithms/inspect.ts";
import { Status } from "../device/wire/status.ts";
import type { Segments } from "../memory/segments.ts";
import { wrongValue } from "./argument.ts";
import type {
  OperationName,
  PlacedRequest,
  RequestShape,
} from "./data_request.ts";
import { OperationError } from "./operation_error.ts";
import type { RequestQueue, Submission } from "./request_queue.ts";
import type { GuestBuffer } from "./rings/driver_queue.ts";
import { describeTarget } from "./session_control.ts";
import {
  requireOpen,
  rulesOf,
  runnerOf,
  type Session,
  targetOf,
} from "./session.ts";
import type { SharedMemory } from "./shared_memory.ts";

/** Sizes of a burst's requests. */
export interface BurstOptions {
  /** Requests that may be in flight. */
  readonly depth: number;
  /** Length of each request's data, without a tag. */
  readonly dataBytes: number;
  /** Length of each request's IV. Default: 0. */
  readonly ivBytes?: number;
  /** Length of each request's associated data. Default: 0. */
  readonly additionalDataBytes?: number;
}

/**
 * One request of a burst. Its views are the memory that the device works on, so
 * they are the caller's from `take` to `submit` alone: the next request of the
 * slot has its result in the same place.
 */
export interface BurstSlot {
  /** Its place among the slots of the burst, from 0. */
  readonly index: number;
  /** As long as the burst's `ivBytes`. */
  readonly iv: Uint8Array<ArrayBuffer>;
  /** The data, as long as the burst's `dataBytes`. */
  readonly source: Uint8Array<ArrayBuffer>;
  /** As long as the burst's `additionalDataBytes`. */
  readonly additionalData: Uint8Array<ArrayBuffer>;
  /** The result, as long as the data; empty where there is a digest alone. */
  readonly destination: Uint8Array<ArrayBuffer>;
  /** Digest, code or tag; to decrypt with AEAD, the tag to verify. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** Bytes that the device said it wrote, status included. */
  readonly writtenBytes: number;
  /** For the caller, for example which part of a file this is. */
  tag: number;
  /** What the device answered to the last request (virtio 1.4 §5.9.9.1). */
  readonly status: Status;
}

/** A slot with its request. */
class PlacedSlot implements BurstSlot, Submission {
  readonly index: number;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly source: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array<ArrayBuffer>;
  readonly destination: Uint8Array<ArrayBuffer>;
  readonly digest: Uint8Array<ArrayBuffer>;
  readonly readable: readonly GuestBuffer[];
  readonly writable: readonly GuestBuffer[];
  writtenBytes = 0;
  tag = 0;
  failure: Error | undefined;
  /** The device may write to its memory. */
  inFlight = false;
  readonly #placed: PlacedRequest;
  readonly #done: PlacedSlot[];
  #releaseTo: SharedMemory | undefined;

  constructor(index: number, placed: PlacedRequest, done: PlacedSlot[]) {
    this.index = index;
    this.iv = viewOf(placed.iv);
    this.source = viewOf(placed.source);
    this.additionalData = viewOf(placed.additionalData);
    this.destination = viewOf(placed.destination);
    this.digest = viewOf(placed.digest);
    this.readable = placed.readable;
    this.writable = placed.writable;
    this.#placed = placed;
    this.#done = done;
    showInstead(this, () => ({
      index,
      tag: this.tag,
      dataBytes: this.source.length,
    }), "BurstSlot");
  }

  get status(): Status {
    return this.#placed.status();
  }

  rearm(): void {
    this.#placed.rearm();
  }

  completed(writtenBytes: number): void {
    this.writtenBytes = writtenBytes;
    this.#finish();
  }

  abandoned(reason: Error): void {
    this.failure = reason;
    this.#finish();
  }

  #finish(): void {
    this.inFlight = false;
    this.#done.push(this);
    if (this.#releaseTo) this.release(this.#releaseTo);
  }

  /** Gives the memory back, once the device is done with it. */
  release(memory: SharedMemory): void {
    this.#releaseTo = memory;
    if (this.inFlight) return;
    if (!memory.isGone) this.#placed.wipe();
    for (const bytes of this.#placed.memory) memory.free(bytes);
  }
}

function viewOf(segments: Segments): Uint8Array<ArrayBuffer> {
  return segments.count === 0 ? new Uint8Array(0) : segments.view(0);
}

/** Preallocated requests of one session. */
export class Burst implements Disposable {
  /** All requests of the burst. */
  readonly slots: readonly BurstSlot[];
  readonly #slots: readonly PlacedSlot[];
  readonly #memory: SharedMemory;
  readonly #queue: RequestQueue;
  readonly #operation: string;
  readonly #done: PlacedSlot[] = [];
  #inFlight = 0;
  #closed = false;

  /** `session` must not be an AKCIPHER session: those are no bulk work. */
  constructor(session: Session, options: BurstOptions) {
    const shape = shapeOfBurst(session, options);
    requireOpen(session, shape.operation);
    const rules = rulesOf(session);
    // The IV of a MAC is the start of its data.
    rules?.check(shape, rules.macIvBytes);
    const { memory, queue, format } = runnerOf(session);
    this.#memory = memory;
    this.#queue = queue;
    this.#operation = `${shape.operation} with ` +
      describeTarget(session.description);
    const slots: PlacedSlot[] = [];
    for (let index = 0; index < options.depth; index++) {
      const plan = format.plan(targetOf(session), shape);
      const bytes = memory.allocateNow(
        plan.stretches.map((stretch) => ({ ...stretch, whole: true })),
      );
      slots.push(new PlacedSlot(index, plan.place(memory, bytes), this.#done));
    }
    this.#slots = slots;
    this.slots = slots;
    showInstead(this, () => ({
      operation: this.#operation,
      slots: slots.length,
      inFlight: this.#inFlight,
    }), "Burst");
  }

  /** Requests that are staged or with the device. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Stages a slot that is not in flight; false when the ring is full. */
  submit(submitted: BurstSlot): boolean {
    const slot = this.#slots[submitted.index];
    if (slot !== submitted) {
      throw new TypeError("Cannot submit: the slot is another burst's");
    }
    if (slot.inFlight) {
      throw new Error(`Cannot submit slot ${slot.index}: it is in flight`);
    }
    if (this.#queue.closed) throw this.#queue.closed;
    if (this.#closed) throw new Error("Cannot submit: the burst is closed");
    slot.rearm();
    if (!this.#queue.stage(slot)) return false;
    slot.inFlight = true;
    this.#inFlight++;
    return true;
  }

  /** Hands the device all staged slots with one kick. */
  flush(): void {
    this.#queue.flush();
  }

  /** A slot that the device has finished, whatever its status. */
  take(): BurstSlot | undefined {
    if (this.#done.length === 0) this.#queue.harvest();
    const slot = this.#done.pop();
    if (!slot) return undefined;
    this.#inFlight--;
    if (slot.failure) throw slot.failure;
    return slot;
  }

  /** Like `take`, but throws an `OperationError` unless the status is OK. */
  takeOk(): BurstSlot | undefined {
    const slot = this.take();
    if (slot && slot.status !== Status.Ok) {
      throw new OperationError(this.#operation, slot.status);
    }
    return slot;
  }

  /**
   * Resolves once a slot can be taken. Watches the ring for `spinMs` before it
   * sleeps until the device notifies.
   */
  async wait(spinMs = 0): Promise<void> {
    while (this.#done.length === 0 && this.#inFlight > 0) {
      await this.#queue.waitForUsed(spinMs);
    }
  }

  /**
   * Pumps requests 0 … `count` - 1 through the slots: `fill` sets a slot's
   * bytes, `done` takes its result. As many as possible are in flight.
   */
  async run(
    count: number,
    fill: (slot: BurstSlot, index: number) => void,
    done: (slot: BurstSlot, index: number) => void,
    spinMs = 0,
  ): Promise<void> {
    const free = [...this.slots];
    let started = 0;
    let finished = 0;
    while (finished < count) {
      while (started < count && free.length > 0) {
        const slot = free.pop()!;
        slot.tag = started;
        fill(slot, started);
        if (!this.submit(slot)) {
          free.push(slot);
          break;
        }
        started++;
        if (this.#isTimeToFlush(started)) this.flush();
      }
      this.flush();
      await this.wait(spinMs);
      for (let slot = this.takeOk(); slot; slot = this.takeOk()) {
        done(slot, slot.tag);
        free.push(slot);
        finished++;
      }
    }
  }

  /**
   * Gives the memory back, that of requests in flight when they come back. Slots
   * are not to be used any more.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const slot of this.#slots) slot.release(this.#memory);
  }

  /** Closes the burst. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The device starts on the first requests while later ones are filled. */
  #isTimeToFlush(started: number): boolean {
    return started % 8 === 0;
  }
}

function checkOptions(options: BurstOptions): void {
  const { depth, dataBytes, ivBytes = 0, additionalDataBytes = 0 } = options;
  const counts = { depth, dataBytes, ivBytes, additionalDataBytes };
  for (const [name, value] of Object.entries(counts)) {
    const least = name === "depth" ? 1 : 0;
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw wrongValue(
      "make a burst",
      name,
      value,
      `an integer from ${least} on`,
    );
  }
}

function shapeOfBurst(session: Session, options: BurstOptions): RequestShape {
  checkOptions(options);
  const { description } = session;
  const { dataBytes, ivBytes = 0, additionalDataBytes = 0 } = options;
  const shape = {
    ivBytes,
    sourceBytes: dataBytes,
    additionalDataBytes,
    destinationBytes: dataBytes,
    digestBytes: 0,
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
  };
  const operation = (name: OperationName) => ({ ...shape, operation: name });
  switch (description.service) {
    case "cipher":
      return operation(description.direction);
    case "chain":
      return {
        ...operation(description.cipher.direction),
        digestBytes: description.resultBytes,
        cipherBytes: dataBytes,
        hashBytes: dataBytes,
      };
    case "aead":
      return {
        ...operation(description.direction),
        digestBytes: description.tagBytes,
      };
    case "akcipher":
      throw new TypeError("Cannot make a burst of akcipher requests");
    default:
      return {
        ...operation("digest"),
        destinationBytes: 0,
        digestBytes: description.resultBytes,
      };
  }
}
