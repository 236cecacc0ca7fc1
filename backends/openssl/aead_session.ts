/**
 * AEAD sessions.
 *
 * @module
 */

import type { AeadSession } from "../../algorithms/session_description.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { type Aead, Ccm, StreamAead } from "./aead.ts";
import { GcmJ0 } from "./gcm_j0.ts";
import type { CryptoLibrary } from "./library.ts";
import { MAXIMUM_BYTES } from "./pieces.ts";
import { Scratch } from "./scratch.ts";
import {
  complete,
  fail,
  type OpensslSession,
  type ThreadContext,
} from "./session.ts";

/** An IV of this length is the pre-counter block of GCM. */
const J0_BYTES = 16;

/** An EVP name whose presence means that the algorithm can be had. */
export const AEAD_NEEDS: Readonly<Record<string, string>> = {
  "gcm": "AES-128-GCM",
  "ccm": "AES-128-CCM",
  "chacha20-poly1305": "ChaCha20-Poly1305",
};

function makeAead(
  library: CryptoLibrary,
  algorithm: string,
  key: Uint8Array,
  encrypts: boolean,
): Aead {
  switch (algorithm) {
    case "gcm":
      return new StreamAead(
        library,
        `AES-${8 * key.length}-GCM`,
        key,
        encrypts,
      );
    case "ccm":
      return new Ccm(library, key, encrypts);
    case "chacha20-poly1305":
      return new StreamAead(library, "ChaCha20-Poly1305", key, encrypts);
    default:
      throw new Error(`openssl has no AEAD "${algorithm}"`);
  }
}

class OpensslAeadSession implements OpensslSession {
  readonly #thread: ThreadContext;
  readonly #encrypts: boolean;
  readonly #aead: Aead;
  /** GCM only: kept for `#withJ0`. */
  readonly #key: Uint8Array | undefined;
  /** GCM with J0, made when a request first asks for it. */
  #withJ0: Aead | undefined;
  readonly #tag: Uint8Array<ArrayBuffer>;
  readonly #additionalData = new Scratch();

  constructor(thread: ThreadContext, description: AeadSession) {
    const { library } = thread;
    const { algorithm, key } = description;
    this.#thread = thread;
    this.#encrypts = description.direction === "encrypt";
    this.#tag = new Uint8Array(new ArrayBuffer(description.tagBytes));
    this.#aead = makeAead(library, algorithm, key, this.#encrypts);
    if (algorithm === "gcm") this.#key = key.slice();
  }

  #aeadFor(ivBytes: number): Aead {
    if (!this.#key || ivBytes !== J0_BYTES) return this.#aead;
    return this.#withJ0 ??= new GcmJ0(
      this.#thread.library,
      this.#key,
      this.#encrypts,
    );
  }

  perform(operation: Operation): void {
    const { source, destination, digest } = operation;
    if (
      destination.totalBytes !== source.totalBytes ||
      source.totalBytes > MAXIMUM_BYTES ||
      digest.totalBytes < this.#tag.length
    ) return fail(operation, this.#thread.library);
    const aead = this.#aeadFor(operation.ivBytes);
    if (!this.#encrypts) digest.read(0, this.#tag);
    if (!this.#begin(aead, operation)) {
      return fail(operation, this.#thread.library);
    }
    const good = this.#thread.worker.apply(aead, source, destination) &&
      aead.finish(this.#tag);
    if (!good) return this.#refuse(operation);
    if (this.#encrypts) digest.write(0, this.#tag);
    complete(operation, source.totalBytes);
  }

  /** Starts the message and takes its associated data. */
  #begin(aead: Aead, operation: Operation): boolean {
    const { iv, ivBytes, source, additionalData } = operation;
    return aead.start(iv, ivBytes, source.totalBytes, this.#tag) &&
      this.#absorb(aead, additionalData);
  }

  #absorb(aead: Aead, data: Segments): boolean {
    if (data.totalBytes > MAXIMUM_BYTES) return false;
    if (!aead.wholeAdditionalData || data.count <= 1) {
      return this.#thread.worker.read(data, aead.absorb);
    }
    const bytes = this.#additionalData.take(data.totalBytes);
    data.read(0, bytes);
    const done = aead.absorb(bytes);
    this.#additionalData.release();
    return done;
  }

  /** A wrong tag leaves no plaintext behind. */
  #refuse(operation: Operation): void {
    const { destination } = operation;
    destination.fill(0, destination.totalBytes, 0);
    const status = this.#encrypts
      ? OperationStatus.Failed
      : OperationStatus.BadTag;
    fail(operation, this.#thread.library, status);
  }

  close(): void {
    this.#aead.close();
    this.#withJ0?.close();
    this.#key?.fill(0);
    this.#tag.fill(0);
  }
}

export function openAeadSession(
  thread: ThreadContext,
  description: AeadSession,
): OpensslSession {
  return new OpensslAeadSession(thread, description);
}
