/**
 * Symmetric ciphers of EVP, and which are composed from its block ciphers.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { Handle, Libcrypto } from "../../ffi/libcrypto.ts";
import type { KeptPointer } from "./kept_pointer.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";
import { AesF8, TripleDesCtr } from "../primitives/keystream_ciphers.ts";
import type { Cipher, Primitives } from "../primitives/primitives.ts";

interface EvpMode {
  readonly blockBytes: number;
  readonly minimumBytes?: number;
  readonly hasIv: boolean;
  readonly whole?: boolean;
}

/** A cipher context with its key; how a message starts differs. */
abstract class KeyedCipher implements Cipher {
  abstract readonly blockBytes: number;
  abstract readonly minimumBytes: number;
  abstract readonly whole: boolean;
  protected readonly symbols: Libcrypto;
  protected readonly context: Handle;
  readonly #pointer: KeptPointer;

  constructor(
    library: CryptoLibrary,
    name: string,
    key: Uint8Array,
    encrypt: boolean,
  ) {
    this.symbols = library.symbols;
    this.#pointer = library.keptPointer;
    this.context = newCipherContext(library, name, key, encrypt);
  }

  abstract start(iv: Uint8Array<ArrayBuffer>): boolean;

  piece(
    input: Uint8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
  ): boolean {
    const { symbols, context } = this;
    return symbols.EVP_Cipher(context, output, input, input.length) > 0;
  }

  pieceInPlace(bytes: Uint8Array<ArrayBuffer>, lengthBytes: number): boolean {
    const pointer = this.#pointer.of(bytes);
    const { symbols, context } = this;
    return symbols.EVP_Cipher_kept(context, pointer, pointer, lengthBytes) > 0;
  }

  close(): void {
    this.symbols.EVP_CIPHER_CTX_free(this.context);
  }
}

/** A cipher of EVP; `padding` stays off, so whole blocks go in and come out. */
class EvpCipher extends KeyedCipher {
  override readonly blockBytes: number;
  override readonly minimumBytes: number;
  override readonly whole: boolean;
  readonly #hasIv: boolean;

  constructor(
    library: CryptoLibrary,
    name: string,
    key: Uint8Array,
    encrypt: boolean,
    mode: EvpMode,
  ) {
    super(library, name, key, encrypt);
    this.blockBytes = mode.blockBytes;
    this.minimumBytes = mode.minimumBytes ?? mode.blockBytes;
    this.whole = mode.whole ?? false;
    this.#hasIv = mode.hasIv;
  }

  override start(iv: Uint8Array<ArrayBuffer>): boolean {
    return !this.#hasIv || beginMessage(this.symbols, this.context, null, iv);
  }
}

/** Begins another message; what is null stays as it was. */
export function beginMessage(
  symbols: Libcrypto,
  context: Handle,
  key: Uint8Array<ArrayBuffer> | null,
  iv: Uint8Array<ArrayBuffer> | null,
): boolean {
  return symbols.EVP_CipherInit_ex2(context, null, key, iv, -1, null) === 1;
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
class Arc4 extends KeyedCipher {
  override readonly blockBytes = 1;
  override readonly minimumBytes = 1;
  override readonly whole = false;
  readonly #key: Uint8Array<ArrayBuffer>;

  constructor(library: CryptoLibrary, key: Uint8Array, encrypt: boolean) {
    super(library, "RC4", key, encrypt);
    this.#key = copyKey(key);
  }

  override start(): boolean {
    return beginMessage(this.symbols, this.context, this.#key, null);
  }

  override close(): void {
    this.#key.fill(0);
    super.close();
  }
}

const ECB = (blockBytes: number): EvpMode => ({ blockBytes, hasIv: false });
const CBC = (blockBytes: number): EvpMode => ({ blockBytes, hasIv: true });

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

const XTS = { blockBytes: 1, minimumBytes: 16, hasIv: true, whole: true };

/** By catalogue name. */
const EVP_RECIPES: Readonly<Record<string, CipherRecipe>> = {
  "arc4": {
    needs: "RC4",
    make: (library, key, encrypt) => new Arc4(library, key, encrypt),
  },
  "aes-ecb": { needs: "AES-128-ECB", make: aes("ECB", ECB(16)) },
  "aes-cbc": {
    needs: "AES-128-CBC",
    make: aes("CBC", CBC(16)),
  },
  "aes-ctr": {
    needs: "AES-128-CTR",
    make: aes("CTR", { blockBytes: 1, hasIv: true }),
  },
  "des-ecb": { needs: "DES-ECB", make: evp("DES-ECB", ECB(8)) },
  "des-cbc": { needs: "DES-CBC", make: evp("DES-CBC", CBC(8)) },
  "3des-ecb": { needs: "DES-EDE3-ECB", make: evp("DES-EDE3-ECB", ECB(8)) },
  "3des-cbc": { needs: "DES-EDE3-CBC", make: evp("DES-EDE3-CBC", CBC(8)) },
  "aes-xts": { needs: "AES-128-XTS", make: aes("XTS", XTS, 2) },
};

/** An EVP cipher by catalogue name, whose presence means it can be had. */
export const CIPHER_NEEDS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(EVP_RECIPES).map(([name, { needs }]) => [name, needs]),
  ),
  "3des-ctr": "DES-EDE3-ECB",
  "aes-f8": "AES-128-CBC",
};

/** Makes the cipher of a catalogue name; throws where it cannot be had. */
export function makeCipher(
  library: CryptoLibrary,
  primitives: Pick<Primitives, "makeCipher">,
  algorithm: string,
  key: Uint8Array,
  encrypt: boolean,
): Cipher {
  if (algorithm === "3des-ctr") return new TripleDesCtr(primitives, key);
  if (algorithm === "aes-f8") return new AesF8(primitives, key);
  const recipe = EVP_RECIPES[algorithm];
  if (!recipe) throw new Error(`openssl has no cipher "${algorithm}"`);
  return recipe.make(library, key, encrypt);
}
