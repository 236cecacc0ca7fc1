/**
 * Which backend a session gets, and why. Plain data in, a name out: the control
 * queue and every queue thread decide alike.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  qualifiedName,
  type Service,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Offer } from "../../backends/backend.ts";

/** What one backend of this device offers; structured-cloneable. */
export interface BackendOffers {
  readonly name: string;
  readonly offers: readonly Offer[];
}

interface Need {
  readonly algorithm: string;
  /** `undefined` where the algorithm has no key that offers could limit. */
  readonly keyBytes: number | undefined;
}

function needsOf(session: SessionDescription): Need[] {
  switch (session.service) {
    case "hash":
      return [{ algorithm: `hash.${session.algorithm}`, keyBytes: undefined }];
    case "akcipher":
      return [
        { algorithm: `akcipher.${session.algorithm}`, keyBytes: undefined },
      ];
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

/** Chooses backends in the order of preference that it was made with. */
export class Placement {
  readonly #backends: readonly {
    readonly name: string;
    readonly offers: ReadonlyMap<string, Offer>;
  }[];

  constructor(backends: readonly BackendOffers[], allowWeak: boolean) {
    const weak = new Set(
      allowWeak
        ? []
        : ALGORITHMS.filter((entry) => entry.weakness).map(qualifiedName),
    );
    this.#backends = backends.map(({ name, offers }) => ({
      name,
      offers: new Map(
        offers.filter((offer) => !weak.has(offer.algorithm))
          .map((offer) => [offer.algorithm, offer]),
      ),
    }));
  }

  /** The first backend that has all that `session` needs, or `undefined`. */
  choose(session: SessionDescription): string | undefined {
    const needs = needsOf(session);
    return this.#backends.find(({ offers }) =>
      needs.every(({ algorithm, keyBytes }) => {
        const offer = offers.get(algorithm);
        return offer !== undefined && (keyBytes === undefined ||
          offer.keyBytes === undefined || offer.keyBytes.includes(keyBytes));
      })
    )?.name;
  }

  /** The union of what the backends offer. */
  offered(): Algorithm[] {
    return ALGORITHMS.filter((entry) =>
      this.#backends.some(({ offers }) => offers.has(qualifiedName(entry)))
    );
  }
}

/** The service that creates and destroys `session`: chains are CIPHER's. */
export function serviceOfSession(session: SessionDescription): Service {
  return session.service === "chain" ? "cipher" : session.service;
}

/** The name of the algorithms of `session`, for logs. */
export function describeSession(session: SessionDescription): string {
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
