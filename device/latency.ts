/**
 * How long requests take in the device, of some of them: a clock costs as much as
 * a part of a short request.
 *
 * @module
 */

import { type Service, SERVICES } from "../algorithms/catalogue.ts";

/** Upper bounds of the buckets, in milliseconds; one more has what is above. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
];

const BUCKETS = LATENCY_BOUNDS_MS.length + 1;
/** Words of a histogram: its buckets, and the sum in milliseconds. */
const HISTOGRAM_WORDS = BUCKETS + 1;

/** Words of the histograms of all services. */
export const LATENCY_WORDS = HISTOGRAM_WORDS * SERVICES.length;

/** One burst of so many (and 1 more) is timed. */
const SAMPLE_MASK = 63;

/** What was seen of one service. */
export interface Histogram {
  /** Requests by bucket, each without those below it. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** The histogram of `service` out of the words of a queue. */
export function histogramOf(words: Float64Array, service: Service): Histogram {
  const at = HISTOGRAM_WORDS * SERVICES.indexOf(service);
  const buckets = [...words.subarray(at, at + BUCKETS)];
  const count = buckets.reduce((sum, one) => sum + one, 0);
  return { buckets, count, sumMs: words[at + BUCKETS]! };
}

/** Times bursts of one queue now and then; what waits is timed to its end. */
export class LatencySamples {
  readonly #words: Float64Array;
  #bursts = 0;
  #beganMs = 0;
  /** The request that is timed and has not ended; -1: none. */
  #slot = -1;

  constructor(words: Float64Array) {
    this.#words = words;
  }

  /** To be called before a burst is taken; whether it is to be timed. */
  begins(): boolean {
    if ((this.#bursts & SAMPLE_MASK) !== 0 || this.#slot >= 0) return false;
    this.#beganMs = performance.now();
    return true;
  }

  /** To be called after a burst that had requests. */
  next(): void {
    this.#bursts++;
  }

  /** The request of `slot`, which was in the timed burst, has not ended. */
  waitsFor(slot: number): void {
    this.#slot = slot;
  }

  /** The slot that has been waited for; -1: none. */
  get waiting(): number {
    return this.#slot;
  }

  /** Notes a timed request of a service; undefined: it is not to be noted. */
  ended(service: Service | undefined): void {
    this.#slot = -1;
    if (service === undefined) return;
    const ms = performance.now() - this.#beganMs;
    let bucket = 0;
    while (bucket < BUCKETS - 1 && ms > LATENCY_BOUNDS_MS[bucket]!) bucket++;
    const at = HISTOGRAM_WORDS * SERVICES.indexOf(service);
    this.#words[at + bucket]!++;
    this.#words[at + BUCKETS]! += ms;
  }
}
