/**
 * What all handles of libgcrypt need.
 *
 * @module
 */

import type { Libgcrypt } from "../../ffi/libgcrypt.ts";

/** A native object; never null. */
export type Handle = Deno.PointerObject;

/** GCRYCTL_RESET */
export const RESET = 4;
/** GCRYCTL_TEST_ALGO */
const TEST_ALGORITHM = 8;

/** Whether a gcry_error_t says success. */
export function isGood(error: number): boolean {
  return (error & 0xffff) === 0;
}

/** Throws what libgcrypt says unless `error` is success. */
export function succeed(
  symbols: Libgcrypt,
  error: number,
  what: string,
): void {
  if (isGood(error)) return;
  const text = symbols.gcry_strerror(error);
  const reason = text && Deno.UnsafePointerView.getCString(text);
  throw new Error(`libgcrypt: ${what} failed: ${reason}`);
}

/** The handle that `open` writes to the room that it is given. */
export function openHandle(
  symbols: Libgcrypt,
  what: string,
  open: (room: BigUint64Array<ArrayBuffer>) => number,
): Handle {
  const room = new BigUint64Array(new ArrayBuffer(8));
  succeed(symbols, open(room), what);
  return Deno.UnsafePointer.create(room[0]!)!;
}

/** The kinds of algorithm that libgcrypt numbers. */
type Kind = "cipher" | "md" | "mac";

/** Whether this libgcrypt was built with an algorithm and permits it. */
export function hasAlgorithm(
  symbols: Libgcrypt,
  kind: Kind,
  algorithm: number,
): boolean {
  const info = symbols[`gcry_${kind}_algo_info`];
  return isGood(info(algorithm, TEST_ALGORITHM, null, null));
}
