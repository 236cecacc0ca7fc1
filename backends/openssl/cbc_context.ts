/**
 * One context of AES-CBC for all keys of a length and a direction: a message
 * begins by writing its IV, and where its key schedule lies, to where libcrypto's
 * default provider has them. `EVP_CipherInit_ex2` costs more than the encryption
 * of 64 bytes, and a context for each session a dozen lines of the caches.
 *
 * libcrypto hands out the address of the IV (`EVP_CIPHER_CTX_iv_noconst`). Behind
 * it the provider's context has, in every 3.x:
 *
 *     …
 *     const void *ks;            the key schedule that is used
 *     OSSL_LIB_CTX *libctx;
 *     AES_KEY …;                 the context's own, where `ks` points
 *
 * Each context is tried out with schedules elsewhere before it is used so.
 *
 * @module
 */

import { addressOf } from "../../ffi/libc.ts";
import {
  fixedBytes,
  type Handle,
  type Libcrypto,
} from "../../ffi/libcrypto.ts";
import type { Transform } from "../primitives/pieces.ts";
import type { Bytes } from "../primitives/primitives.ts";
import { beginMessage, newCipherContext } from "./ciphers.ts";
import { type KeySchedules, SCHEDULE_WORDS } from "./key_schedules.ts";
import type { KeptPointer } from "./kept_pointer.ts";
import type { CryptoLibrary } from "./library.ts";

const BLOCK_BYTES = 16;
const IV_WORDS = 4;
/** From the IV on; the schedule alone is as long. */
const SEARCHED_WORDS = 60;
/** How far behind its pointer the context's own schedule begins at most. */
const FARTHEST_BYTES = 64;
const TWO_TO_32 = 2 ** 32;

/** The context, from its IV to the end of its own schedule. */
interface Memory {
  readonly words: Int32Array<ArrayBuffer>;
  /** The word of `words` where the pointer to the schedule is. */
  readonly pointerAt: number;
  readonly schedule: Int32Array<ArrayBuffer>;
}

/** A context whose key is changed with every message. */
export class CbcContext implements Transform {
  readonly blockBytes = BLOCK_BYTES;
  readonly whole = false;
  readonly #symbols: Libcrypto;
  readonly #context: Handle;
  readonly #pointer: KeptPointer;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #pointerAt: number;
  readonly #own: Int32Array<ArrayBuffer>;
  readonly #ownLow: number;
  readonly #ownHigh: number;

  constructor(
    symbols: Libcrypto,
    context: Handle,
    pointer: KeptPointer,
    { words, pointerAt, schedule }: Memory,
  ) {
    this.#symbols = symbols;
    this.#context = context;
    this.#pointer = pointer;
    this.#words = words;
    this.#pointerAt = pointerAt;
    this.#own = schedule;
    this.#ownLow = words[pointerAt]!;
    this.#ownHigh = words[pointerAt + 1]!;
  }

