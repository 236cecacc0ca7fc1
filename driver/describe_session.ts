/**
 * From what an application says of a session to its description, with keys of its
 * own. All that the caller could change is read before the first wait.
 *
 * @module
 */

import {
  type CurveName,
  CURVES,
  type KeyType,
} from "../algorithms/public_key.ts";
import type {
  AeadSession,
  ChainSession,
  CipherSession,
  EcdsaSession,
  HashSession,
  MacSession,
  RsaSession,
  SessionDescription,
} from "../algorithms/session_description.ts";
import { SERVICES } from "../device/wire/opcodes.ts";
import { oneOf, wrongThing, wrongType, wrongValue } from "./argument.ts";
import { type KeyMaterial, takeAsymmetricKey } from "./keys/asymmetric_key.ts";
import { KeyError } from "./keys/key_error.ts";
import { takeSecretKey } from "./keys/secret_key.ts";
import type {
  AeadParameters,
  AsymmetricKey,
  ChainParameters,
  CipherParameters,
  EcdsaParameters,
  HashParameters,
  MacParameters,
  RsaParameters,
  SecretKey,
} from "./parameters.ts";
import { requireAlgorithm, requireOneOf } from "./session_check.ts";

const DEFAULT_TAG_BYTES = 16;

/** The bytes of a symmetric key. */
async function secret(
  doing: string,
  argument: string,
  key: SecretKey,
): Promise<Uint8Array> {
  try {
    return await takeSecretKey(key);
  } catch (error) {
    throw keyProblem(doing, argument, error);
  }
}

function keyProblem(doing: string, argument: string, error: unknown): unknown {
  if (!(error instanceof KeyError)) return error;
  return new TypeError(
    `Cannot ${doing}: ${argument} ${error.actual}, expected ${error.expected}`,
  );
}

/** The same of a description that somebody else has made. */
export async function describeSession(
  given: SessionDescription,
): Promise<SessionDescription> {
  switch (given.service) {
    case "cipher":
      return await describeCipher(given as CipherParameters);
    case "chain":
      return await describeChain(given as ChainParameters);
    case "hash":
      return describeHash(given as HashParameters);
    case "mac":
      return await describeMac(given as MacParameters);
    case "aead":
      return await describeAead(given as AeadParameters);
    case "akcipher":
      return await describeAkcipher(given as RsaParameters | EcdsaParameters);
    default:
      throw wrongValue(
        "open a session",
        "service",
        (given as { service: unknown }).service,
        oneOf(["chain", ...SERVICES]),
      );
  }
}

/** A description of a CIPHER session. */
export async function describeCipher(
  parameters: CipherParameters,
): Promise<CipherSession> {
  return { service: "cipher", ...await describeCipherPart(parameters, "") };
}

async function describeCipherPart(
  { algorithm, direction, key }: CipherParameters,
  prefix: string,
): Promise<Omit<CipherSession, "service">> {
  requireAlgorithm("cipher", algorithm, `${prefix}algorithm`);
  const doing = `open a session of cipher.${algorithm}`;
  return {
    algorithm,
    direction,
    key: await secret(doing, `${prefix}key`, key),
  };
}

/** A description of a chain. */
export async function describeChain(
  parameters: ChainParameters,
): Promise<ChainSession> {
  const { order, hashMode, hashAlgorithm, cipher } = parameters;
  const doing = "open a chain session";
  if (typeof cipher !== "object" || cipher === null) {
    throw wrongType(doing, "cipher", cipher, "the parameters of a cipher");
  }
  requireOneOf(doing, "hashMode", hashMode, ["plain", "auth"]);
  const isPlain = hashMode === "plain";
  const algorithm = requireAlgorithm(
    isPlain ? "hash" : "mac",
    hashAlgorithm,
    "hashAlgorithm",
  );
  const { resultBytes = algorithm.digestBytes } = parameters;
  const [enciphering, authKey] = await Promise.all([
    describeCipherPart(cipher, "cipher."),
    isPlain ? new Uint8Array(0) : secret(doing, "authKey", parameters.authKey),
  ]);
  return {
    service: "chain",
    order,
    cipher: enciphering,
    hashMode,
    hashAlgorithm,
    authKey,
    resultBytes,
  };
}

