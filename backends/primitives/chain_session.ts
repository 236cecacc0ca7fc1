/**
 * Algorithm chaining: a cipher over one part of the source and a hash over
 * another, in either order (virtio 1.4 §5.9.9.6).
 *
 * @module
 */

import type { ChainSession } from "../../algorithms/session_description.ts";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import { Segments } from "../../memory/segments.ts";
import type { Operation } from "../backend.ts";
import { fitsCipher, sessionCipher } from "./cipher_session.ts";
import { LastRegion } from "./last_region.ts";
import { COPY } from "./pieces.ts";
import type { Cipher, Digester, PrimitiveSession } from "./primitives.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

export class PrimitiveChainSession implements PrimitiveSession {
  readonly #thread: ThreadContext;
  readonly #cipher: Cipher;
  readonly #digester: Digester;
  readonly #ivBytes: number;
  readonly #resultBytes: number;
  readonly #result = new LastRegion();
  readonly #hashesFirst: boolean;
  readonly #from = new Segments();
  readonly #to = new Segments();

  constructor(thread: ThreadContext, description: ChainSession) {
    const { cipher, hashMode, hashAlgorithm, resultBytes } = description;
    this.#thread = thread;
    this.#hashesFirst = description.order === "hash-then-cipher";
    this.#resultBytes = resultBytes;
    this.#ivBytes = algorithmByName("cipher", cipher.algorithm)!.ivBytes;
    this.#digester = hashMode === "plain"
      ? thread.primitives.makeHash(hashAlgorithm, resultBytes)
      : thread.primitives.makeMac(
        hashAlgorithm,
        description.authKey,
        resultBytes,
      );
    try {
      this.#cipher = sessionCipher(
        thread.primitives,
        cipher.algorithm,
        cipher.key,
        cipher.direction === "encrypt",
      );
    } catch (error) {
      this.#digester.close();
      throw error;
    }
  }

  perform(operation: Operation): void {
    const { primitives } = this.#thread;
    if (!this.#isInside(operation)) return fail(operation, primitives);
    const result = this.#hashesFirst
      ? this.#hashThenCipher(operation)
      : this.#cipherThenHash(operation);
    if (result) {
      const region = this.#result.of(result);
      operation.digest.copyIn(0, region, this.#resultBytes);
      complete(operation, operation.source.totalBytes);
    } else {
      fail(operation, primitives);
    }
  }

  /** Whether every range lies in the data and everything has its room. */
  #isInside(operation: Operation): boolean {
    const totalBytes = operation.source.totalBytes;
    return operation.cipherStart + operation.cipherBytes <= totalBytes &&
      operation.hashStart + operation.hashBytes <= totalBytes &&
      operation.destination.totalBytes === totalBytes &&
      operation.digest.totalBytes >= this.#resultBytes &&
      operation.ivBytes >= this.#ivBytes &&
      fitsCipher(this.#cipher, operation.cipherBytes);
  }

  #hashThenCipher(operation: Operation) {
    const result = this.#hash(operation, operation.source);
    return this.#encipher(operation) ? result : null;
  }

  #cipherThenHash(operation: Operation) {
    return this.#encipher(operation)
      ? this.#hash(operation, operation.destination)
      : null;
  }

  #hash(operation: Operation, image: Segments) {
    const digester = this.#digester;
    const { update, updateKept } = digester;
    const { worker } = this.#thread;
    this.#from.slice(image, operation.hashStart, operation.hashBytes);
    return digester.start() &&
        worker.read(operation.additionalData, update, updateKept) &&
        worker.read(this.#from, update, updateKept)
      ? digester.finish()
      : null;
  }

  #encipher(operation: Operation): boolean {
    const { cipherStart, cipherBytes, source, destination } = operation;
    const end = cipherStart + cipherBytes;
    this.#copyPart(source, destination, 0, cipherStart);
    this.#copyPart(source, destination, end, source.totalBytes - end);
    this.#from.slice(source, cipherStart, cipherBytes);
    this.#to.slice(destination, cipherStart, cipherBytes);
    return this.#cipher.start(operation.iv, operation.ivWords) &&
      this.#thread.worker.apply(this.#cipher, this.#from, this.#to);
  }

  #copyPart(
    source: Segments,
    destination: Segments,
    start: number,
    lengthBytes: number,
  ): void {
    if (lengthBytes === 0) return;
    this.#from.slice(source, start, lengthBytes);
    this.#to.slice(destination, start, lengthBytes);
    this.#thread.worker.apply(COPY, this.#from, this.#to);
  }

  close(): void {
    this.#from.release();
    this.#to.release();
    this.#cipher.close();
    this.#digester.close();
  }
}
