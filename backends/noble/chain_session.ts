/**
 * Algorithm chaining: a cipher with a hash or a MAC (virtio 1.4 §5.9.9.6).
 *
 * @module
 */

import type { ChainSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { KeyedCipher } from "./cipher_session.ts";
import type { Digest } from "./digest.ts";
import { makeMac, updateWithSegments, writeDigest } from "./digest_session.ts";
import { makeHash } from "./hashes.ts";
import type { Workspace } from "./workspace.ts";
import type { NobleSession } from "./session.ts";

const isInside = (start: number, lengthBytes: number, totalBytes: number) =>
  start >= 0 && lengthBytes >= 0 && start + lengthBytes <= totalBytes;

export class NobleChainSession implements NobleSession {
  readonly #cipher: KeyedCipher;
  readonly #digest: Digest;
  readonly #resultBytes: number;
  readonly #hashesFirst: boolean;

  constructor(description: ChainSession) {
    const { hashMode, hashAlgorithm, authKey } = description;
    this.#cipher = new KeyedCipher(description.cipher);
    this.#digest = hashMode === "plain"
      ? makeHash(hashAlgorithm)
      : makeMac(hashAlgorithm, authKey);
    this.#resultBytes = description.resultBytes;
    this.#hashesFirst = description.order === "hash-then-cipher";
  }

  run(operation: Operation, workspace: Workspace): OperationStatus {
    const { source, destination, cipherStart, cipherBytes } = operation;
    const { totalBytes } = source;
    if (
      !isInside(cipherStart, cipherBytes, totalBytes) ||
      !isInside(operation.hashStart, operation.hashBytes, totalBytes) ||
      !this.#cipher.accepts(operation.ivBytes, cipherBytes)
    ) return OperationStatus.Failed;
    const image = workspace.data.gather(source);
    const { view } = workspace.data;
    if (this.#hashesFirst) this.#hash(operation, image);
    this.#cipher.apply(view, cipherStart, cipherBytes, operation);
    if (!this.#hashesFirst) this.#hash(operation, image);
    const status = writeDigest(
      this.#digest,
      this.#resultBytes,
      operation,
      workspace,
    );
    if (status !== OperationStatus.Ok) return status;
    destination.write(0, image);
    operation.writtenBytes = totalBytes;
    return OperationStatus.Ok;
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#digest.wipe();
  }

  #hash(operation: Operation, image: Uint8Array): void {
    const { additionalData, hashStart, hashBytes } = operation;
    this.#digest.restart();
    updateWithSegments(this.#digest, additionalData);
    this.#digest.update(image.subarray(hashStart, hashStart + hashBytes));
  }
}
