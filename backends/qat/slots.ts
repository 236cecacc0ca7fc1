/**
 * The pinned memory of one queue thread: fixed slots, each with room for one
 * request's descriptors, small fields and data. Nothing is allocated for a
 * request, and a slot that the library still holds is not handed out again.
 *
 * @module
 */

import { writeBufferList, writeFlatBuffer } from "../../ffi/qat.ts";
import { COMPLETION } from "../../ffi/qat_completion.ts";
import { CpaFlatBuffer } from "../../ffi/qat_layout.ts";
import type { PinnedBlock, Usdm } from "../../ffi/usdm.ts";
import type { Operation, OperationStatus } from "../backend.ts";

/** Where the parts of a slot lie; all but the data have a fixed size. */
const PART = {
  completion: 0,
  /** CpaCySymOpData or the operation data of a public-key request. */
  opData: 64,
  bufferList: 256,
  /** The data of a symmetric request. */
  flatBuffer: 288,
  /** Results of a public-key request. */
  firstResult: 304,
  secondResult: 320,
  pkeStatus: 336,
  metaData: 352,
  iv: 416,
  digest: 448,
  /** 240 bytes at most, padded by the library to a multiple of 64. */
  additionalData: 512,
  data: 1024,
} as const;

/** Room for the library's own description of a buffer list. */
export const META_DATA_ROOM_BYTES = PART.iv - PART.metaData;

/** What a slot has beyond the data proper: a tag, an address to align. */
const SPARE_BYTES = 1024;

const SMALL_DATA_BYTES = 4096 + SPARE_BYTES;
/** The longest request; documentation lets a device stop here. */
export const LONGEST_DATA_BYTES = 65535;
const LARGE_DATA_BYTES = 65536 + SPARE_BYTES;
const SMALL_SLOTS = 256;
const LARGE_SLOTS = 64;

/** Data that fits into no slot. */
export const LARGEST_SLOT_BYTES = LARGE_DATA_BYTES;

/** The kinds of rings that an instance has. */
export type Ring = "symmetric" | "public-key";

/** Whose request a slot holds. */
export interface SlotUser {
  readonly ring: Ring;
  /**
   * Copies the operation into the slot. `Pending` where it may be submitted,
   * else its outcome.
   */
  fill(operation: Operation, slot: Slot): OperationStatus;
  /** Hands the slot to the library; a CpaStatus. */
  submit(slot: Slot): number;
  /**
   * Delivers what the library made of it. `Pending` asks to fill and submit
   * again.
   */
  finish(operation: Operation, slot: Slot): OperationStatus;
  /** A request came back without a result, or never will come back. */
  dropped?(): void;
}

/** Room for one request; its parts have fixed addresses. */
export class Slot {
  readonly isLarge: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly tag: Deno.PointerObject;
  readonly opData: Deno.PointerObject;
  readonly bufferList: Deno.PointerObject;
  readonly firstResult: Deno.PointerObject;
  readonly secondResult: Deno.PointerObject;
  readonly pkeStatus: Deno.PointerObject;
  readonly address: number;
  /** Offsets into `bytes` and `view`. */
  readonly opDataAt: number;
  readonly ivAt: number;
  readonly digestAt: number;
  readonly additionalDataAt: number;
  readonly dataAt: number;
  readonly firstResultAt: number;
  readonly secondResultAt: number;
  readonly #flatBufferAt: number;
  readonly #completionAt: number;
  /** The request that it holds, and when its answer is overdue. */
  operation: Operation | undefined;
  overdueAt = 0;
  /** Whose request the library has. */
  session: SlotUser | undefined;

