/**
 * What the record of an operation says beside its bytes.
 *
 * @module
 */

import type { Operation } from "../../backends/backend.ts";
import { recordAt, RecordWord } from "./channel.ts";

/** Where the bytes of an operation are, and what they are to its session. */
export interface RecordPlace {
  readonly slot: number;
  /** Number of the session in its channel. */
  readonly session: number;
  /** Number of the block. */
  readonly block: number;
  readonly readsTag: boolean;
}

/** Writes the record of `operation`; `controlBytes` are those of `control`. */
export function writeRecord(
  control: Int32Array,
  controlBytes: Uint8Array,
  operation: Operation,
  { slot, session, block, readsTag }: RecordPlace,
): void {
  const at = recordAt(slot);
  control[at + RecordWord.Session] = session;
  control[at + RecordWord.Kind] = operation.kind;
  control[at + RecordWord.Block] = block;
  control[at + RecordWord.ReadsTag] = readsTag ? 1 : 0;
  control[at + RecordWord.SourceBytes] = operation.source.totalBytes;
  control[at + RecordWord.AdditionalBytes] =
    operation.additionalData.totalBytes;
  control[at + RecordWord.DestinationBytes] = operation.destination.totalBytes;
  control[at + RecordWord.DigestBytes] = operation.digest.totalBytes;
  control[at + RecordWord.CipherStart] = operation.cipherStart;
  control[at + RecordWord.CipherBytes] = operation.cipherBytes;
  control[at + RecordWord.HashStart] = operation.hashStart;
  control[at + RecordWord.HashBytes] = operation.hashBytes;
  control[at + RecordWord.IvBytes] = operation.ivBytes;
  const iv = 4 * (at + RecordWord.Iv);
  for (let i = 0; i < operation.ivBytes; i++) {
    controlBytes[iv + i] = operation.iv[i]!;
  }
}
