/**
 * Memory that outlives the process, through its descriptor: of which no file, no
 * swap and no core dump has a copy (memfd_secret(2), memfd_create(2), mlock2(2)).
 *
 * @module
 */

import type { Region } from "../memory/region.ts";
import { type Libc, type Mapping, regionAt } from "./libc.ts";
import { sealSize } from "./libc_seals.ts";

const SYMBOLS = {
  syscall: {
    parameters: ["i64", /* number */ "u64" /* flags */],
    result: "isize",
  },
  mlock2: {
    parameters: ["usize", /* addr */ "usize", /* len */ "u32" /* flags */],
    result: "i32",
  },
} as const;

/** The same number on x86-64 and aarch64. */
const SYS_MEMFD_SECRET = 447n;
const O_CLOEXEC = 0o2000000n;
const MLOCK_ONFAULT = 1;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

let opened: Library | undefined;

const calls = () => (opened ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;

/** What keeps the memory out of other eyes. */
export type MemoryKind = "secret" | "locked" | "unlocked";

/** Memory, and the descriptor that it lives as long as. */
export interface KeptMemory {
  readonly fd: number;
  readonly kind: MemoryKind;
  readonly region: Region;
  readonly mapping: Mapping;
}

/**
 * Makes memory of zeros: secret where the system has that, else a sealed file in
 * memory, locked where the process may lock as much. Pages are taken when they
 * are first written. A negative error number where there is none.
 */
export function createKeptMemory(
  libc: Libc,
  name: string,
  lengthBytes: number,
): KeptMemory | number {
  const secret = libc.check(
    Number(calls().syscall(SYS_MEMFD_SECRET, O_CLOEXEC)),
  );
  if (secret >= 0) {
    const sized = libc.truncate(secret, lengthBytes);
    const kept = sized < 0 ? sized : map(libc, secret, lengthBytes, "secret");
    if (typeof kept !== "number") return kept;
    libc.close(secret);
  }
  return createSealed(libc, name, lengthBytes);
}

function createSealed(
  libc: Libc,
  name: string,
  lengthBytes: number,
  open = openKeptMemory,
): KeptMemory | number {
  const fd = libc.memfdCreate(name, lengthBytes);
  if (fd < 0) return fd;
  const sealed = sealSize(libc, fd);
  const kept = sealed < 0 ? sealed : open(libc, fd);
  if (typeof kept === "number") libc.close(fd);
  return kept;
}

/**
 * Makes memory of zeros that may be swapped, and is in no core dump: for what is no
 * secret of this process. A negative error number where there is none.
 */
export function createDumplessMemory(
  libc: Libc,
  name: string,
  lengthBytes: number,
): KeptMemory | number {
  return createSealed(libc, name, lengthBytes, openUnlockedMemory);
}

/**
 * Maps memory that was made before, by whatever process. The descriptor stays
 * the caller's where that fails.
 */
export function openKeptMemory(libc: Libc, fd: number): KeptMemory | number {
  const kept = openUnlockedMemory(libc, fd);
  if (typeof kept === "number") return kept;
  const locked = libc.check(
    calls().mlock2(...areaOf(kept), MLOCK_ONFAULT),
  );
  return locked < 0 ? kept : { ...kept, kind: "locked" };
}

/** The same without locking it. */
export function openUnlockedMemory(
  libc: Libc,
  fd: number,
): KeptMemory | number {
  const lengthBytes = libc.fileSize(fd);
  if (lengthBytes < 0) return lengthBytes;
  return map(libc, fd, lengthBytes, "unlocked");
}

function areaOf({ mapping }: KeptMemory): [address: bigint, length: bigint] {
  return [BigInt(mapping.mappedAddress), BigInt(mapping.mappedBytes)];
}

function map(
  libc: Libc,
  fd: number,
  lengthBytes: number,
  kind: MemoryKind,
): KeptMemory | number {
  const mapping = libc.map(fd, 0, lengthBytes);
  if (typeof mapping === "number") return mapping;
  const region = regionAt(mapping.address, lengthBytes);
  return { fd, kind, region, mapping };
}

/** Unmaps the memory and closes its descriptor; others may keep it. */
export function closeKeptMemory(libc: Libc, { fd, mapping }: KeptMemory): void {
  libc.unmap(mapping);
  libc.close(fd);
}
