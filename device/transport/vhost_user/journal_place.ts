/**
 * Where the journal of a ring is, for whichever thread serves the ring.
 *
 * @module
 */

import { regionAt } from "../../../ffi/libc.ts";
import { UndoLog } from "../../ring/undo_log.ts";
import { USED_JOURNAL_BYTES, UsedJournal } from "../../ring/used_journal.ts";
import type { MappedPlace } from "./mapped_file.ts";

/** A journal in memory that outlives the process; structured-cloneable. */
export interface JournalPlace {
  /** Native address of its words. */
  readonly address: number;
  /** Of a data ring: where what requests overwrite is written down. */
  readonly undo?: UndoPlace | undefined;
}

/** Where the undo log of a ring is; structured-cloneable. */
export interface UndoPlace extends MappedPlace {
  /** Whether the process before has kept it, or there was none. */
  readonly isComplete: boolean;
}

/**
 * The journal of a ring that starts. `goesOn`: where the process before has left it.
 * Else what the front-end tells to be under way was written down by nobody here.
 */
export function journalOfStart(
  { undo, ...journal }: JournalPlace,
  goesOn: boolean,
): JournalPlace {
  const isComplete = goesOn && undo?.isComplete === true;
  return { ...journal, undo: undo && { ...undo, isComplete } };
}

/** Opens a journal for the calling thread. */
export function openJournal({ address }: JournalPlace): UsedJournal {
  const { bytes } = regionAt(address, USED_JOURNAL_BYTES);
  return new UsedJournal(
    new Int32Array(bytes.buffer, bytes.byteOffset, USED_JOURNAL_BYTES / 4),
  );
}

/** Opens the undo log of a ring for the calling thread. */
export function openUndoLog({ address, lengthBytes }: UndoPlace): UndoLog {
  return new UndoLog(regionAt(address, lengthBytes).bytes);
}
