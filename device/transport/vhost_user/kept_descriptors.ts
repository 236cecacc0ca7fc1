/**
 * The descriptors that a keeper has of one guest. Each has a number, which is never
 * used again, so that whatever is written down before and after a change names what
 * is its own; a few that are the guest's for ever have names.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { KeptNumber } from "./front_end_record.ts";

/** Has descriptors kept by name; negative where the keeper did not hear it. */
export interface DescriptorKeeper {
  keep(name: string, fd: number): number;
  /** Whether so many descriptors can be kept by names like this one. */
  takes(name: string, count: number): boolean;
  forget(name: string): number;
}

/** A descriptor that was kept, by its name. */
export interface KeptDescriptor {
  readonly name: string;
  readonly fd: number;
}

/** Those of one guest. */
export class KeptDescriptors {
  readonly #libc: Libc;
  readonly #keeper: DescriptorKeeper;
  readonly #guest: string;
  /** Numbers of descriptors that are open in this process. */
  readonly #numbers = new Map<number, KeptNumber>();
  /** Those that the process before has left, and that nobody has taken yet. */
  readonly #unclaimed = new Set<number>();
  /** All that the keeper has of this guest. */
  readonly #atKeeper = new Set<KeptNumber>();
  #lastNumber: KeptNumber = 0;

  /** `guest` is what its descriptors' names begin with. */
  constructor(libc: Libc, keeper: DescriptorKeeper, guest: string) {
    this.#libc = libc;
    this.#keeper = keeper;
    this.#guest = guest;
  }

  /** Has one kept by a name of its own; negative where the keeper is gone. */
  keepAs(name: string, fd: number): number {
    return this.#keeper.keep(`${this.#guest}.${name}`, fd);
  }

  /** Has the one with a name of its own given up. */
  forgetNamed(name: string): void {
    this.#keeper.forget(`${this.#guest}.${name}`);
  }

  /** Takes over what the process before has left; `named` have names of their own. */
  adopt({ name, fd }: KeptDescriptor, named: readonly string[]): void {
    const text = name.slice(this.#guest.length + 1);
    if (named.includes(text)) return;
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number <= 0) {
      this.#keeper.forget(name);
      this.#libc.close(fd);
      return;
    }
    this.#numbers.set(fd, number);
    this.#unclaimed.add(fd);
    this.#atKeeper.add(number);
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  /** Has a descriptor kept; returns its number, 0 where the keeper is gone. */
  keep(fd: number): KeptNumber {
    const number = ++this.#lastNumber;
    this.#numbers.delete(fd);
    if (this.#keeper.keep(`${this.#guest}.${number}`, fd) < 0) return 0;
    this.#numbers.set(fd, number);
    this.#atKeeper.add(number);
    return number;
  }

  /** The number of a descriptor that is kept; 0 for one that is not. */
  numberOf(fd: number): KeptNumber {
    return fd < 0 ? 0 : this.#numbers.get(fd) ?? 0;
  }

  /**
   * Takes the descriptor with a number that the process before has left; -1 where
   * it is not there.
   */
  claim(number: KeptNumber): number {
    for (const fd of this.#unclaimed) {
      if (this.#numbers.get(fd) !== number) continue;
      this.#unclaimed.delete(fd);
      return fd;
    }
    return -1;
  }

  /** Closes those that the process before has left and nobody has claimed. */
  closeUnclaimed(): void {
    for (const fd of this.#unclaimed) this.#libc.close(fd);
    this.#unclaimed.clear();
  }

  /** Has the keeper give up all numbers but these. */
  forgetAllBut(needed: ReadonlySet<KeptNumber>): void {
    for (const number of this.#atKeeper) {
      if (needed.has(number)) continue;
      this.#atKeeper.delete(number);
      this.#keeper.forget(`${this.#guest}.${number}`);
    }
  }
}
