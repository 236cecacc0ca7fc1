/**
 * AEAD sessions.
 *
 * A session of the library has one length of associated data and one length of
 * vector, so a session of ours keeps one of the library's for each pair that its
 * requests need, the latest few.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { AeadSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { type AeadNumbers, AEADS } from "./algorithms.ts";
import {
  copyIv,
  dataOf,
  fillOpData,
  fillRanges,
  performOp,
} from "./cipher_session.ts";
import { CpaSession } from "./cpa_session.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import { endWithout, LONGEST_DATA_BYTES, type Slot } from "./slots.ts";

/** Sessions of the library that one session of ours keeps. */
const KEPT_SESSIONS = 8;
/** The tags that the library takes for GCM (RFC 4106 §6). */
const GCM_TAG_BYTES = [8, 12, 16];
const FULL_TAG_BYTES = 16;
const SHORTEST_LIST_BYTES = 16;

/** CCM: the nonce starts behind a byte of flags, the data behind two blocks. */
const CCM_NONCE_START = 1;
const CCM_ADDITIONAL_DATA_START = 18;

class QatAeadSession implements QatSession {
  readonly ring = "symmetric";
  readonly #thread: SessionContext;
  readonly #numbers: AeadNumbers;
  readonly #isCcm: boolean;
  readonly #encrypts: boolean;
  readonly #key: Uint8Array<ArrayBuffer>;
  readonly #tagBytes: number;
  /** The tag that the library makes or checks. */
  readonly #cpaTagBytes: number;
  readonly #takesEmptyData: boolean;
  /** By lengths of associated data and vector, the latest used last. */
  readonly #sessions = new Map<number, CpaSession>();

  constructor(thread: SessionContext, description: AeadSession) {
    const { algorithm, direction, key, tagBytes } = description;
    const numbers = AEADS[algorithm];
    if (!numbers) throw new Error(`The qat backend has no AEAD "${algorithm}"`);
    this.#thread = thread;
    this.#numbers = numbers;
    this.#isCcm = algorithm === "ccm";
    this.#takesEmptyData = algorithm === "gcm";
    this.#encrypts = direction === "encrypt";
    this.#tagBytes = tagBytes;
    this.#cpaTagBytes = algorithm === "gcm" && direction === "encrypt"
      ? FULL_TAG_BYTES
      : tagBytes;
    this.#key = copyKey(key);
    // The common case; it also tells whether the instance has the algorithm.
    if (this.#hasTag()) this.#session(0, 12);
  }

  /** A shorter GCM tag can be cut off, but not checked. */
  #hasTag(): boolean {
    return !this.#takesEmptyData || GCM_TAG_BYTES.includes(this.#cpaTagBytes);
  }

