/**
 * Legal sessions of every kind and legal requests of theirs: what tests and
 * fuzzers start from before they spoil something.
 *
 * @module
 */

import { algorithmByName } from "../algorithms/catalogue.ts";
import {
  keysOf,
  type SessionDescription,
} from "../algorithms/session_description.ts";
import { encodeDataHeader } from "../device/wire/data_header.ts";
import { layOutDataRequest } from "../device/wire/data_layout.ts";
import {
  DataRequest,
  MAXIMUM_HEADER_BYTES,
} from "../device/wire/data_request.ts";
import type { WireMode } from "../device/wire/mode.ts";
import { setParameters } from "../device/wire/session_numbers.ts";
import {
  EC_PRIVATE_KEY,
  EC_PUBLIC_KEY,
  RSA_PRIVATE_KEY,
  RSA_PUBLIC_KEY,
} from "./keys.ts";

const key = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => 3 + 7 * i);

const chain = (
  order: "hash-then-cipher" | "cipher-then-hash",
  direction: "encrypt" | "decrypt",
  hashMode: "plain" | "auth",
): SessionDescription => ({
  service: "chain",
  order,
  cipher: { algorithm: "aes-cbc", direction, key: key(32) },
  hashMode,
  hashAlgorithm: hashMode === "plain" ? "sha256" : "hmac-sha1",
  authKey: hashMode === "plain" ? new Uint8Array() : key(20),
  resultBytes: 12,
});

/** Sessions of every service; each call makes its own keys. */
export function legalSessions(): SessionDescription[] {
  const both = ["encrypt", "decrypt"] as const;
  return [
    ...both.flatMap((direction): SessionDescription[] => [
      { service: "cipher", algorithm: "aes-cbc", direction, key: key(16) },
      { service: "cipher", algorithm: "aes-ctr", direction, key: key(24) },
      { service: "cipher", algorithm: "aes-ecb", direction, key: key(32) },
      { service: "cipher", algorithm: "aes-xts", direction, key: key(64) },
      {
        service: "aead",
        algorithm: "gcm",
        direction,
        key: key(16),
        tagBytes: 16,
      },
      {
        service: "aead",
        algorithm: "ccm",
        direction,
        key: key(24),
        tagBytes: 8,
      },
      {
        service: "aead",
        algorithm: "chacha20-poly1305",
        direction,
        key: key(32),
        tagBytes: 16,
      },
      chain("hash-then-cipher", direction, "auth"),
      chain("cipher-then-hash", direction, "plain"),
    ]),
    { service: "hash", algorithm: "sha256", resultBytes: 32 },
    { service: "hash", algorithm: "md5", resultBytes: 7 },
    { service: "hash", algorithm: "sha3-512", resultBytes: 64 },
    {
      service: "mac",
      algorithm: "hmac-sha256",
      key: key(40),
      resultBytes: 32,
    },
    { service: "mac", algorithm: "cmac-aes", key: key(16), resultBytes: 10 },
    ...publicKeySessions(),
  ];
}

function publicKeySessions(): SessionDescription[] {
  const rsa = (
    keyType: "public" | "private",
    padding: "raw" | "pkcs1",
    hash: string,
  ): SessionDescription => ({
    service: "akcipher",
    algorithm: "rsa",
    keyType,
    key: (keyType === "public" ? RSA_PUBLIC_KEY : RSA_PRIVATE_KEY).slice(),
    padding,
    hash,
  });
  return [
    rsa("private", "raw", "none"),
    rsa("private", "pkcs1", "sha1"),
    rsa("public", "pkcs1", "sha256"),
    {
      service: "akcipher",
      algorithm: "ecdsa",
      keyType: "private",
      key: EC_PRIVATE_KEY.slice(),
      curve: "p256",
    },
    {
      service: "akcipher",
      algorithm: "ecdsa",
      keyType: "public",
      key: EC_PUBLIC_KEY.slice(),
      curve: "p256",
    },
  ];
}

/** Lengths and operation of a request. */
export interface RequestLengths {
  /** The last digit of the opcode: 0 and 1, and 2 and 3 for AKCIPHER. */
  readonly operation: number;
  readonly sourceBytes: number;
  readonly additionalDataBytes: number;
  /** AKCIPHER alone: the others' follows from the source. */
  readonly destinationBytes: number;
}

/** A request that its session allows, as far as the lengths do. */
export interface LegalRequest {
  readonly request: DataRequest;
  /** Header, keys, and zeros where the data goes. */
  readonly readable: Uint8Array<ArrayBuffer>;
  /** Without the status byte. */
  readonly writableBytes: number;
}

function ivBytesOf(description: SessionDescription): number {
  switch (description.service) {
    case "cipher":
      return algorithmByName("cipher", description.algorithm)!.ivBytes;
    case "chain":
      return algorithmByName("cipher", description.cipher.algorithm)!.ivBytes;
    case "aead":
      return 12;
    default:
      return 0;
  }
}

function ivFieldBytesOf(description: SessionDescription): number {
  return description.service === "aead"
    ? algorithmByName("aead", description.algorithm)!.ivFieldBytes ?? 0
    : 0;
}

/** Fills in what a session's requests say, in either request layout. */
export function describeRequest(
  request: DataRequest,
  description: SessionDescription,
  lengths: RequestLengths,
): void {
  request.clear();
  setParameters(request, description);
  request.opcode = request.service << 8 | lengths.operation;
  request.ivBytes = ivBytesOf(description);
  request.sourceBytes = lengths.sourceBytes;
  const { service } = description;
  if (service === "cipher" || service === "chain" || service === "aead") {
    request.destinationBytes = lengths.sourceBytes;
  }
  if (service === "aead" || service === "chain") {
    request.additionalDataBytes = lengths.additionalDataBytes;
  }
  if (service === "chain") {
    request.cipherBytes = lengths.sourceBytes;
    request.hashBytes = lengths.sourceBytes;
  }
  if (service === "akcipher") {
    if (lengths.operation === 3) {
      request.additionalDataBytes = lengths.additionalDataBytes;
    } else request.destinationBytes = lengths.destinationBytes;
  }
}

/** A request of `description`; without `sessionId` it is stateless. */
export function legalRequest(
  mode: WireMode,
  description: SessionDescription,
  sessionId: number | undefined,
  lengths: RequestLengths,
): LegalRequest {
  const request = new DataRequest();
  describeRequest(request, description, lengths);
  if (description.service === "aead") {
    if (lengths.operation === 0) {
      request.destinationBytes += request.digestBytes;
    } else request.sourceBytes += request.digestBytes;
  }
  if (sessionId === undefined) request.sessionMode = false;
  else {
    request.sessionId = sessionId;
    request.keyBytes = 0;
    request.authKeyBytes = 0;
  }
  const header = new Uint8Array(MAXIMUM_HEADER_BYTES);
  const headerBytes = encodeDataHeader(
    request,
    mode,
    new DataView(header.buffer),
  );
  request.authKeyAt = request.keyAt + request.keyBytes;
  layOutDataRequest(request, ivFieldBytesOf(description));
  const readable = new Uint8Array(request.readableBytes);
  readable.set(header.subarray(0, headerBytes));
  if (sessionId === undefined) {
    const [first, second] = keysOf(description);
    if (first) readable.set(first, request.keyAt);
    if (second) readable.set(second, request.authKeyAt);
  }
  return { request, readable, writableBytes: request.writableBytes };
}
