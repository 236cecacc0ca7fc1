/**
 * Whether to look for work a while before sleeping. That pays where work comes at
 * once, and is a waste where it does not: each look in vain makes the next ones
 * rarer, and one that finds something brings them back.
 *
 * @module
 */

/** So many sleeps without a look at most. */
const MOST_SKIPPED = 31;

/** Decides for one who waits. */
export class Patience {
  #penalty = 0;
  #toSkip = 0;

  /** Whether to look, now that there is nothing to do. */
  looks(): boolean {
    if (this.#toSkip === 0) return true;
    this.#toSkip--;
    return false;
  }

  /** To be called when a look has found work … */
  found(): void {
    this.#penalty = 0;
  }

  /** … or has not. */
  lookedInVain(): void {
    this.#penalty = Math.min(2 * this.#penalty + 1, MOST_SKIPPED);
    this.#toSkip = this.#penalty;
  }
}
