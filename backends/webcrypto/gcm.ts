/**
 * AES-GCM through Web Crypto: at once for what it has, and out of its parts for
 * the rest.
 *
 * @module
 */

import type { AeadSession } from "../../algorithms/session_description.ts";
import {
  type CopiedOperation,
  OperationStatus,
  type Outcome,
} from "../backend.ts";
import { applyCounter, importAesKey } from "./ciphers.ts";
import type { WebSession } from "./session.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const BLOCK_BYTES = 16;
const NONCE_BYTES = 12;
const FULL_TAG_BYTES = 16;
/** GCM counts in the last 32 bits of the block (SP 800-38D §6.2). */
const COUNTER_BITS = 32;
/** Any nonce does for the tag of a ciphertext, whose mask is exchanged. */
const NO_NONCE = new Uint8Array(NONCE_BYTES);

/** A session of AES-GCM. */
export class WebGcmSession implements WebSession {
  readonly #key: CryptoKey;
  /** The same key for counter mode. */
  readonly #counterKey: CryptoKey;
  readonly #tagBytes: number;
  readonly #encrypts: boolean;

  private constructor(
    { tagBytes, direction }: AeadSession,
    key: CryptoKey,
    counterKey: CryptoKey,
  ) {
    this.#key = key;
    this.#counterKey = counterKey;
    this.#tagBytes = tagBytes;
    this.#encrypts = direction === "encrypt";
  }

  static async open(description: AeadSession): Promise<WebGcmSession> {
    const { key } = description;
    return new WebGcmSession(
      description,
      await importAesKey(key, "AES-GCM"),
      await importAesKey(key, "AES-CTR"),
    );
  }

  run(operation: CopiedOperation): Promise<Outcome> {
    const isNonce = operation.iv.length === NONCE_BYTES;
    if (this.#encrypts) {
      return isNonce ? this.#encrypt(operation) : this.#encryptParts(operation);
    }
    return isNonce && this.#tagBytes === FULL_TAG_BYTES
      ? this.#decrypt(operation)
      : this.#decryptParts(operation);
  }

  async #encrypt(operation: CopiedOperation): Promise<Outcome> {
    const { iv, source, additionalData, destination, digest } = operation;
    const tagLength = 8 * this.#tagBytes;
    const sealed = new Uint8Array(
      await crypto.subtle.encrypt(
        { name: "AES-GCM", iv, additionalData, tagLength },
        this.#key,
        source,
      ),
    );
    destination.set(sealed.subarray(0, source.length));
    digest.set(sealed.subarray(source.length));
    return outcome(OperationStatus.Ok, source.length);
  }

  async #decrypt(operation: CopiedOperation): Promise<Outcome> {
    const { iv, source, additionalData, destination, digest } = operation;
    const sealed = new Uint8Array(source.length + digest.length);
    sealed.set(source);
    sealed.set(digest, source.length);
    let opened: ArrayBuffer;
    try {
      const parameters = { name: "AES-GCM", iv, additionalData };
      opened = await crypto.subtle.decrypt(parameters, this.#key, sealed);
    } catch (error) {
      if ((error as Error).name !== "OperationError") throw error;
      return outcome(OperationStatus.BadTag);
    }
    destination.set(new Uint8Array(opened));
    return outcome(OperationStatus.Ok, source.length);
  }

  /** For IV fields that hold the whole first counter block. */
  async #encryptParts(operation: CopiedOperation): Promise<Outcome> {
    const { source, destination, digest } = operation;
    const block = counterBlock(operation.iv);
    destination.set(await this.#apply(source, next(block)));
    const tag = await this.#tag(operation, destination, block);
    digest.set(tag.subarray(0, digest.length));
    return outcome(OperationStatus.Ok, source.length);
  }

  /** For those, and for short tags, which this runtime does not verify. */
  async #decryptParts(operation: CopiedOperation): Promise<Outcome> {
    const { source, destination, digest } = operation;
    const block = counterBlock(operation.iv);
    const tag = await this.#tag(operation, source, block);
    if (!areEqual(tag.subarray(0, digest.length), digest)) {
      return outcome(OperationStatus.BadTag);
    }
    destination.set(await this.#apply(source, next(block)));
    return outcome(OperationStatus.Ok, source.length);
  }

  #apply(data: Bytes, block: Bytes): Promise<Bytes> {
    return applyCounter(this.#counterKey, data, block, COUNTER_BITS);
  }

  /**
   * The tag of a ciphertext: that which another nonce gives for it, with the mask
   * of that nonce exchanged for the right one (SP 800-38D §7.1, steps 5 and 6).
   */
  async #tag(
    { additionalData }: CopiedOperation,
    ciphertext: Bytes,
    block: Bytes,
  ): Promise<Bytes> {
    const other = counterBlock(NO_NONCE);
    const plaintext = await this.#apply(ciphertext, next(other));
    const sealed = new Uint8Array(
      await crypto.subtle.encrypt(
        { name: "AES-GCM", iv: NO_NONCE, additionalData },
        this.#key,
        plaintext,
      ),
    );
    const tag = sealed.subarray(ciphertext.length);
    for (const masked of [other, block]) {
      const mask = await this.#apply(new Uint8Array(BLOCK_BYTES), masked);
      for (let i = 0; i < BLOCK_BYTES; i++) tag[i]! ^= mask[i]!;
    }
    return tag;
  }
}

/** The first counter block: of a nonce, or as it is. */
function counterBlock(iv: Bytes): Bytes {
  const block = new Uint8Array(BLOCK_BYTES);
  block[BLOCK_BYTES - 1] = 1;
  block.set(iv);
  return block;
}

function next(block: Bytes): Bytes {
  const counted = block.slice();
  const view = new DataView(counted.buffer);
  view.setUint32(NONCE_BYTES, view.getUint32(NONCE_BYTES) + 1);
  return counted;
}

const outcome = (status: OperationStatus, writtenBytes = 0): Outcome => ({
  status,
  writtenBytes,
});

/** In a time that does not depend on where they differ. */
function areEqual(one: Bytes, other: Bytes): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one[i]! ^ other[i]!;
  return difference === 0;
}
