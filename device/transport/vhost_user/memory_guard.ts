/**
 * What keeps a front-end that takes pages of its memory away from ending the
 * process.
 *
 * A file that is sealed cannot shrink, yet its pages may run out: huge pages, and
 * those of a full /dev/shm. So every region is covered, sealed or not; where
 * nothing can be covered, what is not sealed is refused.
 *
 * @module
 */

import { CoveredMemory } from "../../../ffi/covered_memory.ts";
import type { Libc, Mapping } from "../../../ffi/libc.ts";
import type { Reactor } from "../../../ffi/reactor.ts";

/** What becomes of memory that its owner can shorten. */
export const UNSEALED_MEMORY = ["refuse", "serve"] as const;
export type UnsealedMemory = (typeof UNSEALED_MEMORY)[number];

/** Gives back what covers a mapping. */
export type Uncover = () => void;

/** Covers the memory of all guests of a reactor. */
export class MemoryGuard {
  readonly #reactor: Reactor;
  readonly #covered: CoveredMemory | string;
  readonly #choice: UnsealedMemory | undefined;

  /** `choice` is the operator's; without one memory is served if it is covered. */
  constructor(libc: Libc, reactor: Reactor, choice?: UnsealedMemory) {
    this.#reactor = reactor;
    this.#choice = choice;
    const covered = CoveredMemory.open(libc);
    this.#covered = covered;
    if (typeof covered === "string") return;
    const watched = reactor.watch(
      covered.wakeFd,
      () => covered.tellLosses(),
    );
    if (watched >= 0) return;
    covered.close();
    this.#covered = libc.describe(watched);
  }

  /** Why a missing page would end the process; undefined where it does not. */
  get weakness(): string | undefined {
    return typeof this.#covered === "string" ? this.#covered : undefined;
  }

  get unsealedMemory(): UnsealedMemory {
    return this.#choice ?? (this.weakness === undefined ? "serve" : "refuse");
  }

  /**
   * Covers a mapping until the result is called, which is due before the mapping
   * is given back; `lost` hears once that a page was gone. A string says why it
   * cannot be covered.
   */
  cover(mapping: Mapping, lost: () => void): Uncover | string {
    const covered = this.#covered;
    if (typeof covered === "string") return () => {};
    const entry = covered.cover(mapping, lost);
    return entry === undefined
      ? "this process maps too many regions"
      : () => covered.uncover(entry);
  }

  /** Has the owners of memory that is gone told now rather than soon. */
  tellLosses(): void {
    if (typeof this.#covered !== "string") this.#covered.tellLosses();
  }

  /** Covers nothing any more; nothing may be mapped. */
  close(): void {
    if (typeof this.#covered === "string") return;
    this.#reactor.unwatch(this.#covered.wakeFd);
    this.#covered.close();
  }
}
