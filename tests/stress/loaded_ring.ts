/**
 * One ring under load and what its driver knows of it: how many requests were
 * made available, how many were answered, and whether each answer is right.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Random } from "../../conformance/random.ts";
import { createDriverQueue } from "../../driver/rings/create_driver_queue.ts";
import type { DriverQueue } from "../../driver/rings/driver_queue.ts";
import { isReadable } from "../../testing/readable.ts";
import {
  GUEST_ADDRESS,
  type ScriptedFrontEnd,
} from "../../testing/scripted_front_end.ts";

/** How a ring was negotiated. */
export interface RingForm {
  readonly packed: boolean;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
  readonly indirect: boolean;
}

/** What a ring is loaded with. */
export interface Load {
  /** Most requests that are out at a time. */
  readonly depth: number;
  /** Readable and writable descriptors of every request. */
  readonly descriptors: number;
  /** The request of a slot: its readable pieces, and the room for its answer. */
  request(slot: number): { readable: Uint8Array[]; writableBytes: number[] };
  /** What is wrong with the answer in a slot, or undefined. */
  check(
    slot: number,
    answer: Uint8Array[],
    writtenBytes: number,
  ): string | undefined;
}

/** What of a stress run went wrong. */
export class StressFailure extends Error {}

export const RING_SIZE = 64;
const RING_ROOM_BYTES = 0x8000;
const TABLES_OFFSET = 0x4000;
const SLOTS_START = 0x10_0000;
const SLOTS_BYTES = 0x4_0000;
const SLOT_BYTES = 512;
const UNTOUCHED = 0xee;
/** A driver that waits longer than this waits for ever. */
const PATIENCE_MS = 20_000;
/** Between two looks whether the call descriptor is another one. */
const LOOK_MS = 50;

interface Outstanding {
  readonly answer: { offset: number; lengthBytes: number }[];
}

/** A ring that a driver keeps busy. */
export class LoadedRing {
  readonly index: number;
  readonly queue: DriverQueue;
  readonly form: RingForm;
  kickFd: number;
  callFd: number;
  /** The device may not touch the ring while this is false. */
  running = false;
  submitted = 0;
  answered = 0;
  readonly #front: ScriptedFrontEnd;
  readonly #load: Load;
  readonly #random: Random;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #free: number[];
  #waitingSince = 0;

  constructor(
    front: ScriptedFrontEnd,
    index: number,
    form: RingForm,
    load: Load,
    random: Random,
  ) {
    this.#front = front;
    this.index = index;
    this.form = form;
    this.#load = load;
    this.#random = random;
    this.#free = Array.from({ length: load.depth }, (_, slot) => slot);
    const { indirect, ...negotiated } = form;
    const offset = index * RING_ROOM_BYTES;
    this.queue = createDriverQueue({
      ...negotiated,
      region: front.region,
      regionGuestAddress: GUEST_ADDRESS,
      offset,
      size: RING_SIZE,
      ...indirect && {
        indirect: {
          offset: offset + TABLES_OFFSET,
          maxDescriptors: load.descriptors,
        },
      },
    });
    this.kickFd = front.eventfd();
    this.callFd = front.eventfd();
  }