  #session(additionalBytes: number, ivBytes: number): CpaSession {
    // The library turns a GCM session over to one length of vector for good.
    const name = additionalBytes * 256 + (this.#isCcm ? 0 : ivBytes);
    let session = this.#sessions.get(name);
    if (session) {
      if (this.#sessions.size > 1) {
        this.#sessions.delete(name);
        this.#sessions.set(name, session);
      }
      return session;
    }
    if (
      this.#sessions.size === KEPT_SESSIONS && !this.#thread.retired.hasRoom()
    ) {
      throw new Error("Too many sessions wait for the device");
    }
    session = this.#makeSession(additionalBytes);
    if (this.#sessions.size === KEPT_SESSIONS) {
      const [oldest, unused] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldest);
      unused.close();
    }
    this.#sessions.set(name, session);
    return session;
  }

  #makeSession(additionalDataBytes: number): CpaSession {
    return new CpaSession(this.#thread, {
      cipher: {
        algorithm: this.#numbers.cipher,
        encrypts: this.#encrypts,
        key: this.#key,
      },
      hash: {
        algorithm: this.#numbers.hash,
        resultBytes: this.#cpaTagBytes,
        key: new Uint8Array(0),
        additionalDataBytes,
      },
      hashesFirst: !this.#encrypts,
      digestIsAppended: this.#isCcm,
      verifies: !this.#encrypts,
    });
  }

  admit(operation: Operation): number {
    const { source, additionalData, destination, digest } = operation;
    const { totalBytes } = source;
    if (
      destination.totalBytes !== totalBytes ||
      digest.totalBytes < this.#tagBytes
    ) {
      endWithout(operation, OperationStatus.Failed);
      return SETTLED;
    }
    if (
      this.#hasTag() && totalBytes <= LONGEST_DATA_BYTES &&
      (totalBytes > 0 || this.#takesEmptyData) &&
      additionalData.totalBytes <= this.#numbers.additionalDataBytes
    ) return Math.max(totalBytes + this.#tagBytes, SHORTEST_LIST_BYTES);
    endWithout(operation, OperationStatus.Elsewhere);
    return SETTLED;
  }

  fill(operation: Operation, slot: Slot): OperationStatus {
    const { source, additionalData, ivBytes } = operation;
    const { totalBytes } = source;
    const session = this.#session(additionalData.totalBytes, ivBytes);
    source.read(0, dataOf(slot, 0, totalBytes));
    if (this.#isCcm) this.#fillCcm(operation, slot);
    else this.#fillOthers(operation, slot);
    fillOpData(
      slot,
      session,
      ivBytes,
      this.#isCcm || additionalData.totalBytes > 0,
    );
    fillRanges(slot, 0, totalBytes, 0, totalBytes);
    return OperationStatus.Pending;
  }

  #fillOthers(operation: Operation, slot: Slot): void {
    const { additionalData, source, digest, iv, ivBytes } = operation;
    const { bytes, additionalDataAt, digestAt } = slot;
    copyIv(iv, slot, ivBytes);
    const end = additionalDataAt + additionalData.totalBytes;
    additionalData.read(0, bytes.subarray(additionalDataAt, end));
    if (!this.#encrypts) {
      digest.read(0, bytes.subarray(digestAt, digestAt + this.#tagBytes));
    }
    slot.setDataBytes(Math.max(source.totalBytes, SHORTEST_LIST_BYTES));
  }

  #fillCcm(operation: Operation, slot: Slot): void {
    const { additionalData, source, digest, iv, ivBytes } = operation;
    const { bytes, additionalDataAt, ivAt } = slot;
    for (let i = 0; i < ivBytes; i++) {
      bytes[ivAt + CCM_NONCE_START + i] = iv[i]!;
      bytes[additionalDataAt + CCM_NONCE_START + i] = iv[i]!;
    }
    const start = additionalDataAt + CCM_ADDITIONAL_DATA_START;
    const end = start + additionalData.totalBytes;
    additionalData.read(0, bytes.subarray(start, end));
    const { totalBytes } = source;
    if (!this.#encrypts) {
      digest.read(0, dataOf(slot, totalBytes, this.#tagBytes));
    }
    slot.setDataBytes(totalBytes + this.#tagBytes);
  }

  submit(slot: Slot): number {
    return performOp(this.#thread, slot);
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    const { destination, digest } = operation;
    const { totalBytes } = destination;
    operation.writtenBytes = 0;
    // A digest that does not match is a finding, not a failure.
    if (!this.#encrypts && !slot.isVerified) return OperationStatus.BadTag;
    destination.write(0, dataOf(slot, 0, totalBytes));
    operation.writtenBytes = totalBytes;
    if (!this.#encrypts) return OperationStatus.Ok;
    const { bytes, digestAt } = slot;
    digest.write(
      0,
      this.#isCcm
        ? dataOf(slot, totalBytes, this.#tagBytes)
        : bytes.subarray(digestAt, digestAt + this.#tagBytes),
    );
    return OperationStatus.Ok;
  }

  close(): void {
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
    this.#key.fill(0);
  }
}

export function openAeadSession(
  thread: SessionContext,
  description: AeadSession,
): QatSession {
  return new QatAeadSession(thread, description);
}
