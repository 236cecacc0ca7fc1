/**
 * A turn of the event loop, in every runtime.
 *
 * @module
 */

interface Timers {
  /** Absent in browsers. */
  readonly setImmediate?: (callback: () => void) => unknown;
  setTimeout(callback: () => void, ms: number): unknown;
}

/** Lets the event loop take a turn: what others have sent is looked at. */
export function nextTurn(): Promise<void> {
  const { setImmediate, setTimeout } = globalThis as unknown as Timers;
  return new Promise((resolve) => {
    if (setImmediate) setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
