/**
 * What this backend offers, and why not the rest.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import type { Offer } from "../backend.ts";

/** The libraries, as deno.json pins them. */
export const LIBRARIES =
  "@noble/ciphers 2.4.0, @noble/hashes 2.4.0, @noble/curves 2.4.0, node-forge 1.4.3";

const NOT_IN_TYPESCRIPT = "no maintained pure TypeScript implementation";
const IPSEC_MB_HAS_IT = `${NOT_IN_TYPESCRIPT}; ipsec-mb has it`;

/** Qualified algorithm name -> why this backend does not offer it. */
export const NOT_OFFERED: Readonly<Record<string, string>> = {
  "cipher.arc4": `${NOT_IN_TYPESCRIPT}; the openssl backend has it`,
  "cipher.kasumi-f8": IPSEC_MB_HAS_IT,
  "cipher.snow3g-uea2": IPSEC_MB_HAS_IT,
  "cipher.zuc-eea3": IPSEC_MB_HAS_IT,
  "mac.kasumi-f9": IPSEC_MB_HAS_IT,
  "mac.cbcmac-kasumi-f9": IPSEC_MB_HAS_IT,
  "mac.snow3g-uia2": IPSEC_MB_HAS_IT,
  "mac.zuc-eia3": IPSEC_MB_HAS_IT,
  "mac.gmac-twofish": `${NOT_IN_TYPESCRIPT}; libgcrypt has Twofish`,
};

export const OFFERS: readonly Offer[] = ALGORITHMS
  .map((algorithm) => ({ algorithm: qualifiedName(algorithm) }))
  .filter(({ algorithm }) => !Object.hasOwn(NOT_OFFERED, algorithm));
