/**
 * Which sessions' operations take longer than a budget, and from which length of
 * their source on: so that those can run where they hold up nobody.
 *
 * @module
 */

/** What one operation may take on the thread of rings. */
export const BUDGET_MS = 2;
/** As often in a row it has to take more: a thread may have been interrupted. */
const TIMES = 3;

/** What has been measured of one session. */
export class LongOperations {
  /** Operations of so many bytes and more take long. */
  fromBytes = Infinity;
  #times = 0;
  /** The shortest of those that took long in a row. */
  #shortest = Infinity;

  /**
   * Notes what an operation took. Returns whether more of them take long from now
   * on.
   */
  note(sourceBytes: number, ms: number): boolean {
    if (sourceBytes >= this.fromBytes) return false;
    if (ms <= BUDGET_MS) {
      if (sourceBytes >= this.#shortest) this.#forget();
      return false;
    }
    this.#times++;
    this.#shortest = Math.min(this.#shortest, sourceBytes);
    if (this.#times < TIMES) return false;
    this.fromBytes = this.#shortest;
    this.#forget();
    return true;
  }

  #forget(): void {
    this.#times = 0;
    this.#shortest = Infinity;
  }
}