/** A description of a HASH session. */
export function describeHash(parameters: HashParameters): HashSession {
  const { algorithm } = parameters;
  const { digestBytes } = requireAlgorithm("hash", algorithm);
  const { resultBytes = digestBytes } = parameters;
  return { service: "hash", algorithm, resultBytes };
}

/** A description of a MAC session. */
export async function describeMac(
  parameters: MacParameters,
): Promise<MacSession> {
  const { algorithm, key } = parameters;
  const { digestBytes } = requireAlgorithm("mac", algorithm);
  const { resultBytes = digestBytes } = parameters;
  const doing = `open a session of mac.${algorithm}`;
  return {
    service: "mac",
    algorithm,
    resultBytes,
    key: await secret(doing, "key", key),
  };
}

/** A description of an AEAD session. */
export async function describeAead(
  parameters: AeadParameters,
): Promise<AeadSession> {
  const { algorithm, direction, key } = parameters;
  const { tagBytes = DEFAULT_TAG_BYTES } = parameters;
  requireAlgorithm("aead", algorithm);
  const doing = `open a session of aead.${algorithm}`;
  return {
    service: "aead",
    algorithm,
    direction,
    tagBytes,
    key: await secret(doing, "key", key),
  };
}

/** A description of an AKCIPHER session. */
export async function describeAkcipher(
  parameters: RsaParameters | EcdsaParameters,
): Promise<RsaSession | EcdsaSession> {
  const own = { ...parameters };
  const { name } = requireAlgorithm("akcipher", own.algorithm);
  const doing = `open a session of akcipher.${name}`;
  const material = await asymmetric(doing, own.key);
  try {
    checkMaterial(doing, own, material);
    const { keyType, key } = material;
    if (own.algorithm === "rsa") {
      const { padding, hash = "none" } = own;
      return {
        service: "akcipher",
        algorithm: "rsa",
        keyType,
        key,
        padding,
        hash,
      };
    }
    const curve = curveOf(doing, own.curve, material.curve);
    return { service: "akcipher", algorithm: "ecdsa", keyType, key, curve };
  } catch (error) {
    material.key.fill(0);
    throw error;
  }
}

async function asymmetric(
  doing: string,
  key: AsymmetricKey,
): Promise<KeyMaterial> {
  try {
    return await takeAsymmetricKey(key);
  } catch (error) {
    throw keyProblem(doing, "key", error);
  }
}

/** The key is of the algorithm and of the half that are wanted. */
function checkMaterial(
  doing: string,
  wanted: { readonly algorithm: string; readonly keyType?: KeyType },
  material: KeyMaterial,
): void {
  if (material.algorithm !== wanted.algorithm) {
    throw wrongThing(
      doing,
      "key",
      `is of ${material.algorithm.toUpperCase()}`,
      `a key of ${wanted.algorithm.toUpperCase()}`,
    );
  }
  const { keyType } = wanted;
  if (keyType === undefined || keyType === material.keyType) return;
  throw wrongThing(
    doing,
    "key",
    `is a ${material.keyType} key`,
    `a ${keyType} one, since keyType is "${keyType}"`,
  );
}

function curveOf(
  doing: string,
  wanted: CurveName | undefined,
  found: CurveName | undefined,
): CurveName {
  if (wanted !== undefined && found !== undefined && wanted !== found) {
    throw wrongThing(doing, "key", `is of ${found}`, `a key of ${wanted}`);
  }
  const curve = wanted ?? found;
  if (curve !== undefined) return curve;
  const names = CURVES.map(({ name }) => name);
  throw wrongType(doing, "curve", undefined, oneOf(names));
}
