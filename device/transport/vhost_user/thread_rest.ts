/**
 * How a queue thread rests: counted by it in shared memory, for whoever wants to
 * know. Nothing else follows from it, so the stores are plain.
 *
 * @module
 */

/** The words of a thread's rest. */
export const enum RestWord {
  /** Times that it looked for more before it slept. */
  Spins = 0,
  /** Those after which there was nothing. */
  SpinsInVain = 1,
  Sleeps = 2,
  SleptMs = 3,
  /** When it fell asleep, in milliseconds of Unix time; 0 while it is awake. */
  AsleepSinceMs = 4,
}

/** Bytes of the words. */
export const REST_BYTES: number = 8 * 5;

const nowMs = (): number => performance.timeOrigin + performance.now();

/** To be called before the thread sleeps … */
export function noteSleep(words: Float64Array): void {
  words[RestWord.AsleepSinceMs] = nowMs();
}

/** … and after that. */
export function noteWaking(words: Float64Array): void {
  const sinceMs = words[RestWord.AsleepSinceMs]!;
  words[RestWord.AsleepSinceMs] = 0;
  words[RestWord.Sleeps]!++;
  words[RestWord.SleptMs]! += nowMs() - sinceMs;
}

/** Milliseconds that a thread has slept, with those of the present sleep. */
export function sleptMs(words: Float64Array): number {
  const sinceMs = words[RestWord.AsleepSinceMs]!;
  const presentMs = sinceMs > 0 ? Math.max(0, nowMs() - sinceMs) : 0;
  return words[RestWord.SleptMs]! + presentMs;
}
