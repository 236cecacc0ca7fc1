/**
 * How sessions get the AEAD algorithms.
 *
 * @module
 */

import type { Aead } from "./aead.ts";
import { CcmAead } from "./ccm.ts";
import { ChaCha20Poly1305Aead } from "./chacha20_poly1305.ts";
import { GcmAead } from "./gcm.ts";

/** The AEAD with the catalogue's name. */
export function makeAead(
  name: string,
  key: Uint8Array,
  tagBytes: number,
): Aead {
  switch (name) {
    case "gcm":
      return new GcmAead(key);
    case "ccm":
      return new CcmAead(key, tagBytes);
    case "chacha20-poly1305":
      return new ChaCha20Poly1305Aead(key);
    default:
      throw new Error(`Cannot make AEAD "${name}"`);
  }
}
