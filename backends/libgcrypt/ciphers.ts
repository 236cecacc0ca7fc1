/**
 * Symmetric ciphers of libgcrypt.
 *
 * @module
 */

import type { Libgcrypt } from "../../ffi/libgcrypt.ts";
import type { Bytes, Cipher } from "../primitives/primitives.ts";
import { sizeArgument } from "../primitives/size_argument.ts";
import {
  type Handle,
  hasAlgorithm,
  isGood,
  openHandle,
  RESET,
  succeed,
} from "./library.ts";

// enum gcry_cipher_algos
const TRIPLE_DES = 2;
const AES128 = 7;
const AES192 = 8;
const AES256 = 9;
const ARCFOUR = 301;
const DES = 302;

// enum gcry_cipher_modes
const MODE_ECB = 1;
const MODE_CBC = 3;
const MODE_STREAM = 4;
const MODE_CTR = 6;
const MODE_XTS = 13;

const SET_ALLOW_WEAK_KEY = 79;
const ERROR_WEAK_KEY = 43;

/** The number of AES with a key of this length. */
export function aesAlgorithm(keyBytes: number): number {
  return keyBytes === 16 ? AES128 : keyBytes === 24 ? AES192 : AES256;
}

/**
 * A keyed handle; its owner closes it. Keys that DES calls weak are taken: which
 * keys are legal, the catalogue decides.
 */
export function openCipher(
  symbols: Libgcrypt,
  algorithm: number,
  mode: number,
  key: Uint8Array,
): Handle {
  const what = `cipher ${algorithm} in mode ${mode}`;
  const handle = openHandle(
    symbols,
    what,
    (room) => symbols.gcry_cipher_open(room, algorithm, mode, 0),
  );
  symbols.gcry_cipher_ctl(handle, SET_ALLOW_WEAK_KEY, null, 1n);
  const error = symbols.gcry_cipher_setkey(
    handle,
    key as Bytes,
    sizeArgument(key.length),
  );
  if ((error & 0xffff) === ERROR_WEAK_KEY) return handle;
  try {
    succeed(symbols, error, `a key of ${key.length} bytes of ${what}`);
    return handle;
  } catch (thrown) {
    symbols.gcry_cipher_close(handle);
    throw thrown;
  }
}

/** `iv`: how a message begins; `reset` takes a stream back to its start. */
interface Recipe {
  readonly algorithm: (keyBytes: number) => number;
  readonly mode: number;
  readonly begins: "nothing" | "reset" | "iv" | "counter";
  readonly ivBytes: number;
  readonly blockBytes: number;
  readonly minimumBytes?: number;
  readonly whole?: boolean;
}

const ecb = (algorithm: Recipe["algorithm"], blockBytes: number): Recipe => ({
  algorithm,
  mode: MODE_ECB,
  begins: "nothing",
  ivBytes: 0,
  blockBytes,
});
const cbc = (algorithm: Recipe["algorithm"], blockBytes: number): Recipe => ({
  algorithm,
  mode: MODE_CBC,
  begins: "iv",
  ivBytes: blockBytes,
  blockBytes,
});
const ctr = (algorithm: Recipe["algorithm"], ivBytes: number): Recipe => ({
  algorithm,
  mode: MODE_CTR,
  begins: "counter",
  ivBytes,
  blockBytes: 1,
});

const RECIPES: Readonly<Record<string, Recipe>> = {
  "arc4": {
    algorithm: () => ARCFOUR,
    mode: MODE_STREAM,
    begins: "reset",
    ivBytes: 0,
    blockBytes: 1,
  },
  "aes-ecb": ecb(aesAlgorithm, 16),
  "aes-cbc": cbc(aesAlgorithm, 16),
  "aes-ctr": ctr(aesAlgorithm, 16),
  "des-ecb": ecb(() => DES, 8),
  "des-cbc": cbc(() => DES, 8),
  "3des-ecb": ecb(() => TRIPLE_DES, 8),
  "3des-cbc": cbc(() => TRIPLE_DES, 8),
  "3des-ctr": ctr(() => TRIPLE_DES, 8),
  "aes-xts": {
    algorithm: (keyBytes) => aesAlgorithm(keyBytes / 2),
    mode: MODE_XTS,
    begins: "iv",
    ivBytes: 16,
    blockBytes: 1,
    minimumBytes: 16,
    whole: true,
  },
};

/** Whether this libgcrypt has the cipher of a catalogue name. */
export function hasCipher(symbols: Libgcrypt, name: string): boolean {
  const recipe = RECIPES[name];
  const keyBytes = name === "aes-xts" ? 32 : 16;
  return recipe !== undefined &&
    hasAlgorithm(symbols, "cipher", recipe.algorithm(keyBytes));
}

/** A cipher in one direction. */
class GcryptCipher implements Cipher {
  readonly blockBytes: number;
  readonly minimumBytes: number;
  readonly whole: boolean;
  readonly #symbols: Libgcrypt;
  readonly #handle: Handle;
  readonly #begins: Recipe["begins"];
  readonly #ivBytes: bigint;
  readonly #encrypts: boolean;

  constructor(
    symbols: Libgcrypt,
    recipe: Recipe,
    key: Uint8Array,
    encrypts: boolean,
  ) {
    this.blockBytes = recipe.blockBytes;
    this.minimumBytes = recipe.minimumBytes ?? recipe.blockBytes;
    this.whole = recipe.whole ?? false;
    this.#symbols = symbols;
    this.#begins = recipe.begins;
    this.#ivBytes = BigInt(recipe.ivBytes);
    this.#encrypts = encrypts;
    const algorithm = recipe.algorithm(key.length);
    this.#handle = openCipher(symbols, algorithm, recipe.mode, key);
  }

  start(iv: Bytes): boolean {
    const symbols = this.#symbols;
    switch (this.#begins) {
      case "nothing":
        return true;
      case "reset":
        return isGood(symbols.gcry_cipher_ctl(this.#handle, RESET, null, 0n));
      case "iv":
        return isGood(
          symbols.gcry_cipher_setiv(this.#handle, iv, this.#ivBytes),
        );
      case "counter":
        return isGood(
          symbols.gcry_cipher_setctr(this.#handle, iv, this.#ivBytes),
        );
    }
  }

  piece(input: Bytes, output: Bytes): boolean {
    const lengthBytes = sizeArgument(input.length);
    const symbols = this.#symbols;
    const error = this.#encrypts
      ? symbols.gcry_cipher_encrypt(
        this.#handle,
        output,
        lengthBytes,
        input,
        lengthBytes,
      )
      : symbols.gcry_cipher_decrypt(
        this.#handle,
        output,
        lengthBytes,
        input,
        lengthBytes,
      );
    return isGood(error);
  }

  close(): void {
    this.#symbols.gcry_cipher_close(this.#handle);
  }
}

/** Makes the cipher of a catalogue name; throws where it cannot be had. */
export function makeGcryptCipher(
  symbols: Libgcrypt,
  algorithm: string,
  key: Uint8Array,
  encrypts: boolean,
): Cipher {
  const recipe = RECIPES[algorithm];
  if (!recipe) throw new Error(`libgcrypt has no cipher "${algorithm}"`);
  return new GcryptCipher(symbols, recipe, key, encrypts);
}
