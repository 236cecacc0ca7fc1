/**
 * What a session asks of a backend, in the catalogue's names.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import { rsaPrimeCount } from "../../algorithms/rsa_primes.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";

/** One algorithm that a session needs. */
export interface Need {
  readonly algorithm: string;
  /** `undefined` where the algorithm has no key that offers could limit. */
  readonly keyBytes: number | undefined;
  /** RSA private keys: how many primes there are. */
  readonly rsaPrimes?: number;
}

/** The algorithms of a session: two for a chain, one for all others. */
export function needsOf(session: SessionDescription): Need[] {
  switch (session.service) {
    case "hash":
      return [{ algorithm: `hash.${session.algorithm}`, keyBytes: undefined }];
    case "akcipher":
      return [{
        algorithm: `akcipher.${session.algorithm}`,
        keyBytes: undefined,
        ...(session.algorithm === "rsa" && session.keyType === "private" &&
          { rsaPrimes: rsaPrimeCount(session.key) }),
      }];
    case "chain":
      return [
        {
          algorithm: `cipher.${session.cipher.algorithm}`,
          keyBytes: session.cipher.key.length,
        },
        session.hashMode === "plain"
          ? { algorithm: `hash.${session.hashAlgorithm}`, keyBytes: undefined }
          : {
            algorithm: `mac.${session.hashAlgorithm}`,
            keyBytes: session.authKey.length,
          },
      ];
    default:
      return [{
        algorithm: `${session.service}.${session.algorithm}`,
        keyBytes: session.key.length,
      }];
  }
}

/** The service that creates and destroys `session`: chains are CIPHER's. */
export function serviceOfSession(session: SessionDescription): Service {
  return session.service === "chain" ? "cipher" : session.service;
}

/** The name of the algorithms of `session`, for logs. */
export function sessionName(session: SessionDescription): string {
  const names = needsOf(session).map(({ algorithm }) => algorithm).join("+");
  switch (session.service) {
    case "cipher":
    case "aead":
      return `${names} ${session.key.length * 8} ${session.direction}`;
    case "chain":
      return `${names} ${session.cipher.key.length * 8} ` +
        `${session.cipher.direction} ${session.order}`;
    case "akcipher":
      return `${names} ${session.keyType}`;
    default:
      return names;
  }
}
