/**
 * Authenticated ciphers of EVP: GCM, ChaCha20-Poly1305 and CCM.
 *
 * @module
 */

import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";
import { newCipherContext } from "./ciphers.ts";
import type { CryptoLibrary } from "./library.ts";
import type { Transform } from "./pieces.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** An authenticated cipher under way. */
export interface Aead extends Transform {
  /** All associated data has to be one piece. */
  readonly wholeAdditionalData: boolean;
  /** Begins a message; `tag` is the expected one when decrypting. */
  start(iv: Bytes, ivBytes: number, dataBytes: number, tag: Bytes): boolean;
  /** A kept function that takes associated data, before any `piece`. */
  readonly absorb: (bytes: Bytes) => boolean;
  /** Encryption: fills `tag`. Decryption: whether `tag` is right. */
  finish(tag: Bytes): boolean;
  /** Wipes the key. */
  close(): void;
}

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

  abstract start(
    iv: Bytes,
    ivBytes: number,
    dataBytes: number,
    tag: Bytes,
  ): boolean;

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
    return this.symbols.EVP_CipherInit_ex2(
      this.context,
      null,
      null,
      iv,
      -1,
      null,
    ) === 1;
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
export class StreamAead extends EvpAead {
  readonly whole = false;
  readonly wholeAdditionalData = false;

  start(iv: Bytes, ivBytes: number, _dataBytes: number, tag: Bytes): boolean {
    return ivBytes === 12 && this.restart(iv) &&
      (this.encrypts || this.control(SET_TAG, tag.length, tag));
  }
}

/** CCM, which has to know every length before the first byte (RFC 3610 §2.2). */
export class Ccm extends EvpAead {
  readonly whole = true;
  readonly wholeAdditionalData = true;
  readonly #key: Bytes;
  readonly #nothing = new Uint8Array(new ArrayBuffer(16));
  #ivBytes = 0;
  #dataBytes = 0;

  constructor(library: CryptoLibrary, key: Uint8Array, encrypts: boolean) {
    super(library, `AES-${8 * key.length}-CCM`, key, encrypts);
    this.#key = new Uint8Array(key);
  }

  start(iv: Bytes, ivBytes: number, dataBytes: number, tag: Bytes): boolean {
    // The length field takes what the nonce leaves; EVP would find out late
    // and keep a broken state.
    if (dataBytes >= 2 ** (8 * (15 - ivBytes))) return false;
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
