/**
 * A word in shared memory that says of a thread whether it has to be woken: for two
 * threads that give each other work, and look for it a while before they sleep.
 *
 * Whoever gives work publishes it and then asks {@linkcode mustWake}. Whoever is
 * about to sleep calls {@linkcode fallsAsleep} and then looks for work once more.
 * Each is a store and then a load: one of the two sees the other ("Memory order" in
 * docs/architecture.md).
 *
 * @module
 */

type Words = Int32Array<SharedArrayBuffer>;

const ASLEEP = 0;
const AWAKE = 1;

/** The thread looks for itself from now on. */
export function staysAwake(words: Words, word: number): void {
  Atomics.store(words, word, AWAKE);
}

/** The thread is to be woken for what it does not find from now on. */
export function fallsAsleep(words: Words, word: number): void {
  Atomics.store(words, word, ASLEEP);
}

/** Whether the caller has to wake the thread; true once for each sleep. */
export const mustWake = (words: Words, word: number): boolean =>
  Atomics.exchange(words, word, AWAKE) === ASLEEP;
