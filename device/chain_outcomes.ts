/**
 * How requests in the descriptor chain are answered: status byte and used length.
 *
 * @module
 */

import { BURST_WORDS, BurstField } from "../backends/request_burst.ts";
import type { IpsecRequests } from "./ipsec_requests.ts";
import { type RequestSlots, SLOT_WORDS, SlotField } from "./request_slots.ts";
import { NO_STATUS_PLACE } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { Status } from "./wire/status.ts";

/** Bytes of the status, the chain's last. */
export const STATUS_BYTES = 1;

// The engine folds constants of a module of its own only.
const BURST = BURST_WORDS;
const STATUS = BurstField.Status;
const WRITTEN = BurstField.WrittenBytes;
const NO_PLACE = NO_STATUS_PLACE;
const OK: number = Status.Ok;
/** Above every slot; the engine knows what a masked number cannot be. */
const MASK = 0xffff;
const SLOT = SLOT_WORDS;
const DIGEST_BYTES = SlotField.DigestBytes;

/** Answers the requests of one data queue. */
export class ChainOutcomes {
  readonly #virtqueue: Virtqueue;
  readonly #requests: RequestSlots;
  readonly #ipsec: IpsecRequests | undefined;
  readonly #none = new Uint8Array(0);

  /** `ipsec` are those of the IPSEC service, where there can be any. */
  constructor(
    virtqueue: Virtqueue,
    requests: RequestSlots,
    ipsec: IpsecRequests | undefined,
  ) {
    this.#virtqueue = virtqueue;
    this.#requests = requests;
    this.#ipsec = ipsec;
  }

  /** As of a {@linkcode RequestFormat}. */
  finish(
    slots: Int32Array<ArrayBuffer>,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number {
    return this.#ipsec === undefined
      ? this.#finishPlain(slots, 0, count, usedBytes)
      : this.#finishMixed(this.#ipsec, slots, count, usedBytes);
  }

  /** The status is the chain's last writable byte, wherever the result ends. */
  #finishPlain(
    slots: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number {
    const { slots: chains, regions } = this.#virtqueue;
    const { statusRegions, statusOffsets } = chains;
    const { burst, words } = this.#requests;
    const { fields } = burst;
    let place = NO_PLACE;
    let bytes = this.#none;
    let refused = 0;
    for (let i = from; i < count; i = (i + 1) | 0) {
      const slot = slots[i]! & MASK;
      const status = fields[BURST * slot + STATUS]!;
      const region = statusRegions[slot]!;
      let used = 0;
      if (region !== NO_PLACE) {
        if (region !== place) {
          place = region;
          bytes = regions[region]!.bytes;
        }
        bytes[statusOffsets[slot]!] = status;
        used = STATUS_BYTES;
      }
      if (status !== OK) refused = (refused + 1) | 0;
      else if (used !== 0) {
        used = (fields[BURST * slot + WRITTEN]! +
          words[SLOT * slot + DIGEST_BYTES]! + STATUS_BYTES) | 0;
      }
      usedBytes[i] = used;
    }
    return refused;
  }

  /** Requests of which some may be packets. */
  #finishMixed(
    ipsec: IpsecRequests,
    slots: Int32Array<ArrayBuffer>,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number {
    const { fields } = this.#requests.burst;
    let refused = 0;
    for (let i = 0; i < count; i++) {
      if (!ipsec.has(slots[i]!)) {
        refused += this.#finishPlain(slots, i, i + 1, usedBytes);
        continue;
      }
      usedBytes[i] = this.#finishPacket(ipsec, slots[i]!);
      if (fields[BURST * slots[i]! + STATUS] !== OK) refused++;
    }
    return refused;
  }

  /** Returns how many bytes were written. */
  #finishPacket(ipsec: IpsecRequests, slot: number): number {
    const { fields } = this.#requests.burst;
    const resultBytes = ipsec.finish(slot, fields[BURST * slot + STATUS]!);
    return resultBytes + this.#writeStatus(slot, ipsec.outcome);
  }

  /** Returns the bytes written: none where the status has no place. */
  #writeStatus(slot: number, status: Status): number {
    const { slots, regions } = this.#virtqueue;
    const region = slots.statusRegions[slot]!;
    if (region === NO_PLACE) return 0;
    regions[region]!.bytes[slots.statusOffsets[slot]!] = status;
    return STATUS_BYTES;
  }
}
