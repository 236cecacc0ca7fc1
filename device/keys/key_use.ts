/**
 * What a guest may do with a key of the store, and the rules that say so.
 *
 * @module
 */

import type { PublicPart } from "../../algorithms/key_stub.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";

/**
 * - `sign`: PKCS#1 v1.5 signatures of a hash;
 * - `decrypt`: PKCS#1 v1.5 decryption;
 * - `raw`: any private operation of RSA, whatever its padding, so that both of
 *   the others are in it;
 * - `ecdsa-sign`: ECDSA signatures.
 */
export const KEY_USES = ["sign", "decrypt", "raw", "ecdsa-sign"] as const;
/** A use of {@linkcode KEY_USES}. */
export type KeyUse = (typeof KEY_USES)[number];

/** Which key of the store a guest may use, and for what. */
export interface KeyRule {
  /** Name of the key in the store. */
  readonly key: string;
  /** What the guest may do with it. */
  readonly uses: readonly KeyUse[];
  /** Uses in a second by this guest; absent: as many as it likes. */
  readonly usesPerSecond?: number;
}

export const KEY_RULE_FORM = `KEY=USE[,USE]...[:N/s] with the uses ${
  KEY_USES.join(", ")
}`;

const RULE = /^(.+)=([a-z-]+(?:,[a-z-]+)*)(?::([1-9]\d{0,6})\/s)?$/;

/** The rule that `text` is; undefined for none. */
export function parseKeyRule(text: string): KeyRule | undefined {
  const [, key, names, rate] = RULE.exec(text) ?? [];
  if (key === undefined) return undefined;
  const uses = names!.split(",");
  if (new Set(uses).size !== uses.length) return undefined;
  const known = uses.filter((use): use is KeyUse =>
    (KEY_USES as readonly string[]).includes(use)
  );
  if (known.length !== uses.length) return undefined;
  return {
    key,
    uses: known,
    ...(rate !== undefined && { usesPerSecond: Number(rate) }),
  };
}

/** Private operations of a session. */
export interface PermittedOperations {
  readonly sign: boolean;
  readonly decrypt: boolean;
}

/** What `uses` let a session do, which its padding and hash narrow. */
export function permittedOperations(
  uses: readonly KeyUse[],
  session: RsaSession | EcdsaSession,
): PermittedOperations {
  if (session.algorithm === "ecdsa") {
    return { sign: uses.includes("ecdsa-sign"), decrypt: false };
  }
  if (uses.includes("raw")) return { sign: true, decrypt: true };
  const isPadded = session.padding === "pkcs1";
  return {
    // Without a hash a guest chooses all that is signed, as with `raw`.
    sign: isPadded && session.hash !== "none" && uses.includes("sign"),
    decrypt: isPadded && uses.includes("decrypt"),
  };
}

/** Whether keys of an algorithm can be used so. */
export function suitsAlgorithm(
  use: KeyUse,
  algorithm: PublicPart["algorithm"],
): boolean {
  return (use === "ecdsa-sign") === (algorithm === "ecdsa");
}
