/**
 * One virtqueue as requests use it: who waits for which used buffer, when to
 * kick, when to ask for notifications.
 *
 * @module
 */

import type { DeviceLink } from "./link.ts";
import type { DriverQueue, GuestBuffer } from "./rings/driver_queue.ts";

/** A request on its way. Kept by bursts, made anew for each promise. */
export interface Submission {
  readonly readable: readonly GuestBuffer[];
  readonly writable: readonly GuestBuffer[];
  /** The device has used it. */
  completed(writtenBytes: number): void;
  /** It will never be used. */
  abandoned(reason: Error): void;
}

/** A virtqueue with its requests in flight. */
export class RequestQueue {
  readonly index: number;
  readonly #link: DeviceLink;
  readonly #makeRing: () => DriverQueue;
  readonly #tellsPosition: boolean;
  #queue: DriverQueue;
  /** By token. */
  readonly #inFlight: (Submission | undefined)[];
  #freeTokens: number[];
  /** Requests for which the ring has no room yet, oldest first. */
  readonly #waiting: Submission[] = [];
  /** Called at the next sign of life of the device. */
  readonly #sleepers: (() => void)[] = [];
  /** Requests in flight that only a notification completes. */
  #promisedCount = 0;
  #flushIsDue = false;
  #closed: Error | undefined;
  /** The device is suspended: nothing may be made available. */
  #paused = false;

  /**
   * `makeRing` clears the ring's memory and makes an empty ring there;
   * `tellsPosition`: NOTIFICATION_DATA is negotiated.
   */
  constructor(
    link: DeviceLink,
    index: number,
    makeRing: () => DriverQueue,
    tellsPosition: boolean,
  ) {
    this.index = index;
    this.#link = link;
    this.#makeRing = makeRing;
    this.#tellsPosition = tellsPosition;
    this.#queue = makeRing();
    const { size } = this.#queue;
    this.#inFlight = new Array(size).fill(undefined);
    this.#freeTokens = allTokens(size);
    link.onNotification(index, () => this.#notified());
  }

  /** Lets the device serve the queue. */
  start(): Promise<void> {
    const { size, addresses } = this.#queue;
    return this.#link.startQueue(this.index, { size, ...addresses });
  }

  /** Takes the queue from the device and starts it anew, with an empty ring. */
  async reset(): Promise<void> {
    if (!this.#link.resetQueue) {
      throw new Error("Cannot reset one queue: the transport has no way to");
    }
    await this.#link.resetQueue(this.index);
    this.#forget(new Error(`Queue ${this.index} was reset`));
    this.#promisedCount = 0;
    this.#freeTokens = allTokens(this.size);
    this.#queue = this.#makeRing();
    await this.start();
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Why the queue takes no more requests, once it does not. */
  get closed(): Error | undefined {
    return this.#closed;
  }

  get inFlightCount(): number {
    return this.size - this.#freeTokens.length;
  }

  /** Stages a request; false when the ring has no room for it now. */
  stage(submission: Submission): boolean {
    if (this.#closed) throw this.#closed;
    if (this.#paused) throw new Error("Cannot send: the device is suspended");
    const token = this.#freeTokens.at(-1);
    if (token === undefined) return false;
    const { readable, writable } = submission;
    if (!this.#queue.add(readable, writable, token)) return false;
    this.#freeTokens.pop();
    this.#inFlight[token] = submission;
    return true;
  }

  /** Shows what is staged, and keeps back what comes until `unpause`. */
  pause(): void {
    this.flush();
    this.#paused = true;
  }

  /** Sends what has been kept back. */
  unpause(): void {
    this.#paused = false;
    this.#stageWaiting();
  }

  /** Shows the device what is staged, with a kick where it wants one. */
  flush(): void {
    if (!this.#queue.publish()) return;
    if (!this.#tellsPosition) return this.#link.kick(this.index);
    const data = (this.index | this.#queue.position << 16) >>> 0;
    this.#link.kick(this.index, data);
  }

  /** Takes what the device has used; returns how many requests that were. */
  harvest(): number {
    let count = 0;
    while (true) {
      const completion = this.#queue.take();
      if (!completion) break;
      const { token, writtenBytes } = completion;
      const submission = this.#inFlight[token]!;
      this.#inFlight[token] = undefined;
      this.#freeTokens.push(token);
      count++;
      submission.completed(writtenBytes);
    }
    if (this.#queue.broken !== undefined) {
      this.abandon(
        new Error(`The device broke its ring: ${this.#queue.broken}`),
      );
    } else if (this.#waiting.length > 0 && !this.#paused) this.#stageWaiting();
    return count;
  }

  /** Sends a request and resolves to the bytes that the device wrote. */
  request(
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const submission: Submission = {
        readable,
        writable,
        completed: (writtenBytes) => {
          this.#promisedCount--;
          resolve(writtenBytes);
        },
        abandoned: reject,
      };
      this.#promisedCount++;
      const waits = this.#paused || this.#waiting.length > 0;
      if (waits || !this.stage(submission)) this.#waiting.push(submission);
      this.#flushSoon();
    });
  }

  /**
   * Resolves once requests have been used: watches the ring for `spinMs`, then
   * sleeps until the device notifies.
   */
  async waitForUsed(spinMs: number): Promise<void> {
    if (this.#closed) throw this.#closed;
    if (spinMs > 0 && this.#spin(spinMs)) return;
    if (this.#queue.enableInterrupts()) this.harvest();
    else await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    if (this.#closed) throw this.#closed;
  }

  /** Fails everything under way; later requests fail too. */
  abandon(reason: Error): void {
    this.#closed ??= reason;
    this.#forget(reason);
  }

  #forget(reason: Error): void {
    const abandoned = this.#inFlight.filter((one) => one !== undefined);
    this.#inFlight.fill(undefined);
    for (const submission of [...abandoned, ...this.#waiting.splice(0)]) {
      submission.abandoned(reason);
    }
    this.#wakeSleepers();
  }

  #spin(spinMs: number): boolean {
    // Whoever spins harvests again; a promise waits for a notification alone.
    if (this.#promisedCount === 0) this.#queue.disableInterrupts();
    const end = performance.now() + spinMs;
    do {
      if (this.harvest() > 0) return true;
    } while (performance.now() < end);
    return false;
  }

  #notified(): void {
    if (this.#closed) return;
    do {
      this.harvest();
    } while (this.#closed === undefined && this.#queue.enableInterrupts());
    this.#wakeSleepers();
  }

  #wakeSleepers(): void {
    for (const wake of this.#sleepers.splice(0)) wake();
  }

  #stageWaiting(): void {
    while (this.#waiting.length > 0 && this.stage(this.#waiting[0]!)) {
      this.#waiting.shift();
    }
    this.#flushSoon();
  }

  /** One kick for all requests of a turn of the event loop. */
  #flushSoon(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    queueMicrotask(() => {
      this.#flushIsDue = false;
      if (this.#closed) return;
      this.flush();
      // A spin may have turned notifications off.
      if (this.#queue.enableInterrupts()) this.#notified();
    });
  }
}

const allTokens = (size: number): number[] =>
  Array.from({ length: size }, (_, i) => i);
