/**
 * Whether an idle queue thread should look for requests for a while before it
 * sleeps. That makes a driver faster which waits for each answer, and costs a core
 * for nothing with one that sends at its own pace: so both are tried in turn, and
 * what is better is kept for a while. One that keeps the thread busy costs nothing
 * by being spun for, however it fares without. Whatever else the machine does can make a
 * trial go wrong, so it takes two of them to change the policy's mind.
 *
 * @module
 */

/** How long each way is tried … */
const TRIAL_MS = 4;
/** … and the better one kept … */
const KEPT_MS = 400;
/** … where the trial said what the one before did, else tried again after this. */
const DOUBTED_MS = 40;
/** Spinning is kept where it lets the driver send so many times as much. */
const WORTH = 1.25;
/** … or where a thread that does not spin sleeps no more than this part of time. */
const LITTLE_SLEEP = 0.125;

/** What the policy does at present. */
const enum Phase {
  TrialSpinning,
  TrialSleeping,
  Kept,
}

/** Decides for one queue thread; times in milliseconds. */
export class SpinPolicy {
  #phase = Phase.Kept;
  /** Which way is kept; the last trial may have said otherwise. */
  #keepsSpinning = true;
  #isDoubted = false;
  #since = -KEPT_MS;
  #requestsBefore = 0;
  #sleptBeforeMs = 0;
  #rateSpinning = 0;

  /**
   * Whether to spin now that there is nothing to do, after `requests` requests
   * and `sleptMs` of sleep in all.
   */
  decide(nowMs: number, requests: number, sleptMs: number): boolean {
    const elapsedMs = nowMs - this.#since;
    if (elapsedMs < this.#phaseMs) return this.#spins;
    const rate = (requests - this.#requestsBefore) / elapsedMs;
    switch (this.#phase) {
      case Phase.Kept:
        this.#phase = Phase.TrialSpinning;
        break;
      case Phase.TrialSpinning:
        this.#rateSpinning = rate;
        this.#phase = Phase.TrialSleeping;
        break;
      case Phase.TrialSleeping: {
        const slept = (sleptMs - this.#sleptBeforeMs) / elapsedMs;
        const isWorth = this.#rateSpinning > WORTH * rate;
        this.#judge(isWorth || slept < LITTLE_SLEEP);
        this.#phase = Phase.Kept;
      }
    }
    this.#since = nowMs;
    this.#requestsBefore = requests;
    this.#sleptBeforeMs = sleptMs;
    return this.#spins;
  }

  get #spins(): boolean {
    if (this.#phase === Phase.Kept) return this.#keepsSpinning;
    return this.#phase === Phase.TrialSpinning;
  }

  get #phaseMs(): number {
    if (this.#phase !== Phase.Kept) return TRIAL_MS;
    return this.#isDoubted ? DOUBTED_MS : KEPT_MS;
  }

  #judge(isWorthSpinning: boolean): void {
    const isOther = isWorthSpinning !== this.#keepsSpinning;
    if (isOther && this.#isDoubted) this.#keepsSpinning = isWorthSpinning;
    this.#isDoubted = isOther && !this.#isDoubted;
  }
}
