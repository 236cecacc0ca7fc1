/**
 * Keeps plain reads behind it after plain reads before it: for flags that are read
 * plainly, many at a time, before what they guard.
 *
 * @module
 */

/** A fence for the reads of the calling thread. */
export class ReadFence {
  /** Nobody else's. */
  readonly #word = new Int32Array(1);

  /**
   * What has been read is read before what follows. On aarch64 a load that acquires
   * lets earlier loads pass it; a store that releases does not, and such a load
   * stays behind such a store ("Memory order" in docs/architecture.md).
   */
  pass(): void {
    Atomics.store(this.#word, 0, 0);
    Atomics.load(this.#word, 0);
  }
}
