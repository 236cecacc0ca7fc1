/**
 * Authenticated ciphers of EVP: GCM, ChaCha20-Poly1305 and CCM.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";
import type { Aead, AeadLengths, Bytes } from "../primitives/primitives.ts";
import { beginMessage, newCipherContext } from "./ciphers.ts";
import { GCM_IV_BYTES, type GcmMemory } from "./gcm_memory.ts";
import type { KeptPointer } from "./kept_pointer.ts";
import type { CryptoLibrary } from "./library.ts";

// EVP_CTRL_AEAD_*
const SET_IV_BYTES = 0x9;
const GET_TAG = 0x10;
const SET_TAG = 0x11;

abstract class EvpAead implements Aead {
  readonly blockBytes = 1;
  abstract readonly whole: boolean;
  abstract readonly wholeAdditionalData: boolean;
  protected readonly symbols: Libcrypto;
  protected readonly context: Handle;
  protected readonly encrypts: boolean;
  protected readonly written = new Int32Array(new ArrayBuffer(4));
  readonly #rest = new Uint8Array(new ArrayBuffer(16));

  constructor(
    library: CryptoLibrary,
    name: string,
    key: Uint8Array,
    encrypts: boolean,
  ) {
    this.symbols = library.symbols;
    this.encrypts = encrypts;
    this.context = newCipherContext(library, name, key, encrypts);
  }

  abstract start(iv: Bytes, lengths: AeadLengths, tag: Bytes): boolean;

  readonly absorb = (bytes: Bytes): boolean => this.update(null, bytes);

  piece(input: Bytes, output: Bytes): boolean {
    return this.update(output, input);
  }

  protected update(output: Bytes | null, input: Bytes): boolean {
    return this.symbols.EVP_CipherUpdate(
      this.context,
      output,
      this.written,
      input,
      input.length,
    ) === 1;
  }

  /** Restarts with the kept key. */
  protected restart(iv: Bytes): boolean {
    return beginMessage(this.symbols, this.context, null, iv);
  }

  protected control(command: number, value: number, bytes: Bytes | null) {
    return this.symbols.EVP_CIPHER_CTX_ctrl(
      this.context,
      command,
      value,
      bytes,
    ) === 1;
  }

  finish(tag: Bytes): boolean {
    const good = this.symbols.EVP_CipherFinal_ex(
      this.context,
      this.#rest,
      this.written,
    ) === 1;
    return good &&
      (!this.encrypts || this.control(GET_TAG, tag.length, tag));
  }

  close(): void {
    this.symbols.EVP_CIPHER_CTX_free(this.context);
  }
}

/** GCM with a 12-byte IV, and ChaCha20-Poly1305. */
class StreamAead extends EvpAead {
  readonly whole = false;
  readonly wholeAdditionalData = false;

  start(iv: Bytes, { ivBytes }: AeadLengths, tag: Bytes): boolean {
    return ivBytes === GCM_IV_BYTES && this.restart(iv) &&
      (this.encrypts || this.control(SET_TAG, tag.length, tag));
  }
}

/** GCM with a 12-byte IV. */
export class Gcm extends StreamAead {
  readonly #tagBytes: number;
  readonly #pointer: KeptPointer;
  /** Where IV and tag may be written and read. */
  #memory: GcmMemory | undefined;