  /**
   * Keeps the ring busy until `isOver`, and then until all is answered, or until
   * `failed`.
   */
  async drive(isOver: () => boolean, failed: () => boolean): Promise<void> {
    this.#waitingSince = performance.now();
    while (!failed() && (!isOver() || this.#outstanding.size > 0)) {
      if (!isOver()) this.#fill();
      if (this.takeAll() > 0) this.#waitingSince = performance.now();
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (this.#outstanding.size === 0) continue;
      if (this.queue.enableInterrupts()) continue;
      await this.#interrupted(failed);
      this.queue.disableInterrupts();
    }
  }

  #fill(): void {
    const count = this.#random.integer(this.#free.length + 1);
    for (let i = 0; i < count; i++) this.#submit(this.#free.pop()!);
    if (count === 0 || !this.queue.publish()) return;
    this.#front.libc.signal(this.kickFd);
  }

  #submit(slot: number): void {
    const { readable, writableBytes } = this.#load.request(slot);
    const { bytes } = this.#front.region;
    let at = SLOTS_START + this.index * SLOTS_BYTES + slot * SLOT_BYTES;
    const place = (lengthBytes: number) => {
      const offset = at;
      at += lengthBytes;
      return { offset, lengthBytes };
    };
    const toBuffer = (one: { offset: number; lengthBytes: number }) => ({
      guestAddress: GUEST_ADDRESS + one.offset,
      lengthBytes: one.lengthBytes,
    });
    const sent = readable.map((piece) => {
      const one = place(piece.length);
      bytes.set(piece, one.offset);
      return one;
    });
    const answer = writableBytes.map(place);
    for (const { offset, lengthBytes } of answer) {
      bytes.fill(UNTOUCHED, offset, offset + lengthBytes);
    }
    const added = this.queue.add(
      sent.map(toBuffer),
      answer.map(toBuffer),
      slot,
    );
    if (!added) throw new StressFailure(`ring ${this.index} has no room`);
    this.#outstanding.set(slot, { answer });
    this.submitted++;
  }

  /** Takes what is answered; returns how much that was. */
  takeAll(): number {
    let count = 0;
    for (;;) {
      const completion = this.queue.take();
      if (!completion) break;
      const { token, writtenBytes } = completion;
      const one = this.#outstanding.get(token);
      if (!one) this.#fail(`slot ${token} is answered twice`);
      this.#outstanding.delete(token);
      const problem = this.#load.check(token, this.#read(one), writtenBytes);
      if (problem !== undefined) this.#fail(`slot ${token}: ${problem}`);
      this.#free.push(token);
      this.answered++;
      count++;
    }
    if (this.queue.broken !== undefined) this.#fail(this.queue.broken);
    return count;
  }

  #read({ answer }: Outstanding): Uint8Array[] {
    return answer.map(({ offset, lengthBytes }) =>
      this.#front.region.bytes.slice(offset, offset + lengthBytes)
    );
  }

  /** Waits for an interrupt, as a driver with nothing else to do. */
  async #interrupted(failed: () => boolean): Promise<void> {
    const { libc } = this.#front;
    while (!failed()) {
      const { callFd } = this;
      if (await isReadable(callFd, LOOK_MS)) {
        libc.clear(callFd);
        return;
      }
      if (!this.running) this.#waitingSince = performance.now();
      if (performance.now() - this.#waitingSince < PATIENCE_MS) continue;
      const answered = this.takeAll();
      this.#fail(
        answered > 0
          ? `the driver was not told of ${answered} answers`
          : `${this.#outstanding.size} requests are not answered`,
      );
    }
  }

  /**
   * After GET_VRING_BASE: every request is either answered or still available
   * from the base on.
   */
  checkStopped(base: number): void {
    this.takeAll();
    const { packed } = this.form;
    const expected = packed ? this.#packedPosition() : this.answered & 0xffff;
    if (base === expected) return;
    this.#fail(
      `stopped at 0x${base.toString(16)}, where ${this.answered} of ` +
        `${this.submitted} requests were answered and it had to stop at ` +
        `0x${expected.toString(16)}`,
    );
  }

  /** Where the next request of a packed ring is, for both sides alike. */
  #packedPosition(): number {
    const each = this.form.indirect ? 1 : this.#load.descriptors;
    const passed = this.answered * each;
    const wrap = Math.floor(passed / RING_SIZE) % 2 === 0 ? 1 : 0;
    const position = passed % RING_SIZE | wrap << 15;
    return (position | position << 16) >>> 0;
  }

  /** While the ring is stopped nothing is answered and nothing is written. */
  checkUntouched(): void {
    if (this.takeAll() > 0) this.#fail("answered after it was stopped");
    for (const [slot, one] of this.#outstanding) {
      const written = this.#read(one).some((piece) =>
        piece.some((byte) => byte !== UNTOUCHED)
      );
      if (written) this.#fail(`slot ${slot} was written without an answer`);
    }
  }

  #fail(problem: string): never {
    throw new StressFailure(`ring ${this.index}: ${problem}`);
  }
}
