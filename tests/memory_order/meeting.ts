/**
 * Where two threads wait for each other.
 *
 * @module
 */

/** Looks before a thread sleeps: the other may need this processor. */
const LOOKS = 20_000;
const SLEEP_MS = 1;
/** How long one side waits for the other, which may have failed. */
const PATIENCE_MS = 60_000;

/** Bytes that the two sides of a meeting share. */
export const MEETING_BYTES = 8;

/** A place that both of two threads reach before one goes on. */
export class Meeting {
  readonly #arrivals: Int32Array;
  readonly #mine: number;
  readonly #other: number;
  #count = 0;

  constructor(shared: SharedArrayBuffer, isFirst: boolean) {
    this.#arrivals = new Int32Array(shared);
    this.#mine = isFirst ? 0 : 1;
    this.#other = 1 - this.#mine;
  }

  /** Returns when the other side has called it as often. */
  arrive(): void {
    const count = ++this.#count;
    Atomics.store(this.#arrivals, this.#mine, count);
    waitUntil(() => Atomics.load(this.#arrivals, this.#other) >= count);
  }
}

/** Looks until `isThere`, and throws where that takes too long. */
export function waitUntil(isThere: () => boolean): void {
  for (let looks = 0; looks < LOOKS; looks++) if (isThere()) return;
  const deadline = performance.now() + PATIENCE_MS;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (!isThere()) {
    if (performance.now() > deadline) {
      throw new Error(`The other side has not come within ${PATIENCE_MS} ms`);
    }
    Atomics.wait(never, 0, 0, SLEEP_MS);
  }
}
