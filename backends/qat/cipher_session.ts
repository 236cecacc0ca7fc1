/**
 * Cipher sessions.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { CipherSession } from "../../algorithms/session_description.ts";
import { writeAddress } from "../../ffi/qat.ts";
import { CPA, CpaCySymOpData as OP } from "../../ffi/qat_layout.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { CIPHERS } from "./algorithms.ts";
import { type CipherSetup, CpaSession } from "./cpa_session.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import { endWithout, LONGEST_DATA_BYTES, type Slot } from "./slots.ts";

/** The cipher of a description in the library's numbers; the key is a copy. */
export function cipherSetup(
  { algorithm, direction, key }: Omit<CipherSession, "service">,
): CipherSetup {
  const number = CIPHERS[algorithm];
  if (number === undefined) {
    throw new Error(`The qat backend has no cipher "${algorithm}"`);
  }
  return {
    algorithm: number,
    // The library runs counter mode in one direction only.
    encrypts: direction === "encrypt" || algorithm === "aes-ctr",
    key: copyKey(key),
  };
}

/** Submits what `fillOpData` and the slot's list describe, in place. */
export function performOp(
  { symbols, symmetric }: SessionContext,
  slot: Slot,
): number {
  const { tag, opData, bufferList } = slot;
  return symbols.cpaCySymPerformOp(
    symmetric,
    tag,
    opData,
    bufferList,
    bufferList,
    null,
  );
}

/** Writes all of CpaCySymOpData but the ranges; pointers go into the slot. */
export function fillOpData(
  slot: Slot,
  session: CpaSession,
  ivBytes: number,
  hasAdditionalData: boolean,
): void {
  const { view, address, opDataAt } = slot;
  writeAddress(view, opDataAt + OP.sessionCtx, session.contextAddress);
  view.setUint32(
    opDataAt + OP.packetType,
    CPA.CPA_CY_SYM_PACKET_TYPE_FULL,
    true,
  );
  writeAddress(view, opDataAt + OP.pIv, address + slot.ivAt);
  view.setUint32(opDataAt + OP.ivLenInBytes, ivBytes, true);
  writeAddress(view, opDataAt + OP.pDigestResult, address + slot.digestAt);
  writeAddress(
    view,
    opDataAt + OP.pAdditionalAuthData,
    hasAdditionalData ? address + slot.additionalDataAt : 0,
  );
}

/** Writes which part of the data is enciphered and which is hashed. */
export function fillRanges(
  slot: Slot,
  cipherStart: number,
  cipherBytes: number,
  hashStart: number,
  hashBytes: number,
): void {
  const { view, opDataAt } = slot;
  const set = (field: number, value: number) =>
    view.setUint32(opDataAt + field, value, true);
  set(OP.cryptoStartSrcOffsetInBytes, cipherStart);
  set(OP.messageLenToCipherInBytes, cipherBytes);
  set(OP.hashStartSrcOffsetInBytes, hashStart);
  set(OP.messageLenToHashInBytes, hashBytes);
}

/** The bytes of a slot's data. */
export function dataOf(
  slot: Slot,
  start: number,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  const from = slot.dataAt + start;
  return slot.bytes.subarray(from, from + lengthBytes);
}

class QatCipherSession implements QatSession {
  readonly ring = "symmetric";
  readonly #thread: SessionContext;
  readonly #session: CpaSession;
  readonly #ivBytes: number;
  readonly #blockBytes: number;

  constructor(thread: SessionContext, description: CipherSession) {
    const cipher = cipherSetup(description);
    const entry = algorithmByName("cipher", description.algorithm)!;
    this.#thread = thread;
    this.#ivBytes = entry.ivBytes;
    this.#blockBytes = entry.blockBytes;
    try {
      this.#session = new CpaSession(thread, { cipher });
    } finally {
      cipher.key.fill(0);
    }
  }

  admit(operation: Operation): number {
    const { totalBytes } = operation.source;
    if (totalBytes === 0) {
      // The library refuses empty requests; there is nothing to do.
      endWithout(operation, OperationStatus.Ok);
      return SETTLED;
    }
    if (
      totalBytes % this.#blockBytes !== 0 ||
      operation.destination.totalBytes !== totalBytes ||
      operation.ivBytes < this.#ivBytes
    ) {
      endWithout(operation, OperationStatus.Failed);
      return SETTLED;
    }
    if (totalBytes <= LONGEST_DATA_BYTES) return totalBytes;
    endWithout(operation, OperationStatus.Elsewhere);
    return SETTLED;
  }

  fill({ source, iv }: Operation, slot: Slot): OperationStatus {
    const { totalBytes } = source;
    source.read(0, dataOf(slot, 0, totalBytes));
    copyIv(iv, slot, this.#ivBytes);
    slot.setDataBytes(totalBytes);
    fillOpData(slot, this.#session, this.#ivBytes, false);
    fillRanges(slot, 0, totalBytes, 0, 0);
    return OperationStatus.Pending;
  }

  submit(slot: Slot): number {
    return performOp(this.#thread, slot);
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    const { destination } = operation;
    destination.write(0, dataOf(slot, 0, destination.totalBytes));
    operation.writtenBytes = destination.totalBytes;
    return OperationStatus.Ok;
  }

  close(): void {
    this.#session.close();
  }
}

/** Copies an IV of at most 16 bytes, byte by byte: a view would cost more. */
export function copyIv(iv: Uint8Array, slot: Slot, lengthBytes: number): void {
  const { bytes, ivAt } = slot;
  for (let i = 0; i < lengthBytes; i++) bytes[ivAt + i] = iv[i]!;
}

export function openCipherSession(
  thread: SessionContext,
  description: CipherSession,
): QatSession {
  return new QatCipherSession(thread, description);
}
