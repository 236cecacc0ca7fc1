/**
 * Sessions of ciphers, hashes, MACs and chains of them.
 *
 * @module
 */

import type {
  ChainSession,
  CipherSession,
  HashSession,
  MacSession,
} from "../../algorithms/session_description.ts";
import {
  type CopiedOperation,
  OperationStatus,
  type Outcome,
} from "../backend.ts";
import { makeCipher, type WebCipher } from "./ciphers.ts";
import { makeHash, makeMac, type WebDigest } from "./digests.ts";
import type { WebSession } from "./session.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const FAILED: Outcome = { status: OperationStatus.Failed, writtenBytes: 0 };

const done = (writtenBytes: number): Outcome => ({
  status: OperationStatus.Ok,
  writtenBytes,
});

export async function openCipher(
  description: CipherSession,
): Promise<WebSession> {
  const cipher = await makeCipher(description);
  return {
    async run({ source, destination, iv }) {
      if (source.length % cipher.blockBytes !== 0) return FAILED;
      destination.set(await cipher.apply(source, iv));
      return done(source.length);
    },
  };
}

const digestSession = (digest: WebDigest): WebSession => ({
  async run(operation) {
    const found = await digest(operation.source);
    // A session may ask for the first bytes only.
    operation.digest.set(found.subarray(0, operation.digest.length));
    return done(0);
  },
});

export function openHash({ algorithm }: HashSession): WebSession {
  return digestSession(makeHash(algorithm));
}

export async function openMac(
  { algorithm, key }: MacSession,
): Promise<WebSession> {
  return digestSession(await makeMac(algorithm, key));
}

/** Algorithm chaining: a cipher with a hash or a MAC (virtio 1.4 §5.9.9.6). */
export async function openChain(
  { cipher, order, hashMode, hashAlgorithm, authKey }: ChainSession,
): Promise<WebSession> {
  const digest = hashMode === "plain"
    ? makeHash(hashAlgorithm)
    : await makeMac(hashAlgorithm, authKey);
  const keyed = await makeCipher(cipher);
  const hashesFirst = order === "hash-then-cipher";
  return {
    run: (operation) => runChain(operation, keyed, digest, hashesFirst),
  };
}

const isInside = (start: number, lengthBytes: number, totalBytes: number) =>
  start >= 0 && lengthBytes >= 0 && start + lengthBytes <= totalBytes;

async function runChain(
  operation: CopiedOperation,
  cipher: WebCipher,
  digest: WebDigest,
  hashesFirst: boolean,
): Promise<Outcome> {
  const { source, destination, cipherStart, cipherBytes, iv } = operation;
  const { hashStart, hashBytes } = operation;
  if (
    !isInside(cipherStart, cipherBytes, source.length) ||
    !isInside(hashStart, hashBytes, source.length) ||
    cipherBytes % cipher.blockBytes !== 0
  ) return FAILED;
  const result = source.slice();
  const part = source.slice(cipherStart, cipherStart + cipherBytes);
  result.set(await cipher.apply(part, iv), cipherStart);
  const hashed = hashesFirst ? source : result;
  const range = hashed.subarray(hashStart, hashStart + hashBytes);
  const found = await digest(joined(operation.additionalData, range));
  destination.set(result);
  operation.digest.set(found.subarray(0, operation.digest.length));
  return done(source.length);
}

function joined(first: Bytes, second: Bytes): Bytes {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
