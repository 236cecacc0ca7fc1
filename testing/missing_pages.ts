/**
 * A program of its own that touches a page that is gone, in one of the ways of
 * {@linkcode WAYS}, and says how it went on, if it does:
 *
 *     deno run -A testing/missing_pages.ts WAY
 *
 * @module
 */

import { CoveredMemory } from "../ffi/covered_memory.ts";
import { type Mapping, nativeBuffer, openLibc, regionAt } from "../ffi/libc.ts";

export const WAYS = [
  /** In a covered mapping. */
  "covered",
  /** In a mapping that is covered no longer. */
  "uncovered",
  /** In a mapping beside a covered one. */
  "beside",
  /** None: somebody sends the signal. */
  "sent",
  /** In a covered mapping as large as this process may not have more memory. */
  "room for a page",
  /** In a covered mapping of a process that may have no more memory. */
  "no room",
] as const;

const SIGBUS = 7;
const RLIMIT_DATA = 2;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;
const PIECE_BYTES = 4096;
const LENGTH_BYTES = 2 ** 30;

const libc = openLibc();
const { symbols } = Deno.dlopen("libc.so.6", {
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
});

function map(lengthBytes: number): { fd: number; mapping: Mapping } {
  const fd = libc.memfdCreate("missing-pages", lengthBytes);
  const mapping = libc.map(fd, 0, lengthBytes);
  if (typeof mapping === "number") throw new Error(libc.describe(mapping));
  return { fd, mapping };
}

/** Limits what the process may have of data. */
function limitData(limitBytes: bigint): void {
  const limits = nativeBuffer(16);
  new BigUint64Array(limits.buffer).set([limitBytes, UNLIMITED]);
  if (symbols.setrlimit(RLIMIT_DATA, limits) !== 0) throw new Error("limit");
}

/** What the process has of data now. */
function dataBytes(): bigint {
  const status = Deno.readTextFileSync("/proc/self/status");
  return BigInt(/VmData:\s*(\d+)/.exec(status)![1]!) * 1024n;
}

function main(way: string): void {
  const covered = CoveredMemory.open(libc);
  if (typeof covered === "string") throw new Error(covered);
  const { fd, mapping } = map(LENGTH_BYTES);
  const beside = map(LENGTH_BYTES);
  const losses: string[] = [];
  const entry = covered.cover(mapping, () => losses.push("covered"))!;
  const { bytes } = regionAt(mapping.address, LENGTH_BYTES);
  const other = regionAt(beside.mapping.address, LENGTH_BYTES).bytes;
  bytes.fill(7, 0, PIECE_BYTES);
  other.fill(8, 0, PIECE_BYTES);
  libc.truncate(fd, 0);
  if (way === "uncovered") covered.uncover(entry);
  if (way === "beside") libc.truncate(beside.fd, 0);
  if (way === "sent") symbols.kill(Deno.pid, SIGBUS);
  const touched = way === "beside" ? other : bytes;
  const limit = way === "no room"
    ? 1n
    : way === "room for a page"
    ? dataBytes() + BigInt(LENGTH_BYTES / 2)
    : UNLIMITED;
  // The runtime is not to need more meanwhile.
  limitData(limit);
  const found = touched[PIECE_BYTES - 1]!;
  limitData(UNLIMITED);
  touched[PIECE_BYTES] = 9;
  covered.tellLosses();
  covered.tellLosses();
  console.log(JSON.stringify({ found, kept: touched[PIECE_BYTES], losses }));
}

if (import.meta.main) main(Deno.args[0]!);