  constructor(block: PinnedBlock, at: number, isLarge: boolean) {
    const pointer = (part: number) =>
      Deno.UnsafePointer.offset(block.pointer, at + part)!;
    this.isLarge = isLarge;
    this.bytes = block.bytes;
    this.view = block.view;
    this.address = block.address;
    this.tag = pointer(PART.completion);
    this.opData = pointer(PART.opData);
    this.bufferList = pointer(PART.bufferList);
    this.firstResult = pointer(PART.firstResult);
    this.secondResult = pointer(PART.secondResult);
    this.pkeStatus = pointer(PART.pkeStatus);
    this.#completionAt = at + PART.completion;
    this.opDataAt = at + PART.opData;
    this.ivAt = at + PART.iv;
    this.digestAt = at + PART.digest;
    this.additionalDataAt = at + PART.additionalData;
    this.dataAt = at + PART.data;
    this.firstResultAt = at + PART.firstResult;
    this.secondResultAt = at + PART.secondResult;
    this.#flatBufferAt = at + PART.flatBuffer;
    const { view, address } = block;
    writeBufferList(
      view,
      at + PART.bufferList,
      address + this.#flatBufferAt,
      address + at + PART.metaData,
    );
    writeFlatBuffer(view, this.#flatBufferAt, address + this.dataAt, 0);
  }

  /** Says how much of the data a symmetric request is about. */
  setDataBytes(lengthBytes: number): void {
    this.view.setUint32(
      this.#flatBufferAt + CpaFlatBuffer.dataLenInBytes,
      lengthBytes,
      true,
    );
  }

  /** Forgets the findings of the request before. */
  clearCompletion(): void {
    this.view.setUint32(this.#completionAt + COMPLETION.done, 0, true);
  }

  get isDone(): boolean {
    return this.view.getUint32(this.#completionAt + COMPLETION.done, true) !==
      0;
  }

  /** The CpaStatus of a request that is done. */
  get cpaStatus(): number {
    return this.view.getInt32(this.#completionAt + COMPLETION.status, true);
  }

  get isVerified(): boolean {
    const at = this.#completionAt + COMPLETION.verifyResult;
    return this.view.getUint32(at, true) !== 0;
  }

  /** ECDSA: whether the signature verifies, or whether there is one. */
  get isPkeResult(): boolean {
    const at = this.#completionAt + COMPLETION.pkeStatus;
    return this.view.getUint32(at, true) !== 0;
  }
}

/** The slots of one thread. */
export class SlotPool {
  readonly #usdm: Usdm;
  readonly #block: PinnedBlock;
  readonly #small: Slot[] = [];
  readonly #large: Slot[] = [];
  /** Slots whose answer never came; the device may still write to them. */
  readonly #quarantined: Slot[] = [];

  constructor(usdm: Usdm) {
    this.#usdm = usdm;
    const smallBytes = PART.data + SMALL_DATA_BYTES;
    const largeBytes = PART.data + LARGE_DATA_BYTES;
    this.#block = usdm.allocate(
      SMALL_SLOTS * smallBytes + LARGE_SLOTS * largeBytes,
    );
    let at = 0;
    for (let i = 0; i < SMALL_SLOTS; i++, at += smallBytes) {
      this.#small.push(new Slot(this.#block, at, false));
    }
    for (let i = 0; i < LARGE_SLOTS; i++, at += largeBytes) {
      this.#large.push(new Slot(this.#block, at, true));
    }
  }

  /** A free slot for so much data; `undefined` while there is none. */
  take(dataBytes: number): Slot | undefined {
    return (dataBytes <= SMALL_DATA_BYTES ? this.#small : this.#large).pop();
  }

  giveBack(slot: Slot): void {
    slot.operation = undefined;
    slot.session = undefined;
    (slot.isLarge ? this.#large : this.#small).push(slot);
  }

  /** Keeps a slot whose answer did not come in time. */
  quarantine(slot: Slot): void {
    slot.operation = undefined;
    this.#quarantined.push(slot);
  }

  get quarantinedCount(): number {
    return this.#quarantined.length;
  }

  /** Frees the quarantined slots whose answer has come after all. */
  releaseAnswered(): void {
    for (let i = this.#quarantined.length - 1; i >= 0; i--) {
      const slot = this.#quarantined[i]!;
      if (!slot.isDone) continue;
      this.#quarantined.splice(i, 1);
      this.#release(slot);
    }
  }

  /** Frees all quarantined slots: the device has been reset since. */
  releaseAll(): void {
    for (const slot of this.#quarantined.splice(0)) this.#release(slot);
  }

  #release(slot: Slot): void {
    slot.session?.dropped?.();
    this.giveBack(slot);
  }

  /** Gives the memory back, unless the device may still write to it. */
  close(): void {
    this.#block.bytes.fill(0);
    if (this.#quarantined.length === 0) this.#usdm.free(this.#block);
  }
}

/** Ends an operation that has no result. */
export function endWithout(
  operation: Operation,
  status: OperationStatus,
): void {
  operation.status = status;
  operation.writtenBytes = 0;
}
