/**
 * Symmetric ciphers: those that EVP has, and two modes composed from its block
 * ciphers.
 *
 * @module
 */

import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";
import type { Transform } from "./pieces.ts";

/** A keyed cipher; `start` begins a message, `piece` continues it. */
export interface Cipher extends Transform {
  /** `iv` holds at least the algorithm's IV. */
  start(iv: Uint8Array<ArrayBuffer>): boolean;
  /** The shortest message that is not empty. */
  readonly minimumBytes: number;
  /** Wipes the key. */
  close(): void;
}

interface EvpMode {
  readonly blockBytes: number;
  readonly minimumBytes?: number;
  readonly hasIv: boolean;
  readonly whole?: boolean;
}

/** A cipher of EVP; `padding` stays off, so whole blocks go in and come out. */
export class EvpCipher implements Cipher {
  readonly blockBytes: number;
  readonly minimumBytes: number;
  readonly whole: boolean;
  readonly #symbols: Libcrypto;
  readonly #context: Handle;
  readonly #hasIv: boolean;

  constructor(
    library: CryptoLibrary,
    name: string,
    key: Uint8Array,
    encrypt: boolean,
    mode: EvpMode,
  ) {
    this.blockBytes = mode.blockBytes;
    this.minimumBytes = mode.minimumBytes ?? mode.blockBytes;
    this.whole = mode.whole ?? false;
    this.#hasIv = mode.hasIv;
    this.#symbols = library.symbols;
    this.#context = newCipherContext(library, name, key, encrypt);
  }

  start(iv: Uint8Array<ArrayBuffer>): boolean {
    return !this.#hasIv ||
      this.#symbols.EVP_CipherInit_ex2(
          this.#context,
          null,
          null,
          iv,
          -1,
          null,
        ) === 1;
  }

  piece(
    input: Uint8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
  ): boolean {
    return this.#symbols.EVP_Cipher(
      this.#context,
      output,
      input,
      input.length,
    ) >= 0;
  }

  close(): void {
    this.#symbols.EVP_CIPHER_CTX_free(this.#context);
  }
}

/** An EVP_CIPHER_CTX with a key and no IV; `close` of its owner frees it. */
export function newCipherContext(
  library: CryptoLibrary,
  name: string,
  key: Uint8Array,
  encrypt: boolean,
): Handle {
  const { symbols } = library;
  const cipher = present(library.cipher(name), `fetching ${name}`);
  const context = present(symbols.EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new()");
  try {
    const init = (key: Uint8Array<ArrayBuffer> | null) =>
      succeed(
        symbols.EVP_CipherInit_ex2(
          context,
          key ? null : cipher,
          key,
          null,
          encrypt ? 1 : 0,
          null,
        ),
        `EVP_CipherInit_ex2() of ${name}`,
      );
    init(null);
    succeed(
      symbols.EVP_CIPHER_CTX_set_key_length(context, key.length),
      `a ${name} key of ${key.length} bytes`,
    );
    init(key as Uint8Array<ArrayBuffer>);
    symbols.EVP_CIPHER_CTX_set_padding(context, 0);
    return context;
  } catch (error) {
    symbols.EVP_CIPHER_CTX_free(context);
    library.clearErrors();
    throw error;
  }
}

/** RC4: every message begins the key stream again, which takes the key. */
class Arc4 implements Cipher {
  readonly blockBytes = 1;
  readonly minimumBytes = 1;
  readonly whole = false;
  readonly #symbols: Libcrypto;
  readonly #context: Handle;
  readonly #key: Uint8Array<ArrayBuffer>;

  constructor(library: CryptoLibrary, key: Uint8Array, encrypt: boolean) {
    this.#symbols = library.symbols;
    this.#context = newCipherContext(library, "RC4", key, encrypt);
    this.#key = new Uint8Array(key);
  }

  start(): boolean {
    return this.#symbols.EVP_CipherInit_ex2(
      this.#context,
      null,
      this.#key,
      null,
      -1,
      null,
    ) === 1;
  }

  piece(
    input: Uint8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
  ): boolean {
    return this.#symbols.EVP_Cipher(
      this.#context,
      output,
      input,
      input.length,
    ) >= 0;
  }

  close(): void {
    this.#key.fill(0);
    this.#symbols.EVP_CIPHER_CTX_free(this.#context);
  }
}

