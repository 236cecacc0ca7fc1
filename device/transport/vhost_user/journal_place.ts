/**
 * Where the journal of a ring is, for whichever thread serves the ring.
 *
 * @module
 */

import { regionAt } from "../../../ffi/libc.ts";
import { USED_JOURNAL_BYTES, UsedJournal } from "../../ring/used_journal.ts";

/** A journal in memory that outlives the process; structured-cloneable. */
export interface JournalPlace {
  /** Native address of its words. */
  readonly address: number;
}

/** Opens a journal for the calling thread. */
export function openJournal({ address }: JournalPlace): UsedJournal {
  const { bytes } = regionAt(address, USED_JOURNAL_BYTES);
  return new UsedJournal(
    new Int32Array(bytes.buffer, bytes.byteOffset, USED_JOURNAL_BYTES / 4),
  );
}
