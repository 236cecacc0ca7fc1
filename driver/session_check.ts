/**
 * What is wrong with a session that an application wants, told before the device
 * is asked: by the catalogue, and by the device's config space.
 *
 * @module
 */

import {
  algorithmByName,
  ALGORITHMS,
  allowsLength,
  type Lengths,
  type Service,
} from "../algorithms/catalogue.ts";
import { closestName } from "../algorithms/closest_name.ts";
import { findIllegal } from "../algorithms/legality.ts";
import { CURVES, RSA_HASHES } from "../algorithms/public_key.ts";
import {
  type ChainSession,
  keysOf,
  type SessionDescription,
} from "../algorithms/session_description.ts";
import type { ConfigSpace } from "../device/wire/config_space.ts";
import { SERVICES } from "../device/wire/opcodes.ts";
import {
  describeLengths,
  oneOf,
  wrongLength,
  wrongType,
  wrongValue,
} from "./argument.ts";
import { describeTarget } from "./session_control.ts";
import { suggestion } from "./suggestion.ts";

const DIRECTIONS = ["encrypt", "decrypt"] as const;

/** The algorithm of a name; throws where the service has none of that name. */
export function requireAlgorithm<S extends Service>(
  service: S,
  name: unknown,
  argument = "algorithm",
): NonNullable<ReturnType<typeof algorithmByName<S>>> {
  const doing = `open ${
    service.startsWith("a") ? "an" : "a"
  } ${service} session`;
  if (typeof name !== "string") {
    throw wrongType(doing, argument, name, "a name of an algorithm");
  }
  const algorithm = algorithmByName(service, name);
  if (algorithm) return algorithm;
  const names = ALGORITHMS.filter((one) => one.service === service)
    .map((one) => one.name);
  throw wrongValue(
    doing,
    argument,
    name,
    `${oneOf(names)}${suggestion(service, name)}`,
  );
}

/** Throws where `value` is none of `all`. */
export function requireOneOf(
  doing: string,
  argument: string,
  value: unknown,
  all: readonly string[],
): void {
  if (all.includes(value as string)) return;
  const near = typeof value === "string" ? closestName(value, all) : undefined;
  throw wrongValue(
    doing,
    argument,
    value,
    oneOf(all) + (near === undefined ? "" : `; did you mean "${near}"?`),
  );
}

/**
 * Throws where the session cannot be: a TypeError or RangeError that names the
 * argument, its value and what was expected.
 */
export function checkSession(
  description: SessionDescription,
  config: ConfigSpace | undefined,
): void {
  checkParts(description);
  const doing = `open a session of ${describeTarget(description)}`;
  // What all backends refuse, should the checks above have missed it.
  const illegal = findIllegal(description);
  if (illegal) throw new RangeError(`Cannot ${doing}: ${illegal.reason}`);
  if (config) checkOffers(doing, description, config);
}

function checkParts(description: SessionDescription): void {
  const { service } = description;
  switch (service) {
    case "cipher":
      return checkCipher(description.algorithm, description, "");
    case "chain":
      return checkChain(description);
    case "hash":
    case "mac": {
      const { name } = requireAlgorithm(service, description.algorithm);
      const doing = `open a session of ${service}.${name}`;
      if (service === "mac") checkMacKey(doing, name, "key", description.key);
      return checkResult(doing, service, name, description.resultBytes);
    }
    case "aead": {
      const algorithm = requireAlgorithm("aead", description.algorithm);
      const doing = `open a session of aead.${algorithm.name}`;
      requireOneOf(doing, "direction", description.direction, DIRECTIONS);
      checkKey(doing, "key", algorithm.keyBytes, description.key);
      const { tagBytes } = description;
      if (algorithm.tagBytes.includes(tagBytes)) return;
      throw wrongValue(doing, "tagBytes", tagBytes, oneOf(algorithm.tagBytes));
    }
    case "akcipher":
      return checkPublicKeySession(description);
  }
}

function checkCipher(
  name: unknown,
  { direction, key }: { direction: unknown; key: Uint8Array },
  prefix: string,
): void {
  const algorithm = requireAlgorithm("cipher", name, `${prefix}algorithm`);
  const doing = `open a session of cipher.${algorithm.name}`;
  requireOneOf(doing, `${prefix}direction`, direction, DIRECTIONS);
  checkKey(doing, `${prefix}key`, algorithm.keyBytes, key);
}

