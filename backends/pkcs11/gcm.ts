/**
 * AEAD sessions: GCM in the token. A 16-byte IV is J0 itself, for which a token
 * has no mechanism; `primitives/gcm_j0.ts` composes it from what it has.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { AeadSession } from "../../algorithms/session_description.ts";
import { GcmParameter, Mechanism } from "../../ffi/pkcs11_layout.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { GcmJ0, J0_BYTES } from "../primitives/gcm_j0.ts";
import type { Aead, AeadLengths, Cipher } from "../primitives/primitives.ts";
import { TokenCipher } from "./ciphers.ts";
import { createAesKey } from "./keys.ts";
import { CKM_AES_GCM } from "./mechanisms.ts";
import {
  complete,
  gather,
  type Pkcs11Session,
  type TokenThread,
  unlessRefused,
} from "./session.ts";
import type { Bytes, TokenObject, TokenSession } from "./token_session.ts";

const IV_BYTES = 12;
const LEAST_ROOM_BYTES = 4096;

/** A key of GCM in the token. */
class TokenGcm {
  readonly #token: TokenSession;
  readonly #what: "Encrypt" | "Decrypt";
  readonly #parameter: GcmParameter;
  readonly #mechanism: Mechanism;
  readonly #key: TokenObject;

  constructor(
    token: TokenSession,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ) {
    this.#token = token;
    this.#what = encrypts ? "Encrypt" : "Decrypt";
    const ivRoom = new Uint8Array(new ArrayBuffer(IV_BYTES));
    this.#parameter = new GcmParameter(ivRoom, tagBytes);
    this.#mechanism = new Mechanism(CKM_AES_GCM, this.#parameter.bytes);
    this.#key = createAesKey(token, key, "cipher");
  }

  /** The tag follows the ciphertext, in `input` and in `output`. */
  run(
    iv: Uint8Array,
    additionalData: Bytes,
    additionalBytes: number,
    input: Bytes,
    inputBytes: number,
    output: Bytes,
  ): number {
    this.#parameter.set(iv, additionalData, additionalBytes);
    return this.#token.compute(
      this.#what,
      this.#mechanism,
      this.#key,
      input,
      inputBytes,
      output,
    );
  }

  close(): void {
    this.#token.destroyObject(this.#key);
  }
}

/** GCM that is given associated data alone, in pieces: what GHASH comes from. */
class TagOnlyGcm implements Aead {
  readonly blockBytes = 1;
  readonly whole = true;
  readonly wholeAdditionalData = false;
  readonly #gcm: TokenGcm;
  readonly #iv = new Uint8Array(new ArrayBuffer(IV_BYTES));
  readonly #nothing = new Uint8Array(new ArrayBuffer(1));
  #absorbed: Bytes = new Uint8Array(new ArrayBuffer(LEAST_ROOM_BYTES));
  #absorbedBytes = 0;

  constructor(gcm: TokenGcm) {
    this.#gcm = gcm;
  }

  start(iv: Bytes, { ivBytes }: AeadLengths): boolean {
    this.#iv.set(iv.subarray(0, ivBytes));
    this.#absorbedBytes = 0;
    return true;
  }

  readonly absorb = (bytes: Bytes): boolean => {
    const end = this.#absorbedBytes + bytes.length;
    if (end > this.#absorbed.length) this.#grow(end);
    this.#absorbed.set(bytes, this.#absorbedBytes);
    this.#absorbedBytes = end;
    return true;
  };

  #grow(lengthBytes: number): void {
    const old = this.#absorbed;
    this.#absorbed = new Uint8Array(new ArrayBuffer(2 * lengthBytes));
    this.#absorbed.set(old);
    old.fill(0);
  }

  piece(): boolean {
    return false;
  }

  finish(tag: Bytes): boolean {
    const written = this.#gcm.run(
      this.#iv,
      this.#absorbed,
      this.#absorbedBytes,
      this.#nothing,
      0,
      tag,
    );
    return written === tag.length;
  }

  close(): void {
    this.#absorbed.fill(0);
    this.#gcm.close();
  }
}

/** A cipher that is started anew for each piece. */
class PieceCipher implements Cipher {
  readonly blockBytes = 16;
  readonly whole = true;
  readonly minimumBytes = 0;
  readonly #cipher: TokenCipher;
  readonly #iv = new Uint8Array(new ArrayBuffer(16));

  constructor(cipher: TokenCipher) {
    this.#cipher = cipher;
  }

  start(iv: Bytes): boolean {
    this.#iv.set(iv);
    return true;
  }

  piece(input: Bytes, output: Bytes): boolean {
    this.#cipher.run(this.#iv, input, input.length, output);
    return true;
  }

