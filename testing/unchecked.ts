/**
 * A driver's sessions without its checks, for tests of what a device does with
 * wrong ones.
 *
 * @module
 */

import { algorithmByName } from "../algorithms/catalogue.ts";
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
import {
  type Driver,
  openUnchecked,
  type SessionOptions,
} from "../driver/driver.ts";

type Parameters<D, Optional extends keyof D = never> =
  & Omit<D, "service" | Optional>
  & Partial<Pick<D, Optional>>;

const resultBytesOf = (service: "hash" | "mac", name: string): number =>
  algorithmByName(service, name)!.digestBytes;

/** The driver's methods, which send what they are given. */
export function unchecked(driver: Driver) {
  const open = <D extends SessionDescription>(
    description: D,
    options?: SessionOptions,
  ) => openUnchecked(driver, description, options);
  return {
    createSession: open,
    cipher: (parameters: Parameters<CipherSession>, options?: SessionOptions) =>
      open<CipherSession>({ service: "cipher", ...parameters }, options),
    chain: (
      parameters: Parameters<ChainSession, "authKey" | "resultBytes">,
      options?: SessionOptions,
    ) =>
      open<ChainSession>({
        service: "chain",
        authKey: new Uint8Array(0),
        resultBytes: resultBytesOf(
          parameters.hashMode === "plain" ? "hash" : "mac",
          parameters.hashAlgorithm,
        ),
        ...parameters,
      }, options),
    hash: (
      parameters: Parameters<HashSession, "resultBytes">,
      options?: SessionOptions,
    ) =>
      open<HashSession>({
        service: "hash",
        resultBytes: resultBytesOf("hash", parameters.algorithm),
        ...parameters,
      }, options),
    mac: (
      parameters: Parameters<MacSession, "resultBytes">,
      options?: SessionOptions,
    ) =>
      open<MacSession>({
        service: "mac",
        resultBytes: resultBytesOf("mac", parameters.algorithm),
        ...parameters,
      }, options),
    aead: (
      parameters: Parameters<AeadSession, "tagBytes">,
      options?: SessionOptions,
    ) =>
      open<AeadSession>(
        { service: "aead", tagBytes: 16, ...parameters },
        options,
      ),
    akcipher: (
      parameters: Parameters<RsaSession> | Parameters<EcdsaSession>,
      options?: SessionOptions,
    ) =>
      open<RsaSession | EcdsaSession>(
        { service: "akcipher", ...parameters } as RsaSession | EcdsaSession,
        options,
      ),
  };
}
