/**
 * What an instance offers: its capabilities decide, and where they leave key
 * lengths open, the library is asked for a session of each.
 *
 * @module
 */

import {
  type Algorithm,
  algorithmByName,
  ALGORITHMS,
  listLengths,
  qualifiedName,
} from "../../algorithms/catalogue.ts";
import { CPA } from "../../ffi/qat_layout.ts";
import type { Offer } from "../backend.ts";
import { AEADS, CIPHERS, CODES, HASHES } from "./algorithms.ts";
import {
  type CipherSetup,
  CpaSession,
  type HashSetup,
  RefusedSession,
  type SymmetricSetup,
} from "./cpa_session.ts";
import type { Instance } from "./device.ts";
import type { SessionContext } from "./session.ts";

/** What was found: offers, and reasons for the rest. */
export interface Found {
  readonly offers: Offer[];
  readonly notOffered: Record<string, string>;
}

const has = (bits: number, number: number) => (bits >>> number & 1) === 1;

/** Bits of ciphers and of hashes that an algorithm needs. */
interface Needs {
  readonly cipher?: number;
  readonly hash?: number;
}

function needsOf({ service, name }: Algorithm): Needs | undefined {
  switch (service) {
    case "cipher":
      return name in CIPHERS ? { cipher: CIPHERS[name]! } : undefined;
    case "hash":
      return name in HASHES ? { hash: HASHES[name]! } : undefined;
    case "mac": {
      const hash = CODES[name] ??
        HASHES[algorithmByName("mac", name)!.hash ?? ""];
      if (hash === undefined) return undefined;
      return hash === CPA.CPA_CY_SYM_HASH_AES_GMAC
        ? { hash, cipher: CPA.CPA_CY_SYM_CIPHER_AES_GCM }
        : { hash };
    }
    case "aead":
      return AEADS[name];
    case "akcipher":
      return {};
  }
}

/** Why the instance has not got `algorithm`, or `undefined`. */
function whyNot(
  algorithm: Algorithm,
  instances: Instances,
): string | undefined {
  const needs = needsOf(algorithm);
  if (!needs) return "not driven by this backend";
  if (algorithm.service === "akcipher") {
    const { publicKey } = instances;
    if (publicKey.length === 0) {
      return "the device is configured without the asym service";
    }
    return publicKey.every(({ hasRsa, hasEcdsa }) =>
        algorithm.name === "rsa" ? hasRsa : hasEcdsa
      )
      ? undefined
      : "not among the device's capabilities";
  }
  if (instances.symmetric.length === 0) {
    return "the device is configured without the sym service";
  }
  return instances.symmetric.every(({ ciphers, hashes }) =>
      (needs.cipher === undefined || has(ciphers, needs.cipher)) &&
      (needs.hash === undefined || has(hashes, needs.hash))
    )
    ? undefined
    : "not among the device's capabilities";
}

/** The instances of a device by what they are used for. */
export interface Instances {
  readonly symmetric: readonly Instance[];
  readonly publicKey: readonly Instance[];
}

/** A key of bytes that are all different, so that XTS has two halves. */
const sampleKey = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => i);

function sampleSetup(algorithm: Algorithm, keyBytes: number): SymmetricSetup {
  const needs = needsOf(algorithm)!;
  const key = sampleKey(keyBytes);
  const cipher: CipherSetup | undefined = needs.cipher === undefined
    ? undefined
    : { algorithm: needs.cipher, encrypts: true, key };
  const hash: HashSetup | undefined = needs.hash === undefined ? undefined : {
    algorithm: needs.hash,
    resultBytes: 16,
    key: cipher ? new Uint8Array(0) : key,
  };
  return {
    ...(cipher ? { cipher } : {}),
    ...(hash ? { hash } : {}),
    digestIsAppended: algorithm.name === "ccm",
  };
}

/** Whether the library makes a session with a key of this length. */
function takesKey(
  thread: SessionContext,
  algorithm: Algorithm,
  keyBytes: number,
): boolean {
  try {
    new CpaSession(thread, sampleSetup(algorithm, keyBytes)).close();
    return true;
  } catch (error) {
    if (error instanceof RefusedSession) return false;
    throw error;
  }
}

/** Key lengths to ask for; none where any of the catalogue's will do. */
function questionableKeys(algorithm: Algorithm): number[] {
  if (!("keyBytes" in algorithm) || needsOf(algorithm) === undefined) return [];
  // An HMAC key is brought to a block's length before the library sees it.
  if (algorithm.service === "mac" && algorithm.hash !== undefined) return [];
  return listLengths(algorithm.keyBytes);
}

/**
 * Everything that `instances` offer on a thread that could open sessions, which
 * symmetric requests of at least `minimumBytes` are worth.
 */
export function findOffers(
  thread: SessionContext,
  instances: Instances,
  minimumBytes: number,
): Found {
  const found: Found = { offers: [], notOffered: {} };
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    const reason = whyNot(algorithm, instances);
    if (reason !== undefined) {
      found.notOffered[name] = reason;
      continue;
    }
    const lengths = questionableKeys(algorithm);
    const taken = lengths.filter((n) => takesKey(thread, algorithm, n));
    if (lengths.length > 0 && taken.length === 0) {
      found.notOffered[name] = "the library makes no session of it";
      continue;
    }
    found.offers.push({
      algorithm: name,
      ...(taken.length < lengths.length ? { keyBytes: taken } : {}),
      ...(algorithm.service !== "akcipher" ? { fromBytes: minimumBytes } : {}),
    });
  }
  return found;
}