function checkChain(description: ChainSession): void {
  const { cipher, hashMode, hashAlgorithm, authKey, order } = description;
  checkCipher(cipher.algorithm, cipher, "cipher.");
  const doing = "open a chain session";
  requireOneOf(doing, "order", order, ["hash-then-cipher", "cipher-then-hash"]);
  const service = hashMode === "plain" ? "hash" : "mac";
  const { name } = requireAlgorithm(service, hashAlgorithm, "hashAlgorithm");
  if (service === "mac") checkMacKey(doing, name, "authKey", authKey);
  else if (authKey.length > 0) {
    throw wrongLength(doing, "authKey", authKey.length, "none for a hash");
  }
  checkResult(doing, service, name, description.resultBytes);
}

function checkMacKey(
  doing: string,
  name: string,
  argument: string,
  key: Uint8Array,
): void {
  checkKey(doing, argument, algorithmByName("mac", name)!.keyBytes, key);
}

function checkKey(
  doing: string,
  argument: string,
  allowed: Lengths,
  key: Uint8Array,
): void {
  if (allowsLength(allowed, key.length)) return;
  throw wrongLength(doing, argument, key.length, describeLengths(allowed));
}

function checkResult(
  doing: string,
  service: "hash" | "mac",
  name: string,
  resultBytes: number,
): void {
  const algorithm = algorithmByName(service, name)!;
  const maximum = "maximumResultBytes" in algorithm
    ? algorithm.maximumResultBytes
    : algorithm.digestBytes;
  const fits = Number.isInteger(resultBytes) && resultBytes >= 1 &&
    resultBytes <= maximum;
  if (fits) return;
  throw wrongValue(doing, "resultBytes", resultBytes, `1 to ${maximum}`);
}

type PublicKeySession = Extract<SessionDescription, { service: "akcipher" }>;

function checkPublicKeySession(description: PublicKeySession): void {
  const { name } = requireAlgorithm("akcipher", description.algorithm);
  const doing = `open a session of akcipher.${name}`;
  requireOneOf(doing, "keyType", description.keyType, ["public", "private"]);
  if (description.algorithm === "ecdsa") {
    const curves = CURVES.map((curve) => curve.name);
    return requireOneOf(doing, "curve", description.curve, curves);
  }
  requireOneOf(doing, "padding", description.padding, ["raw", "pkcs1"]);
  const hashes = RSA_HASHES.map((hash) => hash.name);
  requireOneOf(doing, "hash", description.hash, hashes);
}

/** The device has the service, the algorithm and room for the keys. */
function checkOffers(
  doing: string,
  description: SessionDescription,
  config: ConfigSpace,
): void {
  const isChain = description.service === "chain";
  const service = isChain ? "cipher" : description.service;
  const { algorithm } = isChain ? description.cipher : description;
  const offered = offeredOf(config, service);
  if (!offered.includes(algorithm)) {
    throw new RangeError(
      `Cannot ${doing}: the device does not offer it; of ${service} it ` +
        `offers ${offered.join(", ") || "nothing"}`,
    );
  }
  const [key, authKey] = service === "mac"
    ? [undefined, ...keysOf(description)]
    : keysOf(description);
  const { maxCipherKeyBytes, maxAuthKeyBytes } = config;
  // Keys of public-key sessions have no such limit (virtio 1.4 §5.9.5).
  if (key && service !== "akcipher" && key.length > maxCipherKeyBytes) {
    const most = `at most ${maxCipherKeyBytes} of this device`;
    throw wrongLength(doing, "key", key.length, most);
  }
  if (authKey && authKey.length > maxAuthKeyBytes) {
    const most = `at most ${maxAuthKeyBytes} of this device`;
    const argument = isChain ? "authKey" : "key";
    throw wrongLength(doing, argument, authKey.length, most);
  }
}

/** Names of the algorithms of a service that the device offers. */
function offeredOf(config: ConfigSpace, service: Service): string[] {
  if ((config.services >>> SERVICES.indexOf(service) & 1) === 0) return [];
  const masks: Readonly<Record<Service, bigint>> = {
    cipher: config.cipherAlgorithms,
    hash: BigInt(config.hashAlgorithms),
    mac: config.macAlgorithms,
    aead: BigInt(config.aeadAlgorithms),
    akcipher: BigInt(config.akcipherAlgorithms),
  };
  return ALGORITHMS.filter((one) =>
    one.service === service &&
    (masks[service] >> BigInt(one.number) & 1n) === 1n
  ).map(({ name }) => name);
}
