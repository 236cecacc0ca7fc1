/**
 * The limits of a guest's rate: a bucket of requests and one of bytes, which leak
 * at the rate and take a burst. Whoever finds one full waits; nothing is refused.
 *
 * All rings of a guest share the buckets, on whichever threads they are: of each
 * there is the moment at which it will be empty, in shared memory. What one burst
 * brings more than there is room for is waited for afterwards.
 *
 * @module
 */

/** Rates of a guest; undefined: as much as it likes. */
export interface ThrottleLimits {
  readonly requestsPerSecond: number | undefined;
  /** Requests at once, beyond the rate. */
  readonly requestBurst: number;
  readonly bytesPerSecond: number | undefined;
  /** Bytes at once, beyond the rate. */
  readonly byteBurst: number;
}

/** Limits, and the buckets of one guest; structured-cloneable. */
export interface ThrottleState {
  readonly limits: ThrottleLimits;
  readonly buckets: SharedArrayBuffer;
}

/** A burst that nobody has chosen: what comes in a tenth of a second. */
const DEFAULT_BURST_SECONDS = 0.1;
/** A smaller burst would be used up between two looks at a ring. */
const LEAST_BURST_SECONDS = 0.01;

/** What a rate of requests, and a burst of them, may be. */
export const OPS_RANGE = { minimum: 1, maximum: 1_000_000_000 } as const;
/** What a rate of bytes, and a burst of them, may be. */
export const BPS_RANGE = {
  minimum: 1024,
  maximum: 1_000_000_000_000,
} as const;

/** Rates and bursts as they were chosen, or not. */
export interface ChosenRates {
  readonly ops: number | undefined;
  readonly opsBurst: number | undefined;
  readonly bps: number | undefined;
  readonly bpsBurst: number | undefined;
}

/** The limits that were chosen; undefined where a guest has none. */
export function throttleOf(chosen: ChosenRates): ThrottleLimits | undefined {
  const { ops, opsBurst, bps, bpsBurst } = chosen;
  if (ops === undefined && bps === undefined) return undefined;
  return {
    requestsPerSecond: ops,
    requestBurst: burstOf(ops, opsBurst),
    bytesPerSecond: bps,
    byteBurst: burstOf(bps, bpsBurst),
  };
}

function burstOf(
  perSecond: number | undefined,
  chosen: number | undefined,
): number {
  if (perSecond === undefined) return 0;
  const burst = chosen ?? perSecond * DEFAULT_BURST_SECONDS;
  return Math.max(1, burst, perSecond * LEAST_BURST_SECONDS);
}

const TICKS_PER_SECOND = 8000;
const TICKS_PER_MS = TICKS_PER_SECOND / 1000;
/** Half of what 32 bits tell apart is the past; this stays far below that. */
const MOST_TICKS = 2 ** 29;
/** Longer than any bucket takes to empty, and than ticks take to come around. */
const EMPTY_AFTER_SECONDS = 100_000;

/** Words of a bucket: when it will be empty, and the second of its last change. */
const EMPTY_AT = 0;
const CHANGED_AT = 1;
const BUCKET_BYTES = 8;

/** Buckets that are empty. */
export function newThrottleState(limits: ThrottleLimits): ThrottleState {
  return { limits, buckets: new SharedArrayBuffer(2 * BUCKET_BYTES) };
}

/**
 * Fills the buckets of a guest that another process has served until now: nobody
 * gets a burst by a restart.
 */
export function fillBuckets(state: ThrottleState, nowMs: number): void {
  const { requestsPerSecond, requestBurst, bytesPerSecond, byteBurst } =
    state.limits;
  bucketOf(state, 0, requestsPerSecond, requestBurst)
    ?.add(nowMs, requestBurst);
  bucketOf(state, 1, bytesPerSecond, byteBurst)?.add(nowMs, byteBurst);
}

function bucketOf(
  { buckets }: ThrottleState,
  index: number,
  unitsPerSecond: number | undefined,
  burst: number,
): Bucket | undefined {
  if (unitsPerSecond === undefined) return undefined;
  const words = new Int32Array(buckets, index * BUCKET_BYTES, BUCKET_BYTES / 4);
  return new Bucket(words, unitsPerSecond, burst);
}

