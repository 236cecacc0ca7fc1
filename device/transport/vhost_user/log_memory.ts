/**
 * The dirty log that a front-end shares while it moves a guest: a file, mapped.
 *
 * @module
 */

import { regionAt } from "../../../ffi/libc.ts";
import { DirtyLog, logBytesFor } from "../../ring/dirty_log.ts";
import type { KeptNumber } from "./front_end_record.ts";
import {
  type FileMappingOptions,
  filePartProblem,
  mapFilePart,
  type MappedFile,
  type MappedPlace,
} from "./mapped_file.ts";
import type { LogDescription } from "./payloads.ts";

/** Memory that is mapped for a log. */
export interface LogMemory extends MappedPlace, LogDescription, MappedFile {
  /** Number of its file at the keeper. */
  readonly file: KeptNumber;
}

/** What a log is mapped with. */
export interface LogMemoryOptions extends FileMappingOptions {
  /** The number of a descriptor at the keeper. */
  numberOf(fd: number): KeptNumber;
  /** Hears that the log is gone. */
  lost(reason: string): void;
}

/** The log at `place` for the calling thread. */
export function logAt(
  place: MappedPlace | undefined,
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
  options: LogMemoryOptions,
): LogMemory | string {
  const name = `a dirty log of ${lengthBytes} bytes`;
  const neededBytes = logBytesFor(memoryEnd);
  if (lengthBytes < neededBytes) {
    return `${name} for memory that needs ${neededBytes}`;
  }
  const { libc, numberOf, lost } = options;
  const part = { lengthBytes, fileOffset };
  const mapped = filePartProblem(libc, name, fd, part) ??
    mapFilePart(options, name, fd, part, () => lost("the dirty log"));
  if (typeof mapped === "string") return mapped;
  const { address } = mapped.mapping;
  return { ...part, ...mapped, file: numberOf(fd), address };
}
