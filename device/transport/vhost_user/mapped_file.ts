/**
 * Memory that a front-end shares as a part of a file: mapped, and watched for pages
 * that go.
 *
 * @module
 */

import type { Libc, Mapping } from "../../../ffi/libc.ts";
import type { MemoryGuard, Uncover } from "./memory_guard.ts";

/** Part of a file. */
export interface FilePart {
  readonly lengthBytes: number;
  readonly fileOffset: number;
}

/** A part of a file that is mapped. */
export interface MappedFile {
  readonly mapping: Mapping;
  readonly uncover: Uncover;
}

/** Where mapped bytes are; structured-cloneable, valid in every thread. */
export interface MappedPlace {
  /** Native address. */
  readonly address: number;
  readonly lengthBytes: number;
}

/** What files are mapped with. */
export interface FileMappingOptions {
  readonly libc: Libc;
  readonly memoryGuard: Pick<MemoryGuard, "cover">;
}

/** As addresses, and lengths beside them, are told. */
export const hex = (value: number): string => `0x${value.toString(16)}`;

/** What is wrong with a part of the file `fd` that a front-end shares as `name`. */
export function filePartProblem(
  libc: Libc,
  name: string,
  fd: number,
  { lengthBytes, fileOffset }: FilePart,
): string | undefined {
  const end = fileOffset + lengthBytes;
  if (!Number.isSafeInteger(end) || !(lengthBytes > 0)) {
    return `${name} is empty or ends past 2^53: ${hex(lengthBytes)} bytes at ` +
      `file offset ${hex(fileOffset)}`;
  }
  const fileBytes = libc.fileSize(fd);
  if (fileBytes < 0) return `${name}: ${libc.describe(fileBytes)}`;
  return end > fileBytes
    ? `${name} ends at ${hex(end)} of a file of ${hex(fileBytes)} bytes`
    : undefined;
}

/**
 * Maps a part that has no problem; `lost` hears once that a page of it was gone. A
 * string says why there is no mapping. `fd` stays the caller's.
 */
export function mapFilePart(
  { libc, memoryGuard }: FileMappingOptions,
  name: string,
  fd: number,
  { lengthBytes, fileOffset }: FilePart,
  lost: () => void,
): MappedFile | string {
  const mapping = libc.map(fd, fileOffset, lengthBytes);
  if (typeof mapping === "number") {
    return `${name}: ${libc.describe(mapping)}`;
  }
  const uncover = memoryGuard.cover(mapping, lost);
  if (typeof uncover !== "string") return { mapping, uncover };
  libc.unmap(mapping);
  return `${name}: ${uncover}`;
}

/** Gives a mapping back; no thread may have a view of it. */
export function unmapFile(libc: Libc, { mapping, uncover }: MappedFile): void {
  uncover();
  libc.unmap(mapping);
}
