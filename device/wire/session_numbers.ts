/**
 * The driver's way from a session description to the standards' numbers.
 *
 * @module
 */

import { algorithmByName, type Service } from "../../algorithms/catalogue.ts";
import { CURVES, RSA_HASHES } from "../../algorithms/public_key.ts";
import type {
  ChainSession,
  Direction,
  EcdsaSession,
  RsaSession,
  SessionDescription,
} from "../../algorithms/session_description.ts";
import {
  ChainOrderNumber,
  DirectionNumber,
  HashMode,
  KeyTypeNumber,
  RsaPaddingNumber,
  ServiceNumber,
  serviceNumber,
  SymmetricOperation,
} from "./opcodes.ts";
import type { SessionParameters } from "./session_parameters.ts";

/**
 * Fills `parameters` with the numbers of `description`.
 *
 * @throws RangeError when the catalogue does not have a name in it.
 */
export function setParameters(
  parameters: SessionParameters,
  description: SessionDescription,
): void {
  parameters.clearParameters();
  if (description.service === "chain") {
    return setChain(parameters, description);
  }
  const { service, algorithm } = description;
  parameters.service = serviceNumber(service);
  parameters.algorithm = algorithmNumber(service, algorithm);
  if (service === "hash") {
    parameters.digestBytes = description.resultBytes;
    return;
  }
  parameters.keyBytes = description.key.length;
  if (service === "mac") {
    parameters.digestBytes = description.resultBytes;
  } else if (service === "akcipher") {
    setAkcipher(parameters, description);
  } else {
    parameters.direction = directionNumber(description.direction);
    if (service === "aead") parameters.digestBytes = description.tagBytes;
    else parameters.opType = SymmetricOperation.Cipher;
  }
}

function algorithmNumber(service: Service, name: string): number {
  const algorithm = algorithmByName(service, name);
  if (algorithm) return algorithm.number;
  throw new RangeError(`Cannot encode ${service} algorithm "${name}"`);
}

function directionNumber(direction: Direction): number {
  return direction === "encrypt"
    ? DirectionNumber.Encrypt
    : DirectionNumber.Decrypt;
}

function setChain(parameters: SessionParameters, chain: ChainSession): void {
  const plain = chain.hashMode === "plain";
  parameters.service = ServiceNumber.Cipher;
  parameters.opType = SymmetricOperation.Chaining;
  parameters.algorithm = algorithmNumber("cipher", chain.cipher.algorithm);
  parameters.direction = directionNumber(chain.cipher.direction);
  parameters.keyBytes = chain.cipher.key.length;
  parameters.chainOrder = chain.order === "hash-then-cipher"
    ? ChainOrderNumber.HashThenCipher
    : ChainOrderNumber.CipherThenHash;
  parameters.hashMode = plain ? HashMode.Plain : HashMode.Auth;
  parameters.hashAlgorithm = algorithmNumber(
    plain ? "hash" : "mac",
    chain.hashAlgorithm,
  );
  parameters.authKeyBytes = plain ? 0 : chain.authKey.length;
  parameters.digestBytes = chain.resultBytes;
}

function setAkcipher(
  parameters: SessionParameters,
  session: RsaSession | EcdsaSession,
): void {
  parameters.keyType = session.keyType === "public"
    ? KeyTypeNumber.Public
    : KeyTypeNumber.Private;
  if (session.algorithm === "ecdsa") {
    parameters.curve = numberOf(CURVES, session.curve);
    return;
  }
  parameters.rsaPadding = session.padding === "raw"
    ? RsaPaddingNumber.Raw
    : RsaPaddingNumber.Pkcs1;
  parameters.rsaHash = numberOf(RSA_HASHES, session.hash);
}

function numberOf(
  entries: readonly { readonly name: string; readonly number: number }[],
  name: string,
): number {
  const entry = entries.find((entry) => entry.name === name);
  if (entry) return entry.number;
  throw new RangeError(`Cannot encode "${name}"`);
}
