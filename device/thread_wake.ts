/**
 * How the main thread wakes a queue thread for its commands.
 *
 * A command is sent first, then counted, and then the thread is woken if it says
 * that it sleeps. The thread says so first, and then looks at the count once more
 * before it waits: one of the two sees the other ("Memory order" in
 * docs/architecture.md). A lane signals the same descriptor, by a protocol of its
 * own (`lane/channel.ts`).
 *
 * @module
 */

/** Words that a queue thread shares with whoever wakes it. */
export const enum WakeWord {
  /** Commands that have been sent. */
  CommandsSent = 0,
  /** 1 while the thread waits, or is about to. */
  Asleep = 1,
}

/** Bytes of the words. */
export const WAKE_BYTES = 8;

/** What wakes a queue thread; structured-cloneable, good for its whole life. */
export interface ThreadWake {
  /** Indexed by {@linkcode WakeWord}. */
  readonly words: SharedArrayBuffer;
  /** An eventfd; adding to it ends the thread's waiting. */
  readonly fd: number;
}

/** Counts a command that was sent; `signal` adds 1 to the eventfd. */
export function countCommand(words: Int32Array, signal: () => void): void {
  Atomics.add(words, WakeWord.CommandsSent, 1); // model: count
  if (Atomics.load(words, WakeWord.Asleep) === 1) signal(); // model: wake
}
