/**
 * The AES key schedules of a thread's sessions, side by side: a request of one of
 * many sessions touches these lines of the caches and no others of its own.
 *
 * @module
 */

import { addressOf } from "../../ffi/libc.ts";

/** Words of libcrypto's AES_KEY: fifteen round keys, and how many are used. */
export const SCHEDULE_WORDS = 61;
/** Words from one schedule to the next: whole lines. */
export const SCHEDULE_STRIDE = 64;

const LINE_BYTES = 64;
const FIRST_SCHEDULES = 16;
const TWO_TO_32 = 2 ** 32;

/** Memory of key schedules, by place. */
export class KeySchedules {
  /** All of them, {@linkcode SCHEDULE_STRIDE} words each; others after `add`. */
  words = new Int32Array(0);
  /** Native address of `words`: its lower half, signed, and its upper. */
  low = 0;
  high = 0;
  #used = 0;
  readonly #free: number[] = [];

  /** Copies a schedule, and says where it is. */
  add(schedule: Int32Array): number {
    const place = this.#free.pop() ?? this.#used++;
    const at = SCHEDULE_STRIDE * place;
    if (at >= this.words.length) this.#grow(2 * place || FIRST_SCHEDULES);
    this.words.set(schedule, at);
    return place;
  }

  #grow(places: number): void {
    const before = this.words;
    const lengthBytes = 4 * SCHEDULE_STRIDE * places;
    const buffer = new ArrayBuffer(lengthBytes + LINE_BYTES);
    const start = Number(addressOf(new Uint8Array(buffer)));
    const skipped = -start & (LINE_BYTES - 1);
    this.words = new Int32Array(buffer, skipped, lengthBytes / 4);
    this.low = (start + skipped) | 0;
    this.high = Math.floor((start + skipped) / TWO_TO_32) | 0;
    this.words.set(before);
    before.fill(0);
  }

  /** Wipes the schedule at `place`, which another may have then. */
  remove(place: number): void {
    const at = SCHEDULE_STRIDE * place;
    this.words.fill(0, at, at + SCHEDULE_STRIDE);
    this.#free.push(place);
  }

  wipe(): void {
    this.words.fill(0);
  }
}