const ECB = (blockBytes: number): EvpMode => ({ blockBytes, hasIv: false });
const CBC = (blockBytes: number): EvpMode => ({ blockBytes, hasIv: true });

const KEYSTREAM_BYTES = 512;

/** A stream cipher whose key stream comes from a block cipher. */
abstract class KeystreamCipher implements Cipher {
  readonly blockBytes = 1;
  readonly minimumBytes = 1;
  readonly whole = false;
  readonly #stream = new Uint8Array(new ArrayBuffer(KEYSTREAM_BYTES));
  #used = KEYSTREAM_BYTES;

  /** Prepares the first `refill` of a message. */
  protected abstract restart(iv: Uint8Array<ArrayBuffer>): boolean;
  /** Replaces all of `stream` with the key stream's next bytes. */
  protected abstract refill(stream: Uint8Array<ArrayBuffer>): boolean;
  protected abstract closeBlockCipher(): void;

  start(iv: Uint8Array<ArrayBuffer>): boolean {
    this.#used = KEYSTREAM_BYTES;
    return this.restart(iv);
  }

  piece(input: Uint8Array, output: Uint8Array): boolean {
    const stream = this.#stream;
    let used = this.#used;
    for (let i = 0; i < input.length; i++) {
      if (used === KEYSTREAM_BYTES) {
        if (!this.refill(stream)) return false;
        used = 0;
      }
      output[i] = input[i]! ^ stream[used++]!;
    }
    this.#used = used;
    return true;
  }

  close(): void {
    this.#stream.fill(0);
    this.closeBlockCipher();
  }
}

/** 3DES in counter mode (NIST SP 800-38A §6.5), a 64-bit big-endian counter. */
class TripleDesCtr extends KeystreamCipher {
  readonly #block: EvpCipher;
  readonly #counter = new DataView(new ArrayBuffer(8));

  constructor(library: CryptoLibrary, key: Uint8Array) {
    super();
    this.#block = new EvpCipher(library, "DES-EDE3-ECB", key, true, ECB(8));
  }

  protected restart(iv: Uint8Array<ArrayBuffer>): boolean {
    for (let i = 0; i < 8; i++) this.#counter.setUint8(i, iv[i]!);
    return true;
  }

  protected refill(stream: Uint8Array<ArrayBuffer>): boolean {
    const words = new DataView(stream.buffer);
    let high = this.#counter.getUint32(0);
    let low = this.#counter.getUint32(4);
    for (let at = 0; at < stream.length; at += 8) {
      words.setUint32(at, high);
      words.setUint32(at + 4, low);
      low = (low + 1) >>> 0;
      if (low === 0) high = (high + 1) >>> 0;
    }
    this.#counter.setUint32(0, high);
    this.#counter.setUint32(4, low);
    return this.#block.piece(stream, stream);
  }

  protected closeBlockCipher(): void {
    this.#block.close();
  }
}

/**
 * AES in f8 mode (RFC 3711 §4.1.2). The key stream S(j) = E(IV' ^ j ^ S(j-1)) is
 * the CBC encryption, under a zero IV, of the blocks IV' ^ j.
 */
class AesF8 extends KeystreamCipher {
  readonly #maskedBlock: EvpCipher;
  readonly #chain: EvpCipher;
  readonly #zeros = new Uint8Array(new ArrayBuffer(16));
  readonly #innerIv = new Uint8Array(new ArrayBuffer(16));
  #counter = 0;

