/**
 * Authenticated ciphers of libgcrypt: GCM, CCM and ChaCha20-Poly1305.
 *
 * @module
 */

import type { Libgcrypt } from "../../ffi/libgcrypt.ts";
import type { Aead, AeadLengths, Bytes } from "../primitives/primitives.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import { aesAlgorithm, openCipher } from "./ciphers.ts";
import { type Handle, hasAlgorithm, isGood } from "./library.ts";

const CHACHA20 = 316;
const MODE_CCM = 8;
const MODE_GCM = 9;
const MODE_POLY1305 = 10;
/** GCRYCTL_SET_CCM_LENGTHS */
const SET_CCM_LENGTHS = 69;

/** GCM with a 12-byte IV, and ChaCha20-Poly1305. */
class GcryptAead implements Aead {
  readonly blockBytes = 1;
  readonly whole = false;
  readonly wholeAdditionalData = false;
  protected readonly symbols: Libgcrypt;
  protected readonly handle: Handle;
  readonly #encrypts: boolean;

  constructor(
    symbols: Libgcrypt,
    algorithm: number,
    mode: number,
    key: Uint8Array,
    encrypts: boolean,
  ) {
    this.symbols = symbols;
    this.#encrypts = encrypts;
    this.handle = openCipher(symbols, algorithm, mode, key);
  }

  start(iv: Bytes, { ivBytes }: AeadLengths, _tag: Bytes): boolean {
    return ivBytes === 12 && this.setIv(iv, ivBytes);
  }

  protected setIv(iv: Bytes, ivBytes: number): boolean {
    const size = sizeArgument(ivBytes);
    return isGood(this.symbols.gcry_cipher_setiv(this.handle, iv, size));
  }

  readonly absorb = (bytes: Bytes): boolean =>
    isGood(
      this.symbols.gcry_cipher_authenticate(
        this.handle,
        bytes,
        sizeArgument(bytes.length),
      ),
    );

  piece(input: Bytes, output: Bytes): boolean {
    const { symbols, handle } = this;
    const size = sizeArgument(input.length);
    const error = this.#encrypts
      ? symbols.gcry_cipher_encrypt(handle, output, size, input, size)
      : symbols.gcry_cipher_decrypt(handle, output, size, input, size);
    return isGood(error);
  }

  finish(tag: Bytes): boolean {
    const size = sizeArgument(tag.length);
    const error = this.#encrypts
      ? this.symbols.gcry_cipher_gettag(this.handle, tag, size)
      : this.symbols.gcry_cipher_checktag(this.handle, tag, size);
    return isGood(error);
  }

  close(): void {
    this.symbols.gcry_cipher_close(this.handle);
  }
}

/** CCM, which has to know every length before the first byte (RFC 3610 §2.2). */
class GcryptCcm extends GcryptAead {
  readonly #lengths = new BigUint64Array(new ArrayBuffer(24));

  constructor(symbols: Libgcrypt, key: Uint8Array, encrypts: boolean) {
    super(symbols, aesAlgorithm(key.length), MODE_CCM, key, encrypts);
  }

  override start(iv: Bytes, lengths: AeadLengths, tag: Bytes): boolean {
    const { ivBytes, additionalBytes, dataBytes } = lengths;
    this.#lengths[0] = sizeArgument(dataBytes);
    this.#lengths[1] = sizeArgument(additionalBytes);
    this.#lengths[2] = sizeArgument(tag.length);
    return this.setIv(iv, ivBytes) &&
      isGood(
        this.symbols.gcry_cipher_ctl(
          this.handle,
          SET_CCM_LENGTHS,
          this.#lengths,
          24n,
        ),
      );
  }
}

/** Whether this libgcrypt has the AEAD of a catalogue name. */
export function hasAead(symbols: Libgcrypt, name: string): boolean {
  const algorithm = name === "chacha20-poly1305" ? CHACHA20 : aesAlgorithm(16);
  return hasAlgorithm(symbols, "cipher", algorithm);
}

/** Makes the AEAD of a catalogue name; throws where it cannot be had. */
export function makeGcryptAead(
  symbols: Libgcrypt,
  name: string,
  key: Uint8Array,
  encrypts: boolean,
): Aead {
  switch (name) {
    case "gcm": {
      const algorithm = aesAlgorithm(key.length);
      return new GcryptAead(symbols, algorithm, MODE_GCM, key, encrypts);
    }
    case "ccm":
      return new GcryptCcm(symbols, key, encrypts);
    case "chacha20-poly1305":
      return new GcryptAead(symbols, CHACHA20, MODE_POLY1305, key, encrypts);
    default:
      throw new Error(`libgcrypt has no AEAD "${name}"`);
  }
}
