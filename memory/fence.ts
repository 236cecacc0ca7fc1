/**
 * Keeps plain accesses behind it after plain accesses before it, as no access by
 * `Atomics` does alone: a load holds back what comes after it, and a store what
 * came before.
 *
 * @module
 */

/** A fence for the calling thread. */
export class Fence {
  /** Nobody else's. */
  readonly #word = new Int32Array(1);

  /**
   * What has been read and written comes before what follows. On aarch64 a load
   * that acquires lets earlier accesses pass it, and a store that releases later
   * ones; but such a load stays behind such a store, what came before is before the
   * store, and what follows is behind the load ("Memory order" in
   * docs/architecture.md).
   */
  pass(): void {
    Atomics.store(this.#word, 0, 0);
    Atomics.load(this.#word, 0);
  }
}
