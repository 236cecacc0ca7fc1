/**
 * From which size on a request is worth its way to a card.
 *
 * @module
 */

import type { BackendOptions } from "../backend.ts";

/** A smaller symmetric request costs less on a processor. */
export const DEFAULT_MINIMUM_BYTES = 2048;

/** The option `min-bytes`, or what is wrong with it. */
export function minimumOf(options: BackendOptions): number | string {
  const text = options["min-bytes"];
  if (text === undefined) return DEFAULT_MINIMUM_BYTES;
  return /^\d{1,9}$/.test(text)
    ? Number(text)
    : `the option min-bytes is "${text}", expected 0 to 999999999 bytes`;
}