  constructor(
    library: CryptoLibrary,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ) {
    const name = `AES-${8 * key.length}-GCM`;
    super(library, name, key, encrypts);
    this.#tagBytes = tagBytes;
    this.#pointer = library.keptPointer;
    if (library.isDefaultCipher(name)) {
      this.#memory = library.gcmTrials.find(
        this.symbols,
        this.context,
        name,
        encrypts,
        tagBytes,
      );
      library.clearErrors();
    }
  }

  override start(
    iv: Bytes,
    lengths: AeadLengths,
    tag: Bytes,
    words?: Uint32Array,
  ): boolean {
    const memory = this.#memory;
    if (memory === undefined) return super.start(iv, lengths, tag);
    if (lengths.ivBytes !== GCM_IV_BYTES || tag.length !== this.#tagBytes) {
      return false;
    }
    memory.begin(iv, words);
    if (!this.encrypts) memory.setTag(tag);
    return true;
  }

  startFrom(
    ivs: Uint32Array,
    at: number,
    ivBytes: number,
    tag: Bytes,
  ): boolean {
    const memory = this.#memory;
    if (memory === undefined || ivBytes !== GCM_IV_BYTES) return false;
    memory.beginFrom(ivs, at);
    if (!this.encrypts) memory.setTag(tag);
    return true;
  }

  protected override update(output: Bytes | null, input: Bytes): boolean {
    const { symbols, context } = this;
    return symbols.EVP_Cipher(context, output, input, input.length) >= 0;
  }

  pieceInPlace(bytes: Bytes, lengthBytes: number): boolean {
    const pointer = this.#pointer.of(bytes);
    const { symbols, context } = this;
    return symbols.EVP_Cipher_kept(context, pointer, pointer, lengthBytes) >= 0;
  }

  readonly absorbKept = (bytes: Bytes, lengthBytes: number): boolean => {
    const pointer = this.#pointer.of(bytes);
    const { symbols, context } = this;
    return symbols.EVP_Cipher_kept(context, null, pointer, lengthBytes) >= 0;
  };

  override finish(tag: Bytes): boolean {
    const memory = this.#memory;
    if (memory === undefined) return super.finish(tag);
    const { symbols, context } = this;
    if (symbols.EVP_Cipher_kept(context, null, null, 0) < 0) return false;
    if (this.encrypts) memory.getTag(tag);
    return true;
  }

  override close(): void {
    this.#memory = undefined;
    super.close();
  }
}

/** CCM, which has to know every length before the first byte (RFC 3610 §2.2). */
class Ccm extends EvpAead {
  readonly whole = true;
  readonly wholeAdditionalData = true;
  readonly #key: Bytes;
  readonly #nothing = new Uint8Array(new ArrayBuffer(16));
  #ivBytes = 0;
  #dataBytes = 0;

  constructor(library: CryptoLibrary, key: Uint8Array, encrypts: boolean) {
    super(library, `AES-${8 * key.length}-CCM`, key, encrypts);
    this.#key = copyKey(key);
  }

  start(iv: Bytes, { ivBytes, dataBytes }: AeadLengths, tag: Bytes): boolean {
    this.#dataBytes = dataBytes;
    const restarted = ivBytes === this.#ivBytes
      ? this.restart(iv)
      : this.#restartWith(iv, ivBytes, tag);
    return restarted &&
      (this.encrypts || this.control(SET_TAG, tag.length, tag)) &&
      this.symbols.EVP_CipherUpdate(
          this.context,
          null,
          this.written,
          null,
          dataBytes,
        ) === 1;
  }

  /** Nonce and tag lengths take effect when the key is set. */
  #restartWith(iv: Bytes, ivBytes: number, tag: Bytes): boolean {
    this.#ivBytes = 0;
    const done = this.control(SET_IV_BYTES, ivBytes, null) &&
      this.control(SET_TAG, tag.length, this.encrypts ? null : tag) &&
      this.symbols.EVP_CipherInit_ex2(
          this.context,
          null,
          this.#key,
          iv,
          -1,
          null,
        ) === 1;
    if (done) this.#ivBytes = ivBytes;
    return done;
  }

  /** The tag is computed and checked together with the data, even with none. */
  override finish(tag: Bytes): boolean {
    const done = this.#dataBytes > 0 ||
      this.symbols.EVP_CipherUpdate(
          this.context,
          this.#nothing,
          this.written,
          this.#nothing,
          0,
        ) === 1;
    return done && (!this.encrypts || this.control(GET_TAG, tag.length, tag));
  }

  override close(): void {
    this.#key.fill(0);
    super.close();
  }
}

/** An EVP name whose presence means that the algorithm can be had. */
export const AEAD_NEEDS: Readonly<Record<string, string>> = {
  "gcm": "AES-128-GCM",
  "ccm": "AES-128-CCM",
  "chacha20-poly1305": "ChaCha20-Poly1305",
};

/** Makes the AEAD of a catalogue name; throws where it cannot be had. */
export function makeAead(
  library: CryptoLibrary,
  algorithm: string,
  key: Uint8Array,
  encrypts: boolean,
  tagBytes: number,
): Aead {
  switch (algorithm) {
    case "gcm":
      return new Gcm(library, key, encrypts, tagBytes);
    case "ccm":
      return new Ccm(library, key, encrypts);
    case "chacha20-poly1305":
      return new StreamAead(library, "ChaCha20-Poly1305", key, encrypts);
    default:
      throw new Error(`openssl has no AEAD "${algorithm}"`);
  }
}
