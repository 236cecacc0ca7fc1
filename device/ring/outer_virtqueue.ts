/**
 * A virtqueue around another one, to which it leaves all that it does not do
 * itself.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import type { ChainSlots } from "./chain_slots.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** What those have in common that see a ring's requests pass. */
export abstract class OuterVirtqueue implements Virtqueue {
  protected readonly inner: Virtqueue;

  constructor(inner: Virtqueue) {
    this.inner = inner;
  }

  get size(): number {
    return this.inner.size;
  }

  get broken(): string | undefined {
    return this.inner.broken;
  }

  get base(): number {
    return this.inner.base;
  }

  get usedPosition(): number {
    return this.inner.usedPosition;
  }

  get isPacked(): boolean {
    return this.inner.isPacked;
  }

  get shown(): number {
    return this.inner.shown;
  }

  get slots(): ChainSlots {
    return this.inner.slots;
  }

  get regions(): readonly Region[] {
    return this.inner.regions;
  }

  take(into: Int32Array<ArrayBuffer>, most: number, mostBytes: number): number {
    return this.inner.take(into, most, mostBytes);
  }

  pop(): number {
    return this.inner.pop();
  }

  abstract give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void;

  abstract push(slot: number, writtenBytes: number): void;

  pushLeft(head: number, ringDescriptors: number, writtenBytes: number): void {
    this.inner.pushLeft(head, ringDescriptors, writtenBytes);
  }

  abstract publish(): boolean;

  enableNotifications(): boolean {
    return this.inner.enableNotifications();
  }

  disableNotifications(): void {
    this.inner.disableNotifications();
  }
}