  close(): void {
    this.#iv.fill(0);
    this.#cipher.close();
  }
}

/** What GCM with J0 is composed from. */
const partsOf = (token: TokenSession) => ({
  makeAead: (
    _name: string,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ) => new TagOnlyGcm(new TokenGcm(token, key, encrypts, tagBytes)),
  makeCipher: (name: string, key: Uint8Array, encrypts: boolean) =>
    new PieceCipher(new TokenCipher(token, name, key, encrypts)),
});

export class Pkcs11AeadSession implements Pkcs11Session {
  readonly #thread: TokenThread;
  readonly #encrypts: boolean;
  readonly #gcm: TokenGcm;
  /** Kept for `#withJ0`, which is made when a request first asks for it. */
  readonly #key: Bytes;
  #withJ0: GcmJ0 | undefined;
  readonly #tag: Bytes;

  constructor(thread: TokenThread, description: AeadSession) {
    const { algorithm, key, tagBytes, direction } = description;
    if (algorithm !== "gcm") throw new Error(`no AEAD "${algorithm}"`);
    this.#thread = thread;
    this.#encrypts = direction === "encrypt";
    this.#tag = new Uint8Array(new ArrayBuffer(tagBytes));
    this.#gcm = new TokenGcm(thread.token, key, this.#encrypts, tagBytes);
    this.#key = copyKey(key);
  }

  run(operation: Operation): OperationStatus {
    const { source, destination, digest } = operation;
    const tag = this.#tag;
    if (
      destination.totalBytes !== source.totalBytes ||
      digest.totalBytes < tag.length
    ) return OperationStatus.Failed;
    if (!this.#encrypts) digest.read(0, tag);
    const { totalBytes } = source;
    const output = this.#thread.output.take(totalBytes + tag.length);
    const done = unlessRefused(
      this.#thread.token,
      () =>
        operation.ivBytes === J0_BYTES
          ? this.#runWithJ0(operation, output)
          : this.#runPlainly(operation, output),
    );
    if (!done) return this.#refuse(operation);
    if (totalBytes > 0) destination.write(0, output.subarray(0, totalBytes));
    if (this.#encrypts) digest.write(0, tag);
    return complete(operation, totalBytes);
  }

  #runPlainly(operation: Operation, output: Bytes): boolean {
    const { source, additionalData, iv, ivBytes } = operation;
    const { totalBytes } = source;
    const tagBytes = this.#tag.length;
    const input = this.#thread.input.take(totalBytes + tagBytes);
    if (totalBytes > 0) source.read(0, input.subarray(0, totalBytes));
    if (!this.#encrypts) input.set(this.#tag, totalBytes);
    const written = this.#gcm.run(
      iv.subarray(0, ivBytes),
      gather(this.#thread.additionalData, additionalData),
      additionalData.totalBytes,
      input,
      this.#encrypts ? totalBytes : totalBytes + tagBytes,
      output,
    );
    if (this.#encrypts) {
      this.#tag.set(output.subarray(totalBytes, totalBytes + tagBytes));
    }
    return written === (this.#encrypts ? totalBytes + tagBytes : totalBytes);
  }

  #runWithJ0(operation: Operation, output: Bytes): boolean {
    const { source, additionalData, iv, ivBytes } = operation;
    const { token } = this.#thread;
    const aead = this.#withJ0 ??= new GcmJ0(
      partsOf(token) as ConstructorParameters<typeof GcmJ0>[0],
      this.#key,
      this.#encrypts,
    );
    const lengths = {
      ivBytes,
      additionalBytes: additionalData.totalBytes,
      dataBytes: source.totalBytes,
    };
    if (!aead.start(iv as Bytes, lengths)) return false;
    if (additionalData.totalBytes > 0) {
      const all = gather(this.#thread.additionalData, additionalData);
      aead.absorb(all.subarray(0, additionalData.totalBytes));
    }
    if (source.totalBytes > 0) {
      const input = gather(this.#thread.input, source);
      aead.piece(
        input.subarray(0, source.totalBytes),
        output.subarray(0, source.totalBytes),
      );
    }
    return aead.finish(this.#tag);
  }

  /** A wrong tag leaves no plaintext behind. */
  #refuse({ destination }: Operation): OperationStatus {
    if (this.#encrypts) return OperationStatus.Failed;
    destination.fill(0, destination.totalBytes, 0);
    return OperationStatus.BadTag;
  }

  close(): void {
    this.#gcm.close();
    this.#withJ0?.close();
    this.#key.fill(0);
    this.#tag.fill(0);
  }
}
