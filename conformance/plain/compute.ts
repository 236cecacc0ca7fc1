/**
 * What each session makes of a request, from contiguous bytes to contiguous
 * bytes: the conformance kit's own opinion.
 *
 * @module
 */

import type {
  AeadSession,
  ChainSession,
  EcdsaSession,
  RsaSession,
  SessionDescription,
} from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../../backends/backend.ts";
import type { Request, Result } from "../operations.ts";
import { plainOpen, plainSeal } from "./aeads.ts";
import { concatenate } from "./block_cipher.ts";
import { plainCipher } from "./ciphers.ts";
import { toInteger } from "./der.ts";
import { plainHash, plainMac } from "./digests.ts";
import { readEcdsaKey, sign, verify } from "./ecdsa.ts";
import {
  digestInfo,
  padBlock,
  privateTransform,
  publicTransform,
  readRsaKey,
  unpadBlock,
} from "./rsa.ts";

const EMPTY = new Uint8Array(0);

const done = (
  { destination = EMPTY, digest = EMPTY }: Partial<Result>,
): Result => ({ status: OperationStatus.Ok, destination, digest });

const failed = (status: OperationStatus): Result => ({
  status,
  destination: EMPTY,
  digest: EMPTY,
});

const bytesEqual = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function chainDigest(session: ChainSession, data: Uint8Array) {
  return session.hashMode === "plain"
    ? plainHash(session.hashAlgorithm, data, session.resultBytes)
    : plainMac(session.hashAlgorithm, session.authKey, data);
}

function chain(session: ChainSession, request: Request): Result | undefined {
  const { cipher } = session;
  const { source, cipherStart = 0, cipherBytes = 0 } = request;
  const { hashStart = 0, hashBytes = 0 } = request;
  const result = plainCipher(
    cipher.algorithm,
    cipher.direction,
    cipher.key,
    request.iv ?? EMPTY,
    source.subarray(cipherStart, cipherStart + cipherBytes),
  );
  if (!result) return undefined;
  const destination = source.slice();
  destination.set(result, cipherStart);
  const image = session.order === "cipher-then-hash" ? destination : source;
  const digest = chainDigest(
    session,
    concatenate(
      request.additionalData ?? EMPTY,
      image.subarray(hashStart, hashStart + hashBytes),
    ),
  )?.subarray(0, session.resultBytes);
  return digest && done({ destination, digest });
}

/** CCM's length field holds what the nonce leaves (SP 800-38C §A.1). */
const isOverlong = (session: AeadSession, { iv, source }: Request) =>
  session.algorithm === "ccm" && source.length >= 2 ** (8 * (15 - iv!.length));

function aead(session: AeadSession, request: Request): Result | undefined {
  if (isOverlong(session, request)) return failed(OperationStatus.Failed);
  const isEncryption = session.direction === "encrypt";
  const output = (isEncryption ? plainSeal : plainOpen)(
    session.algorithm,
    session.key,
    request.iv!,
    request.source,
    request.additionalData ?? EMPTY,
    session.tagBytes,
  );
  if (!output) return undefined;
  const { ciphertext: destination, tag: digest } = output;
  if (isEncryption) return done({ destination, digest });
  return bytesEqual(digest, request.tag!)
    ? done({ destination, digest })
    : failed(OperationStatus.BadTag);
}

function rsa(session: RsaSession, request: Request): Result {
  const key = readRsaKey(session);
  const { kind, source } = request;
  const padded = session.padding === "pkcs1";
  const finish = (destination: Uint8Array | undefined) =>
    destination && destination.length <= request.destinationBytes
      ? done({ destination })
      : failed(OperationStatus.Failed);
  if (kind === OperationKind.Encrypt) {
    const block = padded ? padBlock(key, 2, source) : source;
    return finish(block && publicTransform(key, block));
  }
  if (kind === OperationKind.Decrypt) {
    const block = privateTransform(key, source);
    return finish(block && padded ? unpadBlock(block) : block);
  }
  const data = kind === OperationKind.Sign ? source : request.additionalData!;
  const info = padded ? digestInfo(session.hash, data) : undefined;
  const block = info && padBlock(key, 1, info);
  if (!block) {
    const isVerdict = padded && kind === OperationKind.Verify;
    return failed(
      isVerdict ? OperationStatus.KeyRejected : OperationStatus.Failed,
    );
  }
  if (kind === OperationKind.Sign) return finish(privateTransform(key, block));
  const isGenuine = source.length === key.modulusBytes &&
    bytesEqual(publicTransform(key, source) ?? EMPTY, block);
  return isGenuine ? done({}) : failed(OperationStatus.KeyRejected);
}

function ecdsa(session: EcdsaSession, request: Request): Result {
  const key = readEcdsaKey(session);
  if (request.kind === OperationKind.Verify) {
    return verify(key, request.additionalData ?? EMPTY, request.source)
      ? done({})
      : failed(OperationStatus.KeyRejected);
  }
  // Deterministic, and of no use to anybody who wants a secret key kept.
  const nonce = toInteger(
    plainHash("sha512", concatenate(session.key, request.source), 64)!,
  );
  const destination = sign(key, request.source, nonce);
  return destination && destination.length <= request.destinationBytes
    ? done({ destination })
    : failed(OperationStatus.Failed);
}

/** The result of `request`, or `undefined` for an algorithm not known here. */
export function compute(
  session: SessionDescription,
  request: Request,
): Result | undefined {
  switch (session.service) {
    case "cipher": {
      const { algorithm, direction, key } = session;
      const iv = request.iv ?? EMPTY;
      const out = plainCipher(algorithm, direction, key, iv, request.source);
      return out && done({ destination: out });
    }
    case "hash": {
      const { algorithm, resultBytes } = session;
      const digest = plainHash(algorithm, request.source, resultBytes);
      return digest && done({ digest });
    }
    case "mac": {
      const digest = plainMac(session.algorithm, session.key, request.source);
      return digest &&
        done({ digest: digest.subarray(0, session.resultBytes) });
    }
    case "chain":
      return chain(session, request);
    case "aead":
      return aead(session, request);
    case "akcipher":
      return session.algorithm === "rsa"
        ? rsa(session, request)
        : ecdsa(session, request);
  }
}
