/**
 * A clock that all threads of a process read alike (clock_gettime(2)): each
 * thread's `performance.now()` begins when the thread does.
 *
 * @module
 */

import { type Libc, nativeBuffer } from "./libc.ts";

const SYMBOLS = {
  clock_gettime: {
    parameters: ["i32", /* clockid */ "buffer" /* tp */],
    result: "i32",
  },
} as const;

const CLOCK_MONOTONIC = 1;
const TIMESPEC_BYTES = 16;

/** Tells milliseconds; no two threads differ by more than it takes to look. */
export function monotonicClock(libc: Libc): () => number {
  const { symbols, close } = openClock();
  const time = nativeBuffer(TIMESPEC_BYTES);
  const result = libc.check(symbols.clock_gettime(CLOCK_MONOTONIC, time));
  const ownMs = performance.now();
  close();
  if (result < 0) throw new Error(`Cannot tell time: ${libc.describe(result)}`);
  const view = new DataView(time.buffer);
  const seconds = Number(view.getBigInt64(0, true));
  const nanoseconds = Number(view.getBigInt64(8, true));
  const aheadMs = seconds * 1000 + nanoseconds / 1e6 - ownMs;
  return () => performance.now() + aheadMs;
}

function openClock() {
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  return { symbols: library.symbols, close: () => library.close() };
}
