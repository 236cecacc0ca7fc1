/**
 * What the tests of the wire formats share: structures written by hand, and one
 * session of every algorithm.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  HASHES,
  MACS,
} from "../algorithms/catalogue.ts";
import { CURVES, RSA_HASHES } from "../algorithms/public_key.ts";
import type {
  ChainSession,
  Direction,
  SessionDescription,
} from "../algorithms/session_description.ts";

/** `length` zero bytes with le32 `value` at each `offset`. */
export function structure(
  length: number,
  fields: Readonly<Record<number, number>>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (const [offset, value] of Object.entries(fields)) {
    view.setUint32(Number(offset), value, true);
  }
  return bytes;
}

/** `length` bytes that differ from their neighbours. */
export function keyOf(length: number, first: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => first + index * 7);
}

/** The pieces one after the other. */
export function joined(
  ...pieces: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

const DIRECTIONS: readonly Direction[] = ["encrypt", "decrypt"];

/** A chain of AES-CBC with the hash or MAC. */
export function chainOf(
  hashMode: "plain" | "auth",
  hashAlgorithm: string,
  order: ChainSession["order"],
): ChainSession {
  return {
    service: "chain",
    order,
    cipher: {
      algorithm: "aes-cbc",
      direction: order === "cipher-then-hash" ? "encrypt" : "decrypt",
      key: keyOf(24, 3),
    },
    hashMode,
    hashAlgorithm,
    authKey: hashMode === "plain" ? new Uint8Array() : keyOf(20, 9),
    resultBytes: 12,
  };
}

const chains: SessionDescription[] = [
  ...HASHES.map((hash) => chainOf("plain", hash.name, "hash-then-cipher")),
  ...MACS.map((mac) => chainOf("auth", mac.name, "cipher-then-hash")),
  chainOf("auth", "hmac-sha1", "hash-then-cipher"),
];

function sessionsOf(algorithm: Algorithm): SessionDescription[] {
  const { service, name } = algorithm;
  switch (service) {
    case "cipher":
      return DIRECTIONS.map((direction) => ({
        service,
        algorithm: name,
        direction,
        key: keyOf(algorithm.keyBytes.minimum, 1),
      }));
    case "hash":
      return [{ service, algorithm: name, resultBytes: 16 }];
    case "mac":
      return [{ service, algorithm: name, key: keyOf(16, 2), resultBytes: 4 }];
    case "aead":
      return DIRECTIONS.map((direction) => ({
        service,
        algorithm: name,
        direction,
        key: keyOf(32, 4),
        tagBytes: 16,
      }));
    case "akcipher":
      return [];
  }
}

const rsa: SessionDescription[] = RSA_HASHES.map((hash) => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType: "private",
  key: keyOf(600, 5),
  padding: "pkcs1",
  hash: hash.name,
}));

const rsaRaw: SessionDescription = {
  service: "akcipher",
  algorithm: "rsa",
  keyType: "public",
  key: keyOf(140, 6),
  padding: "raw",
  hash: "none",
};

const ecdsa: SessionDescription[] = CURVES.map((curve) => ({
  service: "akcipher",
  algorithm: "ecdsa",
  keyType: curve.number % 2 === 0 ? "public" : "private",
  key: keyOf(65, 8),
  curve: curve.name,
}));

/** A session of every algorithm, direction, RSA hash and curve. */
export const EVERY_SESSION: readonly SessionDescription[] = [
  ...ALGORITHMS.flatMap(sessionsOf),
  ...chains,
  ...rsa,
  rsaRaw,
  ...ecdsa,
];
