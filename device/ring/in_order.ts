/**
 * Holds completions back until their turn, for rings with VIRTIO_F_IN_ORDER.
 *
 * @module
 */

import type { DescriptorChain } from "./chain.ts";

/** Completions of up to `size` chains, released in the order of their `order`. */
export class InOrderGate {
  /** The completion at the front; valid while `ready`. */
  get head(): number {
    return this.#heads[this.#front]!;
  }
  get ringDescriptors(): number {
    return this.#ringDescriptors[this.#front]!;
  }
  get writtenBytes(): number {
    return this.#writtenBytes[this.#front]!;
  }
  /** Whether the oldest chain that is out has completed. */
  get ready(): boolean {
    return this.#completed[this.#front] === 1;
  }

  readonly #heads: Uint16Array;
  readonly #ringDescriptors: Uint16Array;
  readonly #writtenBytes: Uint32Array;
  readonly #completed: Uint8Array;
  #front = 0;

  constructor(size: number) {
    this.#heads = new Uint16Array(size);
    this.#ringDescriptors = new Uint16Array(size);
    this.#writtenBytes = new Uint32Array(size);
    this.#completed = new Uint8Array(size);
  }

  hold(chain: DescriptorChain, writtenBytes: number): void {
    this.#heads[chain.order] = chain.head;
    this.#ringDescriptors[chain.order] = chain.ringDescriptors;
    this.#writtenBytes[chain.order] = writtenBytes;
    this.#completed[chain.order] = 1;
  }

  advance(): void {
    this.#completed[this.#front] = 0;
    this.#front++;
    if (this.#front === this.#heads.length) this.#front = 0;
  }
}