/** One bucket, as one ring sees it. */
class Bucket {
  readonly #words: Int32Array;
  readonly #ticksPerUnit: number;
  readonly #burstTicks: number;
  /** What does not make a tick yet. */
  #fraction = 0;

  constructor(words: Int32Array, unitsPerSecond: number, burst: number) {
    this.#words = words;
    this.#ticksPerUnit = TICKS_PER_SECOND / unitsPerSecond;
    this.#burstTicks = Math.min(burst * this.#ticksPerUnit, MOST_TICKS);
  }

  /** Ticks until it will be empty. */
  #level(nowMs: number): number {
    const changed = Atomics.load(this.#words, CHANGED_AT);
    if (nowMs / 1000 - changed > EMPTY_AFTER_SECONDS) return 0;
    const level = Atomics.load(this.#words, EMPTY_AT) - ticks(nowMs) | 0;
    return Math.max(0, level);
  }

  /** How many units there is room for. */
  room(nowMs: number): number {
    return (this.#burstTicks - this.#level(nowMs)) / this.#ticksPerUnit;
  }

  /** When there is room for `units`, of which a burst has some. */
  waitMs(nowMs: number, units: number): number {
    const wanted = Math.min(units * this.#ticksPerUnit, this.#burstTicks);
    const ticks = this.#level(nowMs) + wanted - this.#burstTicks;
    return Math.max(0, ticks / TICKS_PER_MS);
  }

  add(nowMs: number, units: number): void {
    const exact = this.#fraction + units * this.#ticksPerUnit;
    const whole = Math.floor(exact);
    this.#fraction = exact - whole;
    if (whole === 0) return;
    const now = ticks(nowMs);
    for (;;) {
      const before = Atomics.load(this.#words, EMPTY_AT);
      const level = Math.min(this.#level(nowMs) + whole, MOST_TICKS);
      const after = now + level | 0;
      const found = Atomics.compareExchange(
        this.#words,
        EMPTY_AT,
        before,
        after,
      );
      if (found === before) break;
    }
    Atomics.store(this.#words, CHANGED_AT, Math.floor(nowMs / 1000));
  }
}

const ticks = (nowMs: number): number => Math.floor(nowMs * TICKS_PER_MS) | 0;

/** The limits of a guest as one of its rings has them. */
export class Throttle {
  readonly #clock: () => number;
  readonly #requests: Bucket | undefined;
  readonly #bytes: Bucket | undefined;
  #waitingSince: number | undefined;

  /** `clock` tells milliseconds, the same ones on all threads of the guest. */
  constructor(state: ThrottleState, clock: () => number) {
    this.#clock = clock;
    const { requestsPerSecond, requestBurst, bytesPerSecond, byteBurst } =
      state.limits;
    this.#requests = bucketOf(state, 0, requestsPerSecond, requestBurst);
    this.#bytes = bucketOf(state, 1, bytesPerSecond, byteBurst);
  }

  /** Whether the last look found no room, so that the ring has to wait. */
  get isWaiting(): boolean {
    return this.#waitingSince !== undefined;
  }

  /** How many requests may be taken now, at most `most`; with 0 the wait begins. */
  room(most: number): number {
    const nowMs = this.#clock();
    const room = this.#bytes && this.#bytes.waitMs(nowMs, 1) > 0
      ? 0
      : Math.min(most, Math.floor(this.#requests?.room(nowMs) ?? most));
    if (room > 0) return room;
    this.#waitingSince ??= nowMs;
    return 0;
  }

  /** How many bytes there is room for. */
  roomBytes(): number {
    return this.#bytes?.room(this.#clock()) ?? Infinity;
  }

  /** In how many milliseconds there is room for a request; 0: now. */
  waitMs(): number {
    const nowMs = this.#clock();
    return Math.max(
      this.#requests?.waitMs(nowMs, 1) ?? 0,
      this.#bytes?.waitMs(nowMs, 1) ?? 0,
    );
  }

  /**
   * Counts requests that have been taken, or that there were none to take. Returns
   * how many milliseconds they had waited.
   */
  taken(requests: number, bytes: number): number {
    const nowMs = this.#clock();
    const waitedMs = requests === 0 ? 0 : nowMs - (this.#waitingSince ?? nowMs);
    this.#waitingSince = undefined;
    this.#requests?.add(nowMs, requests);
    this.#bytes?.add(nowMs, bytes);
    return waitedMs;
  }
}
