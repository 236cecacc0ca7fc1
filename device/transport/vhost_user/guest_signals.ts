/**
 * The main thread's notifications of a guest.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { signalForeign } from "../../../ffi/libc_foreign.ts";

/**
 * Signals a guest's descriptors one after another: one that is full and blocks
 * holds up the guest's others and nobody else.
 */
export class GuestSignals {
  readonly #libc: Libc;
  readonly #waiting = new Set<number>();
  #sending: Promise<void> | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Adds 1 to an eventfd soon; -1 is nobody's. */
  send(fd: number): void {
    if (fd < 0) return;
    this.#waiting.add(fd);
    this.#sending ??= this.#sendAll();
  }

  /** Forgets a descriptor that is about to be closed. */
  forget(fd: number): void {
    this.#waiting.delete(fd);
  }

  /** Settled when nothing is under way. */
  async finished(): Promise<void> {
    this.#waiting.clear();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (const fd of this.#waiting) {
      this.#waiting.delete(fd);
      await signalForeign(this.#libc, fd);
    }
    this.#sending = undefined;
  }
}
