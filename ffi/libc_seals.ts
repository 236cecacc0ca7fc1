/**
 * Seals on files in memory: what nobody can do to them any more (fcntl(2)).
 *
 * @module
 */

import type { Libc } from "./libc.ts";

const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const F_SEAL_SEAL = 0x1;
const F_SEAL_SHRINK = 0x2;
const F_SEAL_GROW = 0x4;

/** Whether a file can never become shorter; false for what cannot be sealed. */
export function isSealedAgainstShrinking(libc: Libc, fd: number): boolean {
  const seals = libc.check(libc.symbols.fcntl(fd, F_GET_SEALS, 0));
  return seals >= 0 && (seals & F_SEAL_SHRINK) !== 0;
}

/** Makes a file keep its size for good. */
export function sealSize(libc: Libc, fd: number): number {
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
  return libc.check(libc.symbols.fcntl(fd, F_ADD_SEALS, seals));
}
