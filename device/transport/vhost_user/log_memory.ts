/**
 * The dirty log that a front-end shares while it moves a guest: a file, mapped.
 *
 * @module
 */

import { type Libc, type Mapping, regionAt } from "../../../ffi/libc.ts";
import { DirtyLog, logBytesFor } from "../../ring/dirty_log.ts";
import type { KeptNumber } from "./front_end_record.ts";
import type { MemoryGuard, Uncover } from "./memory_guard.ts";
import type { LogDescription } from "./payloads.ts";

/** Where a log is; structured-cloneable, valid in every thread. */
export interface LogPlace {
  /** Native address. */
  readonly address: number;
  readonly lengthBytes: number;
}

/** Memory that is mapped for a log. */
export interface LogMemory extends LogPlace, LogDescription {
  /** Number of its file at the keeper. */
  readonly file: KeptNumber;
  readonly mapping: Mapping;
  readonly uncover: Uncover;
}

/** What a log is mapped with. */
export interface LogMemoryOptions {
  readonly libc: Libc;
  readonly memoryGuard: Pick<MemoryGuard, "cover">;
  /** The number of a descriptor at the keeper. */
  numberOf(fd: number): KeptNumber;
  /** Hears that the log is gone. */
  lost(reason: string): void;
}

/** The log at `place` for the calling thread. */
export function logAt(
  place: LogPlace | undefined,
): DirtyLog | undefined {
  return place &&
    new DirtyLog(regionAt(place.address, place.lengthBytes).bytes);
}

/**
 * Maps the log of a guest whose memory ends at guest address `memoryEnd`; a string
 * says what is wrong with it. `fd` stays the caller's.
 */
export function mapLog(
  { lengthBytes, fileOffset }: LogDescription,
  fd: number,
  memoryEnd: number,
  { libc, memoryGuard, numberOf, lost }: LogMemoryOptions,
): LogMemory | string {
  const name = `a dirty log of ${lengthBytes} bytes`;
  const neededBytes = logBytesFor(memoryEnd);
  const end = fileOffset + lengthBytes;
  if (!Number.isSafeInteger(end) || !(lengthBytes > 0)) {
    return `${name} at file offset ${fileOffset} is empty or ends past 2^53`;
  }
  if (lengthBytes < neededBytes) {
    return `${name} for memory that needs ${neededBytes}`;
  }
  const fileBytes = libc.fileSize(fd);
  if (fileBytes < 0) return `${name}: ${libc.describe(fileBytes)}`;
  if (end > fileBytes) {
    return `${name} ends at ${end} of a file of ${fileBytes} bytes`;
  }
  const mapping = libc.map(fd, fileOffset, lengthBytes);
  if (typeof mapping === "number") return `${name}: ${libc.describe(mapping)}`;
  const uncover = memoryGuard.cover(mapping, () => lost("the dirty log"));
  if (typeof uncover === "string") {
    libc.unmap(mapping);
    return `${name}: ${uncover}`;
  }
  const { address } = mapping;
  const file = numberOf(fd);
  return { lengthBytes, fileOffset, file, address, mapping, uncover };
}

/** Gives a log back; no thread may have a view of it. */
export function unmapLog(libc: Libc, { mapping, uncover }: LogMemory): void {
  uncover();
  libc.unmap(mapping);
}
