/**
 * Control requests at a ring's start that another process may have begun: one that
 * ends each process is not tried for ever.
 *
 * @module
 */

/** So many processes may end while they do the same request by itself. */
export const MOST_TRIES = 3;

/** Where it is counted how many processes have ended so. */
export interface Tries {
  tries: number;
}

/** Those that are left, one at a time. */
export class RedoneRequests {
  #left: number;
  readonly #journal: Tries | undefined;

  /** Without a journal nothing is counted. */
  constructor(count: number, journal: Tries | undefined) {
    this.#left = count;
    this.#journal = journal;
  }

  /** Whether the next request is one. */
  get any(): boolean {
    return this.#left > 0;
  }

  /** Begins the next one; false: it is to be refused. */
  begin(): boolean {
    const journal = this.#journal;
    if (!journal) return true;
    if (journal.tries >= MOST_TRIES) return false;
    journal.tries++;
    return true;
  }

  /** It has been answered. */
  end(): void {
    this.#left--;
    if (this.#journal) this.#journal.tries = 0;
  }
}