  /** Puts the schedule of a key among `schedules`; its place there. */
  expand(key: Uint8Array, schedules: KeySchedules): number {
    const own = this.#own;
    try {
      if (
        !beginMessage(this.#symbols, this.#context, key as Bytes, null) ||
        !this.isOwn
      ) throw new Error("libcrypto: expanding an AES key failed");
      return schedules.add(own);
    } finally {
      own.fill(0);
    }
  }

  /** Whether the schedule that is used is the context's own. */
  get isOwn(): boolean {
    return this.#words[this.#pointerAt] === this.#ownLow &&
      this.#words[this.#pointerAt + 1] === this.#ownHigh;
  }

  /**
   * Begins a message with the schedule at this address and the IV of 16 bytes from
   * word `at` of `ivs` on.
   */
  begin(low: number, high: number, ivs: Uint32Array, at: number): void {
    const words = this.#words;
    const pointerAt = this.#pointerAt;
    words[pointerAt] = low;
    words[pointerAt + 1] = high;
    words[0] = ivs[at]!;
    words[1] = ivs[at + 1]!;
    words[2] = ivs[at + 2]!;
    words[3] = ivs[at + 3]!;
  }

  piece(input: Bytes, output: Bytes): boolean {
    const { length } = input;
    return this.#symbols.EVP_Cipher(this.#context, output, input, length) > 0;
  }

  pieceInPlace(bytes: Bytes, lengthBytes: number): boolean {
    const pointer = this.#pointer.of(bytes);
    return this.#symbols
      .EVP_Cipher_kept(this.#context, pointer, pointer, lengthBytes) > 0;
  }

  close(): void {
    const words = this.#words;
    words[this.#pointerAt] = this.#ownLow;
    words[this.#pointerAt + 1] = this.#ownHigh;
    this.#symbols.EVP_CIPHER_CTX_free(this.#context);
  }
}

/**
 * The context of a key length and direction; undefined where another provider or
 * an engine does the cipher, or the default one keeps its keys in another way.
 */
export function openCbcContext(
  library: CryptoLibrary,
  keyBytes: number,
  encrypts: boolean,
): CbcContext | undefined {
  const name = `AES-${8 * keyBytes}-CBC`;
  if (!library.isDefaultCipher(name)) return undefined;
  const { symbols } = library;
  const anyKey = fixedBytes(new Uint8Array(keyBytes));
  const context = newCipherContext(library, name, anyKey, encrypts);
  const memory = findMemory(symbols, context);
  if (memory !== undefined) {
    const found = new CbcContext(symbols, context, library.keptPointer, memory);
    if (isUsable(symbols, context, found, memory, keyBytes)) return found;
  }
  symbols.EVP_CIPHER_CTX_free(context);
  library.clearErrors();
  return undefined;
}

/** Where the context has what a message begins with, as far as one can see. */
function findMemory(symbols: Libcrypto, context: Handle): Memory | undefined {
  const pointer = symbols.EVP_CIPHER_CTX_iv_noconst?.(context) ?? null;
  if (pointer === null) return undefined;
  const address = Number(Deno.UnsafePointer.value(pointer));
  if (address % 8 !== 0) return undefined;
  const view = (offset: number, words: number) =>
    new Int32Array(
      Deno.UnsafePointerView
        .getArrayBuffer(Deno.UnsafePointer.offset(pointer, offset)!, 4 * words),
    );
  const words = view(0, SEARCHED_WORDS);
  for (let i = IV_WORDS; i < SEARCHED_WORDS; i += 2) {
    const offset = TWO_TO_32 * (words[i + 1]! >>> 0) + (words[i]! >>> 0) -
      address;
    if (offset > 4 * i && offset <= 4 * i + FARTHEST_BYTES) {
      const schedule = view(offset, SCHEDULE_WORDS);
      return { words, pointerAt: i, schedule };
    }
  }
  return undefined;
}

/** Whether two keys do what they should, back and forth, from elsewhere. */
function isUsable(
  symbols: Libcrypto,
  context: Handle,
  found: CbcContext,
  { schedule }: Memory,
  keyBytes: number,
): boolean {
  const iv = fixedBytes(Uint8Array.from({ length: 16 }, (_, i) => 7 * i + 1));
  const ivs = new Uint32Array(iv.buffer);
  const data = () => new Uint8Array(new ArrayBuffer(2 * BLOCK_BYTES));
  const tried = [3, 5].map((step) => {
    const key = Uint8Array.from({ length: keyBytes }, (_, i) => step * i + 1);
    const expected = data();
    const done = beginMessage(symbols, context, fixedBytes(key), iv) &&
      found.piece(expected, expected);
    const words = new Int32Array(new ArrayBuffer(4 * SCHEDULE_WORDS));
    words.set(schedule);
    return { done, expected, words };
  });
  schedule.fill(0);
  const isRight = [0, 1, 0].every((which) => {
    const { done, expected, words } = tried[which]!;
    const result = data();
    const address = Number(addressOf(new Uint8Array(words.buffer)));
    found.begin(address | 0, Math.floor(address / TWO_TO_32) | 0, ivs, 0);
    return done && found.piece(result, result) &&
      result.every((byte, i) => byte === expected[i]);
  });
  const anyKey = fixedBytes(new Uint8Array(keyBytes));
  return isRight && beginMessage(symbols, context, anyKey, null) &&
    found.isOwn;
}
