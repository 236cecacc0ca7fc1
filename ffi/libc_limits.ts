/**
 * How many files a process may have open, and how much memory it may lock
 * (getrlimit(2)).
 *
 * @module
 */

import { type Libc, nativeBuffer } from "./libc.ts";

const SYMBOLS = {
  getrlimit: {
    parameters: ["i32", /* resource */ "buffer" /* rlim */],
    result: "i32",
  },
  setrlimit: {
    parameters: ["i32", /* resource */ "buffer" /* rlim */],
    result: "i32",
  },
} as const;

const RLIMIT_NOFILE = 7;
const RLIMIT_MEMLOCK = 8;
/** struct rlimit: what holds, and how far a process may raise that itself. */
const RLIMIT_BYTES = 16;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

let opened: Library | undefined;

const calls = () => (opened ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;

function readLimits(
  libc: Libc,
  resource = RLIMIT_NOFILE,
): BigUint64Array<ArrayBuffer> | number {
  const limits = nativeBuffer(RLIMIT_BYTES);
  const result = libc.check(calls().getrlimit(resource, limits));
  return result < 0 ? result : new BigUint64Array(limits.buffer);
}

/** How many files may be open: the number that no descriptor reaches. */
export function openFilesLimit(libc: Libc): number {
  const limits = readLimits(libc);
  return typeof limits === "number" ? limits : Number(limits[0]);
}

/** Raises that as far as this process may; returns how far. */
export function raiseOpenFilesLimit(libc: Libc): number {
  const limits = readLimits(libc);
  if (typeof limits === "number") return limits;
  limits[0] = limits[1]!;
  const bytes = new Uint8Array(limits.buffer);
  const result = libc.check(calls().setrlimit(RLIMIT_NOFILE, bytes));
  return result < 0 ? result : Number(limits[0]);
}

/** Lets this process lock as much as it likes, for when it is root no more. */
export function liftLockedMemoryLimit(libc: Libc): number {
  const limits = readLimits(libc, RLIMIT_MEMLOCK);
  if (typeof limits === "number") return limits;
  limits.fill(2n ** 64n - 1n);
  const bytes = new Uint8Array(limits.buffer);
  return libc.check(calls().setrlimit(RLIMIT_MEMLOCK, bytes));
}
