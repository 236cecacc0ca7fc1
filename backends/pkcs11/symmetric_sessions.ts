/**
 * CIPHER, HASH and MAC sessions, and chains of them.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type {
  ChainSession,
  CipherSession,
  HashSession,
  MacSession,
} from "../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { TokenCipher } from "./ciphers.ts";
import { makeHash, makeMac, type TokenDigest } from "./digests.ts";
import {
  complete,
  gather,
  type Pkcs11Session,
  type TokenThread,
  unlessRefused,
} from "./session.ts";
import type { Bytes } from "./token_session.ts";

/** Whether a cipher takes data of this length. */
function fits(algorithm: string, lengthBytes: number): boolean {
  const { blockBytes } = algorithmByName("cipher", algorithm)!;
  return lengthBytes % blockBytes === 0;
}

export class Pkcs11CipherSession implements Pkcs11Session {
  readonly #thread: TokenThread;
  readonly #algorithm: string;
  readonly #cipher: TokenCipher;

  constructor(thread: TokenThread, description: CipherSession) {
    const { algorithm, key, direction } = description;
    this.#thread = thread;
    this.#algorithm = algorithm;
    this.#cipher = new TokenCipher(
      thread.token,
      algorithm,
      key,
      direction === "encrypt",
    );
  }

  run(operation: Operation): OperationStatus {
    const { source, destination, iv } = operation;
    const { token } = this.#thread;
    const { totalBytes } = source;
    if (
      destination.totalBytes !== totalBytes ||
      !fits(this.#algorithm, totalBytes)
    ) return OperationStatus.Failed;
    if (totalBytes === 0) return complete(operation, 0);
    const input = gather(this.#thread.input, source);
    const output = this.#thread.output.take(totalBytes);
    const done = unlessRefused(token, () => {
      this.#cipher.run(iv as Bytes, input, totalBytes, output);
      return true;
    });
    if (!done) return OperationStatus.Failed;
    destination.write(0, output);
    return complete(operation, totalBytes);
  }

  close(): void {
    this.#cipher.close();
  }
}

/** HASH and MAC. */
export class Pkcs11DigestSession implements Pkcs11Session {
  readonly #thread: TokenThread;
  readonly #digest: TokenDigest;
  readonly #resultBytes: number;

  constructor(thread: TokenThread, description: HashSession | MacSession) {
    const { algorithm, resultBytes } = description;
    this.#thread = thread;
    this.#resultBytes = resultBytes;
    this.#digest = description.service === "hash"
      ? makeHash(thread.token, algorithm)
      : makeMac(thread.token, algorithm, description.key);
  }

  run(operation: Operation): OperationStatus {
    const { source, digest } = operation;
    if (digest.totalBytes < this.#resultBytes) return OperationStatus.Failed;
    const input = gather(this.#thread.input, source);
    const result = unlessRefused(
      this.#thread.token,
      () => this.#digest.run(input, source.totalBytes),
    );
    if (!result) return OperationStatus.Failed;
    digest.write(0, result.subarray(0, this.#resultBytes));
    return complete(operation, 0);
  }

  close(): void {
    this.#digest.close();
  }
}

/** Algorithm chaining (virtio 1.4 §5.9.9.6). */
export class Pkcs11ChainSession implements Pkcs11Session {
  readonly #thread: TokenThread;
  readonly #description: Omit<ChainSession, "authKey">;
  readonly #cipher: TokenCipher;
  readonly #digest: TokenDigest;

  constructor(thread: TokenThread, description: ChainSession) {
    const { cipher, hashMode, hashAlgorithm, authKey } = description;
    this.#thread = thread;
    this.#description = description;
    this.#digest = hashMode === "plain"
      ? makeHash(thread.token, hashAlgorithm)
      : makeMac(thread.token, hashAlgorithm, authKey);
    try {
      this.#cipher = new TokenCipher(
        thread.token,
        cipher.algorithm,
        cipher.key,
        cipher.direction === "encrypt",
      );
    } catch (error) {
      this.#digest.close();
      throw error;
    }
  }

  run(operation: Operation): OperationStatus {
    if (!this.#isInside(operation)) return OperationStatus.Failed;
    const { source, destination, digest } = operation;
    const { resultBytes } = this.#description;
    const input = gather(this.#thread.input, source);
    const output = this.#thread.output.take(Math.max(source.totalBytes, 1));
    const result = unlessRefused(this.#thread.token, () => {
      this.#encipher(operation, input, output);
      const { order } = this.#description;
      const hashed = order === "hash-then-cipher" ? input : output;
      return this.#hash(operation, hashed);
    });
    if (!result) return OperationStatus.Failed;
    if (source.totalBytes > 0) {
      destination.write(0, output.subarray(0, source.totalBytes));
    }
    digest.write(0, result.subarray(0, resultBytes));
    return complete(operation, source.totalBytes);
  }

  /** Whether every range lies in the data and everything has its room. */
  #isInside(operation: Operation): boolean {
    const { source, destination, digest } = operation;
    const { totalBytes } = source;
    const { cipherStart, cipherBytes, hashStart, hashBytes } = operation;
    const { cipher, resultBytes } = this.#description;
    return cipherStart + cipherBytes <= totalBytes &&
      hashStart + hashBytes <= totalBytes &&
      destination.totalBytes === totalBytes &&
      digest.totalBytes >= resultBytes &&
      fits(cipher.algorithm, cipherBytes);
  }

  /** What is outside the cipher's range comes out as it is. */
  #encipher(operation: Operation, input: Bytes, output: Bytes): void {
    const { cipherStart, cipherBytes, source, iv } = operation;
    const end = cipherStart + cipherBytes;
    output.set(input.subarray(0, cipherStart));
    output.set(input.subarray(end, source.totalBytes), end);
    this.#cipher.run(
      iv as Bytes,
      input.subarray(cipherStart, end),
      cipherBytes,
      output.subarray(cipherStart, end),
    );
  }

  #hash(operation: Operation, image: Bytes): Bytes {
    const { additionalData, hashStart, hashBytes } = operation;
    const totalBytes = additionalData.totalBytes + hashBytes;
    const room = this.#thread.additionalData.take(Math.max(totalBytes, 1));
    if (additionalData.totalBytes > 0) {
      additionalData.read(0, room.subarray(0, additionalData.totalBytes));
    }
    room.set(
      image.subarray(hashStart, hashStart + hashBytes),
      additionalData.totalBytes,
    );
    return this.#digest.run(room, totalBytes);
  }

  close(): void {
    this.#cipher.close();
    this.#digest.close();
  }
}