  constructor(library: CryptoLibrary, keyAndMask: Uint8Array) {
    super();
    const keyBytes = keyAndMask.length / 2;
    const key = keyAndMask.subarray(0, keyBytes);
    const masked = key.map((byte, i) => byte ^ keyAndMask[keyBytes + i]!);
    const bits = 8 * keyBytes;
    this.#maskedBlock = new EvpCipher(
      library,
      `AES-${bits}-ECB`,
      masked,
      true,
      ECB(16),
    );
    masked.fill(0);
    this.#chain = new EvpCipher(library, `AES-${bits}-CBC`, key, true, CBC(16));
  }

  protected restart(iv: Uint8Array<ArrayBuffer>): boolean {
    this.#counter = 0;
    this.#innerIv.set(iv.subarray(0, 16));
    return this.#maskedBlock.piece(this.#innerIv, this.#innerIv) &&
      this.#chain.start(this.#zeros);
  }

  protected refill(stream: Uint8Array<ArrayBuffer>): boolean {
    const words = new DataView(stream.buffer);
    const innerIv = new DataView(this.#innerIv.buffer);
    for (let at = 0; at < stream.length; at += 16) {
      stream.set(this.#innerIv, at);
      words.setUint32(at + 12, innerIv.getUint32(12) ^ this.#counter++);
    }
    return this.#chain.piece(stream, stream);
  }

  protected closeBlockCipher(): void {
    this.#innerIv.fill(0);
    this.#maskedBlock.close();
    this.#chain.close();
  }
}

type MakeCipher = (
  library: CryptoLibrary,
  key: Uint8Array,
  encrypt: boolean,
) => Cipher;

const evp =
  (name: string, mode: EvpMode): MakeCipher => (library, key, encrypt) =>
    new EvpCipher(library, name, key, encrypt, mode);

const aes =
  (mode: string, how: EvpMode, keys = 1): MakeCipher =>
  (library, key, encrypt) =>
    new EvpCipher(
      library,
      `AES-${8 * key.length / keys}-${mode}`,
      key,
      encrypt,
      how,
    );

/** What a catalogue algorithm takes of EVP, and how it is made. */
interface CipherRecipe {
  /** An EVP cipher whose presence means that the algorithm can be had. */
  readonly needs: string;
  readonly make: MakeCipher;
}

/** By catalogue name. */
export const CIPHER_RECIPES: Readonly<Record<string, CipherRecipe>> = {
  "arc4": {
    needs: "RC4",
    make: (library, key, encrypt) => new Arc4(library, key, encrypt),
  },
  "aes-ecb": { needs: "AES-128-ECB", make: aes("ECB", ECB(16)) },
  "aes-cbc": { needs: "AES-128-CBC", make: aes("CBC", CBC(16)) },
  "aes-ctr": {
    needs: "AES-128-CTR",
    make: aes("CTR", { blockBytes: 1, hasIv: true }),
  },
  "des-ecb": { needs: "DES-ECB", make: evp("DES-ECB", ECB(8)) },
  "des-cbc": { needs: "DES-CBC", make: evp("DES-CBC", CBC(8)) },
  "3des-ecb": { needs: "DES-EDE3-ECB", make: evp("DES-EDE3-ECB", ECB(8)) },
  "3des-cbc": { needs: "DES-EDE3-CBC", make: evp("DES-EDE3-CBC", CBC(8)) },
  "3des-ctr": {
    needs: "DES-EDE3-ECB",
    make: (library, key) => new TripleDesCtr(library, key),
  },
  "aes-f8": {
    needs: "AES-128-CBC",
    make: (library, key) => new AesF8(library, key),
  },
  "aes-xts": {
    needs: "AES-128-XTS",
    make: aes(
      "XTS",
      { blockBytes: 1, minimumBytes: 16, hasIv: true, whole: true },
      2,
    ),
  },
};

/** Makes the cipher of a catalogue name; throws where it cannot be had. */
export function makeCipher(
  library: CryptoLibrary,
  algorithm: string,
  key: Uint8Array,
  encrypt: boolean,
): Cipher {
  const recipe = CIPHER_RECIPES[algorithm];
  if (!recipe) throw new Error(`openssl has no cipher "${algorithm}"`);
  return recipe.make(library, key, encrypt);
}
