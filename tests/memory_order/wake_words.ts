/**
 * The word that says whether a thread has to be woken, against the last look of
 * that thread: either it is woken, or it finds what was published.
 *
 * @module
 */

import {
  fallsAsleep,
  mustWake,
  staysAwake,
} from "../../device/lane/awake_word.ts";
import { Meeting } from "./meeting.ts";

/** So many pairs of threads' words are raced through in a round. */
const PAIRS = 256;
/** Words of a pair, each pair in a line of the cache of its own. */
const STRIDE = 16;
const WORK = 0;
const AWAKE = 8;

/** What the two sides share. */
export interface WakePlan {
  readonly meeting: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  /** Which pairs the side that sleeps has found work in. */
  readonly found: SharedArrayBuffer;
}

/** Bytes of `words` and of `found`. */
export const WAKE_PLAN_BYTES = { words: 4 * STRIDE * PAIRS, found: PAIRS };

/** Publishes work; returns how much of it nobody has heard of. */
export function publishAll(plan: WakePlan, rounds: number): number {
  const words = new Int32Array(plan.words);
  const found = new Uint8Array(plan.found);
  const meeting = new Meeting(plan.meeting, true);
  const woken = new Uint8Array(PAIRS);
  let lost = 0;
  for (let round = 1; round <= rounds; round++) {
    meeting.arrive();
    for (let pair = 0; pair < PAIRS; pair++) {
      const at = STRIDE * pair;
      Atomics.store(words, at + WORK, round);
      woken[pair] = mustWake(words, at + AWAKE) ? 1 : 0;
    }
    meeting.arrive();
    for (let pair = 0; pair < PAIRS; pair++) {
      if (woken[pair] === 0 && found[pair] === 0) lost++;
    }
    meeting.arrive();
  }
  return lost;
}

/** Falls asleep and looks once more. */
export function sleepAll(plan: WakePlan, rounds: number): void {
  const words = new Int32Array(plan.words);
  const found = new Uint8Array(plan.found);
  const meeting = new Meeting(plan.meeting, false);
  for (let round = 1; round <= rounds; round++) {
    for (let pair = 0; pair < PAIRS; pair++) {
      staysAwake(words, STRIDE * pair + AWAKE);
    }
    meeting.arrive();
    for (let pair = 0; pair < PAIRS; pair++) {
      const at = STRIDE * pair;
      fallsAsleep(words, at + AWAKE);
      found[pair] = Atomics.load(words, at + WORK) === round ? 1 : 0;
    }
    meeting.arrive();
    meeting.arrive();
  }
}
