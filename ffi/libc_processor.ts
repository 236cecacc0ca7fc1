/**
 * Which processor the calling thread is on (sched_getcpu(3)).
 *
 * @module
 */

const SYMBOLS = {
  sched_getcpu: { parameters: [], result: "i32" },
} as const;

/** Tells the number of the processor; a thread may be on another one at once. */
export function openProcessor(): () => number {
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  return () => symbols.sched_getcpu();
}
