/**
 * A request of a burst as an {@linkcode Operation}, and an operation as a request
 * of a burst.
 *
 * @module
 */

import { FARTHEST_END, Segments } from "../memory/segments.ts";
import {
  type BackendSession,
  type Operation,
  OperationKind,
  OperationStatus,
} from "./backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  type RequestBurst,
} from "./request_burst.ts";

const NO_HANDLE: BackendSession = {};

/** The operation of one slot, kept and refilled. */
export class SlotOperation implements Operation {
  /** As {@linkcode Operation.kind}, and so are the other members. */
  kind: OperationKind = OperationKind.Encrypt;
  session: BackendSession = NO_HANDLE;
  /** Views of the slot's place in the burst. */
  iv: Uint8Array<ArrayBuffer>;
  ivWords: Uint32Array<ArrayBuffer>;
  /** Bytes of `iv` that count. */
  ivBytes = 0;
  readonly source: Segments = new Segments();
  readonly additionalData: Segments = new Segments();
  readonly destination: Segments = new Segments();
  readonly digest: Segments = new Segments();
  /** Chains: the first byte that is enciphered. */
  cipherStart = 0;
  /** Chains: bytes that are enciphered. */
  cipherBytes = 0;
  /** Chains: the first byte that is hashed. */
  hashStart = 0;
  /** Chains: bytes that are hashed. */
  hashBytes = 0;
  /** The verdict. */
  status: OperationStatus = OperationStatus.Pending;
  writtenBytes = 0;
  readonly #burst: RequestBurst;
  readonly #slot: number;
  readonly #home: (SlotOperation | undefined)[];
  #shape = 0;
  #round = 0;
  #generation = -1;
  #regions: unknown;
  #ivs: unknown;

  /** `home` has it at its slot until it leaves. */
  constructor(
    burst: RequestBurst,
    slot: number,
    home: (SlotOperation | undefined)[] = [],
  ) {
    this.#burst = burst;
    this.#slot = slot;
    this.#home = home;
    this.ivWords = burst.ivs.subarray(IV_WORDS * slot, IV_WORDS * (slot + 1));
    this.iv = bytesOf(this.ivWords);
  }

  /** Whether it was filled and its slot has not been told what came of it. */
  isOut = false;

  /** Makes it the request that is in its slot now. */
  fill(session: BackendSession = NO_HANDLE): void {
    const burst = this.#burst;
    const { fields } = burst;
    const at = BURST_WORDS * this.#slot;
    this.session = session;
    this.status = OperationStatus.Pending;
    this.writtenBytes = 0;
    this.isOut = true;
    if (
      this.#shape === fields[at + BurstField.Shape] &&
      this.#round === fields[at + BurstField.ShapeRound] &&
      this.#generation === burst.lists.generation &&
      this.#regions === burst.regions && this.#ivs === burst.ivs
    ) return;
    this.#fillAnew(at);
  }

  #fillAnew(at: number): void {
    const burst = this.#burst;
    const { fields } = burst;
    const slot = this.#slot;
    this.#shape = fields[at + BurstField.Shape]!;
    this.#round = fields[at + BurstField.ShapeRound]!;
    this.#generation = burst.lists.generation;
    this.#regions = burst.regions;
    if (this.#ivs !== burst.ivs) {
      this.#ivs = burst.ivs;
      const iv = IV_WORDS * slot;
      this.ivWords = burst.ivs.subarray(iv, iv + IV_WORDS);
      this.iv = bytesOf(this.ivWords);
    }
    this.kind = fields[at + BurstField.Kind]!;
    this.ivBytes = fields[at + BurstField.IvBytes]!;
    burst.show(slot, BurstField.Source, this.source);
    burst.show(slot, BurstField.Destination, this.destination);
    burst.show(slot, BurstField.Digest, this.digest);
    burst.show(slot, BurstField.AdditionalData, this.additionalData);
    this.cipherStart = fields[at + BurstField.CipherStart]!;
    this.cipherBytes = fields[at + BurstField.CipherBytes]!;
    this.hashStart = fields[at + BurstField.HashStart]!;
    this.hashBytes = fields[at + BurstField.HashBytes]!;
  }

  /** Whether it has simply succeeded, and says so as it may. */
  get hasSucceeded(): boolean {
    return this.status === OperationStatus.Ok &&
      (this.writtenBytes >>> 0) === this.writtenBytes &&
      this.writtenBytes <= this.destination.totalBytes;
  }

  /** Tells the slot what came of it. */
  settle(): void {
    const { fields } = this.#burst;
    const at = BURST_WORDS * this.#slot;
    fields[at + BurstField.WrittenBytes] = this.writtenBytes;
    fields[at + BurstField.Status] = this.status;
    this.isOut = this.status === OperationStatus.Pending;
  }

  /** Tells the slot that it has failed, whatever it says itself, and leaves it. */
  disown(): void {
    const at = BURST_WORDS * this.#slot;
    this.#burst.fields[at + BurstField.Status] = OperationStatus.Failed;
    this.leave();
  }

  /** The next request in the slot gets another one. */
  leave(): void {
    this.#home[this.#slot] = undefined;
    this.release();
  }

  /** Whether it is that of a slot. */
  isOf(burst: RequestBurst, slot: number): boolean {
    return this.#burst === burst && this.#slot === slot;
  }

  /** Lets go of all memory: what somebody holds of it names none any more. */
  release(): void {
    this.#generation = -1;
    this.#regions = undefined;
    this.session = NO_HANDLE;
    this.source.release();
    this.additionalData.release();
    this.destination.release();
    this.digest.release();
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array<ArrayBuffer>) {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** More than any list holds stays that. */
const word = (value: number): number => Math.min(value, FARTHEST_END);

/** Makes `operation` the request in a slot of a burst with lists of its own. */
export function putOperation(
  burst: RequestBurst,
  slot: number,
  operation: Operation,
): void {
  const at = BURST_WORDS * slot;
  burst.clear(slot);
  burst.copy(slot, BurstField.Source, operation.source);
  burst.copy(slot, BurstField.Destination, operation.destination);
  burst.copy(slot, BurstField.Digest, operation.digest);
  burst.copy(slot, BurstField.AdditionalData, operation.additionalData);
  const { fields, ivs } = burst;
  fields[at + BurstField.Kind] = operation.kind;
  fields[at + BurstField.Status] = OperationStatus.Pending;
  fields[at + BurstField.IvBytes] = operation.ivBytes;
  fields[at + BurstField.CipherStart] = word(operation.cipherStart);
  fields[at + BurstField.CipherBytes] = word(operation.cipherBytes);
  fields[at + BurstField.HashStart] = word(operation.hashStart);
  fields[at + BurstField.HashBytes] = word(operation.hashBytes);
  ivs.set(operation.ivWords.subarray(0, IV_WORDS), IV_WORDS * slot);
}
