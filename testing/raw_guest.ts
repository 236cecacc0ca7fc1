/**
 * A guest that writes its rings by hand: sense or nonsense, one request at a
 * time, with a canary in every byte that the device has no business with.
 *
 * @module
 */

import {
  createDevice,
  type DeviceOptions,
} from "../device/transport/in_process/create_device.ts";
import type { InProcessDevice } from "../device/transport/in_process/in_process_device.ts";
import { F_INDIRECT_DESC, F_VERSION_1 } from "../device/wire/features.ts";
import { ringBytes, ringOffsets } from "../driver/rings/layout.ts";
import { type RawDescriptor, RawSplitRing } from "./raw_ring.ts";

export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

const RING_SIZE = 64;
const CANARY = 0xa5;
const DATA_START = 64 * 1024;

/** What became of a request. */
export interface RawOutcome {
  readonly usedBytes: number;
  /** The writable pieces as the device left them. */
  readonly written: Uint8Array[];
}

interface RawQueue {
  readonly ring: RawSplitRing;
  available: number;
  used: number;
}

/** A guest over the in-process transport. */
export class RawGuest implements Disposable {
  readonly link: InProcessDevice;
  readonly dataQueues: number;
  readonly #queues: RawQueue[] = [];
  #next = DATA_START;

  private constructor(link: InProcessDevice, dataQueues: number) {
    this.link = link;
    this.dataQueues = dataQueues;
  }

  /** A guest with its queues running; data queues come first. */
  static async start(
    options: DeviceOptions = {},
    features = F_VERSION_1 | F_INDIRECT_DESC,
  ): Promise<RawGuest> {
    const dataQueues = options.dataQueues ?? 1;
    const link = await createDevice(options);
    const guest = new RawGuest(link, dataQueues);
    link.memory.bytes.fill(CANARY);
    await link.acceptFeatures(features);
    for (let index = 0; index <= dataQueues; index++) {
      await guest.#startQueue(index);
    }
    return guest;
  }

  async #startQueue(index: number): Promise<void> {
    const at = index * ringBytes(RING_SIZE, false);
    const offsets = ringOffsets(RING_SIZE, false);
    const { memory, memoryGuestAddress } = this.link;
    memory.bytes.fill(0, at, at + offsets.lengthBytes);
    this.#queues[index] = {
      ring: new RawSplitRing(memory, at, RING_SIZE),
      available: 0,
      used: 0,
    };
    const base = memoryGuestAddress + at;
    await this.link.startQueue(index, {
      size: RING_SIZE,
      descriptorAddress: base + offsets.descriptor,
      availableAddress: base + offsets.driver,
      usedAddress: base + offsets.device,
    });
  }

  get controlQueue(): number {
    return this.dataQueues;
  }

  ring(index: number): RawSplitRing {
    return this.#queues[index]!.ring;
  }

  /** Takes memory, filled with the canary; a canary byte stays behind it. */
  allocate(lengthBytes: number): number {
    const at = this.#next;
    this.#next += lengthBytes + 1;
    if (this.#next > this.link.memory.lengthBytes) {
      throw new RangeError("The raw guest is out of memory");
    }
    this.link.memory.bytes.fill(CANARY, at, at + lengthBytes);
    return at;
  }

  /** Puts `bytes` into guest memory; returns their offset. */
  place(bytes: Uint8Array): number {
    const at = this.allocate(bytes.length);
    this.link.memory.bytes.set(bytes, at);
    return at;
  }

  address(offset: number): bigint {
    return BigInt(this.link.memoryGuestAddress + offset);
  }

  bytes(offset: number, lengthBytes: number): Uint8Array {
    return this.link.memory.bytes.slice(offset, offset + lengthBytes);
  }

  /** Makes descriptors available as they are; returns the used entry, if any. */
  submit(
    queue: number,
    descriptors: readonly RawDescriptor[],
    head = 0,
  ): { id: number; lengthBytes: number } | undefined {
    const state = this.#queues[queue]!;
    descriptors.forEach((entry, index) => state.ring.descriptor(index, entry));
    state.ring.availableEntry(state.available % RING_SIZE, head);
    state.available = (state.available + 1) & 0xffff;
    state.ring.availableIndex(state.available);
    this.link.kick(queue);
    if (state.ring.usedIndex === state.used) return undefined;
    const entry = state.ring.usedEntry(state.used % RING_SIZE);
    state.used = (state.used + 1) & 0xffff;
    return entry;
  }

  /** A well-formed chain of these pieces, in direct descriptors. */
  request(
    queue: number,
    readable: readonly Uint8Array[],
    writableBytes: readonly number[],
  ): RawOutcome {
    const mark = this.#next;
    const out = writableBytes.map((length) => this.allocate(length));
    const pieces = [
      ...readable.map((bytes) => ({
        at: this.place(bytes),
        length: bytes.length,
        flags: 0,
      })),
      ...out.map((at, i) => ({ at, length: writableBytes[i]!, flags: WRITE })),
    ];
    const used = this.submit(
      queue,
      pieces.map(({ at, length, flags }, index) => ({
        address: this.address(at),
        lengthBytes: length,
        flags: flags | (index + 1 < pieces.length ? NEXT : 0),
        next: index + 1,
      })),
    );
    if (!used) throw new Error("The device did not answer the request");
    const written = out.map((at, i) => this.bytes(at, writableBytes[i]!));
    this.#next = mark;
    return { usedBytes: used.lengthBytes, written };
  }

  [Symbol.dispose](): void {
    void this.link.close();
  }
}

/** Whether no byte of `bytes` was written. */
export function untouched(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === CANARY);
}
