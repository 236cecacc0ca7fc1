/**
 * CIPHER sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { CipherSession } from "../../algorithms/session_description.ts";
import { RANGE_OFFSET } from "../../memory/range_lists.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import type { Cipher, PrimitiveSession } from "./primitives.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

// The engine folds constants of a module of its own only.
const SOURCE = BurstField.Source;
const DESTINATION = BurstField.Destination;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;

/** Whether `cipher` takes a message of this length. */
export function fitsCipher(cipher: Cipher, lengthBytes: number): boolean {
  return lengthBytes === 0 ||
    (lengthBytes >= cipher.minimumBytes &&
      lengthBytes % cipher.blockBytes === 0);
}

export class PrimitiveCipherSession implements PrimitiveSession {
  readonly #thread: ThreadContext;
  readonly #cipher: Cipher;
  readonly #ivBytes: number;

  constructor(thread: ThreadContext, description: CipherSession) {
    const { algorithm, key, direction } = description;
    this.#thread = thread;
    this.#ivBytes = algorithmByName("cipher", algorithm)!.ivBytes;
    this.#cipher = thread.primitives.makeCipher(
      algorithm,
      key,
      direction === "encrypt",
    );
  }

  take(burst: RequestBurst, slot: number): boolean {
    const cipher = this.#cipher;
    const { fields, lists, regions } = burst;
    const at = BURST_WORDS * slot;
    const lengthBytes = fields[at + SOURCE + TOTAL]!;
    if (
      cipher.startFrom === undefined || fields[at + SOURCE + COUNT] !== 1 ||
      fields[at + DESTINATION + COUNT] !== 1 ||
      fields[at + DESTINATION + TOTAL] !== lengthBytes ||
      fields[at + BurstField.IvBytes]! < this.#ivBytes ||
      !fitsCipher(cipher, lengthBytes) ||
      !cipher.startFrom(burst.ivs, IV_WORDS * slot)
    ) return false;
    const { block } = lists;
    const start = lists.starts[slot]!;
    const from = start + fields[at + SOURCE + FIRST]!;
    const to = start + fields[at + DESTINATION + FIRST]!;
    const done = this.#thread.worker.applyRange(
      cipher,
      regions[block[from]!]!,
      block[from + RANGE_OFFSET]! + fields[at + SOURCE + SKIPPED]!,
      regions[block[to]!]!,
      block[to + RANGE_OFFSET]! + fields[at + DESTINATION + SKIPPED]!,
      lengthBytes,
    );
    if (!done) this.#thread.primitives.clearErrors();
    fields[at + BurstField.Status] = done
      ? OperationStatus.Ok
      : OperationStatus.Failed;
    fields[at + BurstField.WrittenBytes] = done ? lengthBytes : 0;
    return true;
  }

  perform(operation: Operation): void {
    const cipher = this.#cipher;
    const { source, destination } = operation;
    if (
      operation.ivBytes >= this.#ivBytes &&
      fitsCipher(cipher, source.totalBytes) &&
      cipher.start(operation.iv, operation.ivWords) &&
      this.#thread.worker.apply(cipher, source, destination)
    ) {
      complete(operation, source.totalBytes);
    } else {
      fail(operation, this.#thread.primitives);
    }
  }

  close(): void {
    this.#cipher.close();
  }
}
