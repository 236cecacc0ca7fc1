/**
 * Algorithm chaining (virtio 1.4 §5.9.9.6): a cipher over one part of the data
 * and a hash over the associated data and another part.
 *
 * The hardware hashes one stretch and enciphers one stretch of the same list, so
 * the associated data are laid right before the hashed part. Where that part
 * does not begin with the data, the list is built of the two parts alone and
 * their results go back into a whole copy of the source.
 *
 * @module
 */

import type { ChainSession } from "../../algorithms/session_description.ts";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { hashNumbers, macNumbers } from "./algorithms.ts";
import {
  cipherSetup,
  copyIv,
  dataOf,
  fillOpData,
  fillRanges,
  performOp,
} from "./cipher_session.ts";
import { CpaSession, RefusedSession } from "./cpa_session.ts";
import { deliverDigest } from "./digest_session.ts";
import { ElsewhereSession } from "./elsewhere_session.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import {
  endWithout,
  LARGEST_SLOT_BYTES,
  LONGEST_DATA_BYTES,
  type Slot,
} from "./slots.ts";

/** Where a request's parts lie in a slot's data. */
class ChainPlan {
  /** Bytes of the list that the hardware sees. */
  listBytes = 0;
  hashStart = 0;
  hashBytes = 0;
  cipherStart = 0;
  /** Where the whole source is copied to. */
  imageAt = 0;
  totalBytes = 0;

  /** Whether the hardware can do it; then the plan is made. */
  make(operation: Operation): boolean {
    const { cipherStart, cipherBytes, hashStart, hashBytes } = operation;
    const additionalBytes = operation.additionalData.totalBytes;
    const sourceBytes = operation.source.totalBytes;
    this.hashBytes = additionalBytes + hashBytes;
    if (cipherBytes === 0 || this.hashBytes === 0) return false;
    if (additionalBytes === 0 || hashStart === 0) {
      this.imageAt = additionalBytes;
      this.listBytes = additionalBytes + sourceBytes;
      this.hashStart = additionalBytes === 0 ? hashStart : 0;
      this.cipherStart = additionalBytes + cipherStart;
      this.totalBytes = this.listBytes;
      return this.#fits();
    }
    return this.#makeOfParts(operation, additionalBytes);
  }

  /** Associated data, the hashed part and the enciphered part, and no more. */
  #makeOfParts(operation: Operation, additionalBytes: number): boolean {
    const { cipherStart, cipherBytes, hashStart, hashBytes } = operation;
    const isBefore = cipherStart + cipherBytes <= hashStart;
    if (cipherStart < hashStart && !isBefore) return false;
    const offset = isBefore ? hashBytes : cipherStart - hashStart;
    this.hashStart = 0;
    this.cipherStart = additionalBytes + offset;
    this.listBytes = Math.max(this.hashBytes, this.cipherStart + cipherBytes);
    this.imageAt = this.listBytes;
    this.totalBytes = this.listBytes + operation.source.totalBytes;
    return this.#fits();
  }

  #fits(): boolean {
    return this.listBytes <= LONGEST_DATA_BYTES &&
      this.totalBytes <= LARGEST_SLOT_BYTES;
  }

  /** Whether the list is apart from the copy of the source. */
  get isOfParts(): boolean {
    return this.imageAt === this.listBytes;
  }
}

class QatChainSession implements QatSession {
  readonly ring = "symmetric";
  readonly #thread: SessionContext;
  readonly #session: CpaSession;
  readonly #ivBytes: number;
  readonly #blockBytes: number;
  readonly #resultBytes: number;
  readonly #plan = new ChainPlan();

  constructor(thread: SessionContext, description: ChainSession) {
    const { cipher, hashMode, hashAlgorithm, authKey } = description;
    const entry = algorithmByName("cipher", cipher.algorithm);
    const setup = cipherSetup(cipher);
    const hash = hashMode === "plain"
      ? hashNumbers(hashAlgorithm)
      : macNumbers(hashAlgorithm, authKey);
    this.#thread = thread;
    this.#ivBytes = entry!.ivBytes;
    this.#blockBytes = entry!.blockBytes;
    this.#resultBytes = description.resultBytes;
    try {
      this.#session = new CpaSession(thread, {
        cipher: setup,
        hash,
        hashesFirst: description.order === "hash-then-cipher",
      });
    } finally {
      setup.key.fill(0);
      hash.key?.fill(0);
    }
  }

  admit(operation: Operation): number {
    if (!this.#isInside(operation)) {
      endWithout(operation, OperationStatus.Failed);
      return SETTLED;
    }
    if (this.#plan.make(operation)) return this.#plan.totalBytes;
    endWithout(operation, OperationStatus.Elsewhere);
    return SETTLED;
  }

  /** Whether every range lies in the data and everything has its room. */
  #isInside(operation: Operation): boolean {
    const { totalBytes } = operation.source;
    return operation.cipherStart + operation.cipherBytes <= totalBytes &&
      operation.hashStart + operation.hashBytes <= totalBytes &&
      operation.cipherBytes % this.#blockBytes === 0 &&
      operation.destination.totalBytes === totalBytes &&
      operation.digest.totalBytes >= this.#resultBytes &&
      operation.ivBytes >= this.#ivBytes;
  }

  fill(operation: Operation, slot: Slot): OperationStatus {
    const plan = this.#plan;
    plan.make(operation);
    const { source, additionalData, iv } = operation;
    const image = dataOf(slot, plan.imageAt, source.totalBytes);
    source.read(0, image);
    additionalData.read(0, dataOf(slot, 0, additionalData.totalBytes));
    if (plan.isOfParts) this.#fillParts(operation, slot, image);
    copyIv(iv, slot, this.#ivBytes);
    slot.setDataBytes(plan.listBytes);
    fillOpData(slot, this.#session, this.#ivBytes, false);
    fillRanges(
      slot,
      plan.cipherStart,
      operation.cipherBytes,
      plan.hashStart,
      plan.hashBytes,
    );
    return OperationStatus.Pending;
  }

  /** Both parts come from the one copy, which the guest cannot change. */
  #fillParts(operation: Operation, slot: Slot, image: Uint8Array): void {
    const { cipherStart, cipherBytes, hashStart, hashBytes } = operation;
    const { bytes, dataAt } = slot;
    bytes.set(
      image.subarray(hashStart, hashStart + hashBytes),
      dataAt + operation.additionalData.totalBytes,
    );
    bytes.set(
      image.subarray(cipherStart, cipherStart + cipherBytes),
      dataAt + this.#plan.cipherStart,
    );
    // What lies between the two parts is not looked at.
  }

  submit(slot: Slot): number {
    return performOp(this.#thread, slot);
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    const plan = this.#plan;
    plan.make(operation);
    const { destination, cipherStart, cipherBytes } = operation;
    const image = dataOf(slot, plan.imageAt, destination.totalBytes);
    if (plan.isOfParts) {
      image.set(dataOf(slot, plan.cipherStart, cipherBytes), cipherStart);
    }
    destination.write(0, image);
    deliverDigest(operation, slot, this.#resultBytes);
    operation.writtenBytes = destination.totalBytes;
    return OperationStatus.Ok;
  }

  close(): void {
    this.#session.close();
  }
}

/**
 * The device may have a cipher and a hash, but not their chain: then all of its
 * requests go elsewhere.
 */
export function openChainSession(
  thread: SessionContext,
  description: ChainSession,
): QatSession {
  try {
    return new QatChainSession(thread, description);
  } catch (error) {
    if (error instanceof RefusedSession && error.isForGood) {
      return new ElsewhereSession();
    }
    throw error;
  }
}
