/**
 * HASH and MAC sessions.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type {
  HashSession,
  MacSession,
} from "../../algorithms/session_description.ts";
import { CPA } from "../../ffi/qat_layout.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { type DigestNumbers, hashNumbers, macNumbers } from "./algorithms.ts";
import { dataOf, fillOpData, fillRanges, performOp } from "./cipher_session.ts";
import { CpaSession } from "./cpa_session.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import { endWithout, LONGEST_DATA_BYTES, type Slot } from "./slots.ts";

/** A list of no bytes is no list to the library, even for an empty message. */
const SHORTEST_LIST_BYTES = 16;

class QatDigestSession implements QatSession {
  readonly ring = "symmetric";
  readonly #thread: SessionContext;
  readonly #session: CpaSession;
  readonly #resultBytes: number;
  /** The library hashes an empty message, but makes no code of one. */
  readonly #isPlain: boolean;

  constructor(
    thread: SessionContext,
    numbers: DigestNumbers,
    resultBytes: number,
  ) {
    this.#thread = thread;
    this.#resultBytes = resultBytes;
    this.#isPlain = !numbers.key;
    this.#session = new CpaSession(thread, { hash: numbers });
  }

  admit(operation: Operation): number {
    const { totalBytes } = operation.source;
    if (operation.digest.totalBytes < this.#resultBytes) {
      endWithout(operation, OperationStatus.Failed);
      return SETTLED;
    }
    if (
      totalBytes <= LONGEST_DATA_BYTES && (this.#isPlain || totalBytes > 0)
    ) return Math.max(totalBytes, SHORTEST_LIST_BYTES);
    endWithout(operation, OperationStatus.Elsewhere);
    return SETTLED;
  }

  fill({ source }: Operation, slot: Slot): OperationStatus {
    const { totalBytes } = source;
    source.read(0, dataOf(slot, 0, totalBytes));
    slot.setDataBytes(Math.max(totalBytes, SHORTEST_LIST_BYTES));
    fillOpData(slot, this.#session, 0, false);
    fillRanges(slot, 0, 0, 0, totalBytes);
    return OperationStatus.Pending;
  }

  submit(slot: Slot): number {
    return performOp(this.#thread, slot);
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    deliverDigest(operation, slot, this.#resultBytes);
    operation.writtenBytes = 0;
    return OperationStatus.Ok;
  }

  close(): void {
    this.#session.close();
  }
}

/** Writes the first bytes of the digest that the library made. */
export function deliverDigest(
  operation: Operation,
  { bytes, digestAt }: Slot,
  resultBytes: number,
): void {
  operation.digest.write(0, bytes.subarray(digestAt, digestAt + resultBytes));
}

const GMAC_IV_BYTES = 12;
/** What the hardware counts as associated data of one request at most. */
const GMAC_LONGEST_BYTES = 16383;
const GMAC_TAG_BYTES = 16;

/** GMAC: the vector opens the source data; the library calls it a chain. */
class QatGmacSession implements QatSession {
  readonly ring = "symmetric";
  readonly #thread: SessionContext;
  readonly #session: CpaSession;
  readonly #resultBytes: number;

  constructor(thread: SessionContext, { key, resultBytes }: MacSession) {
    const copy = copyKey(key);
    this.#thread = thread;
    this.#resultBytes = resultBytes;
    try {
      this.#session = new CpaSession(thread, {
        cipher: {
          algorithm: CPA.CPA_CY_SYM_CIPHER_AES_GCM,
          encrypts: true,
          key: copy,
        },
        hash: {
          algorithm: CPA.CPA_CY_SYM_HASH_AES_GMAC,
          resultBytes: GMAC_TAG_BYTES,
          key: new Uint8Array(0),
        },
      });
    } finally {
      copy.fill(0);
    }
  }

  admit(operation: Operation): number {
    const messageBytes = operation.source.totalBytes - GMAC_IV_BYTES;
    if (
      messageBytes < 0 || operation.digest.totalBytes < this.#resultBytes
    ) {
      endWithout(operation, OperationStatus.Failed);
      return SETTLED;
    }
    if (messageBytes > 0 && messageBytes <= GMAC_LONGEST_BYTES) {
      return messageBytes;
    }
    endWithout(operation, OperationStatus.Elsewhere);
    return SETTLED;
  }

  fill({ source }: Operation, slot: Slot): OperationStatus {
    const messageBytes = source.totalBytes - GMAC_IV_BYTES;
    const { bytes, ivAt } = slot;
    source.read(0, bytes.subarray(ivAt, ivAt + GMAC_IV_BYTES));
    source.read(GMAC_IV_BYTES, dataOf(slot, 0, messageBytes));
    slot.setDataBytes(messageBytes);
    fillOpData(slot, this.#session, GMAC_IV_BYTES, false);
    fillRanges(slot, 0, 0, 0, messageBytes);
    return OperationStatus.Pending;
  }

  submit(slot: Slot): number {
    return performOp(this.#thread, slot);
  }

  finish(operation: Operation, slot: Slot): OperationStatus {
    deliverDigest(operation, slot, this.#resultBytes);
    operation.writtenBytes = 0;
    return OperationStatus.Ok;
  }

  close(): void {
    this.#session.close();
  }
}

export function openHashSession(
  thread: SessionContext,
  { algorithm, resultBytes }: HashSession,
): QatSession {
  return new QatDigestSession(thread, hashNumbers(algorithm), resultBytes);
}

export function openMacSession(
  thread: SessionContext,
  description: MacSession,
): QatSession {
  const { algorithm, key, resultBytes } = description;
  if (algorithm === "gmac-aes") return new QatGmacSession(thread, description);
  const numbers = macNumbers(algorithm, key);
  try {
    return new QatDigestSession(thread, numbers, resultBytes);
  } finally {
    numbers.key?.fill(0);
  }
}
