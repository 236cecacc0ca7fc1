/**
 * Which manager hashes the messages of a burst: the processor's own, with as many
 * lanes as its registers hold, or one that uses its instructions for SHA.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { HashAlgorithm } from "../../ffi/ipsec_mb_layout.ts";
import { LANE_BYTES } from "./ciphers.ts";
import { type JobTable, WORD } from "./job_table.ts";

// The engine folds constants of a module of its own only.
const LENGTH_WORD = WORD.hashLength;

const {
  HMAC_SHA_1,
  HMAC_SHA_224,
  HMAC_SHA_256,
  HMAC_SHA_384,
  HMAC_SHA_512,
  SHA_1,
  SHA_224,
  SHA_256,
} = HashAlgorithm;

/** What processors have instructions for. */
const BY_INSTRUCTIONS: ReadonlySet<number> = new Set([
  ...[HMAC_SHA_1, HMAC_SHA_224, HMAC_SHA_256],
  ...[SHA_1, SHA_224, SHA_256],
]);

/** Whether the processor has instructions for a hash. */
export const hasInstructions = (library: IpsecMb, hash: number): boolean =>
  library.hasShaInstructions && BY_INSTRUCTIONS.has(hash);

/**
 * The lanes of HMAC count blocks, with 15 bits and their sign; only the library's
 * own check keeps messages of more than {@linkcode LANE_BYTES} out. Tried with
 * AVX2 and with the instructions for SHA.
 */
const LONGEST_BYTES = 64 * (2 ** 15 - 2);

/** The longest message that an unchecked job hashes; 0: as long as a checked one. */
export const longestHashBytes = (library: IpsecMb, hash: number): number =>
  hasInstructions(library, hash) ||
    (library.isOfAvx2 && (hash === HMAC_SHA_384 || hash === HMAC_SHA_512))
    ? LONGEST_BYTES
    : 0;

/** From here on eight lanes of AVX2 are faster at SHA-1 than the instructions. */
const WIDE_JOBS = 8;
const WIDE_BYTES = 1024;

/** The managers for one hash. */
export class HashManagers {
  /** As {@linkcode longestHashBytes} says of the hash. */
  readonly longestBytes: number;
  readonly #library: IpsecMb;
  readonly #shaLibrary: IpsecMb | undefined;
  readonly #isWide: boolean;

  /** `shaLibrary`: that whose manager uses instructions for the hash. */
  constructor(
    library: IpsecMb,
    shaLibrary: IpsecMb | undefined,
    hash: number,
  ) {
    this.longestBytes = longestHashBytes(library, hash);
    this.#library = library;
    this.#shaLibrary = shaLibrary;
    this.#isWide = hash === HMAC_SHA_1 || hash === SHA_1;
  }

  /** Whose manager is the faster one for the first jobs of a table, and takes them. */
  choose({ words, stride }: JobTable, count: number): IpsecMb {
    const library = this.#library;
    const shaLibrary = this.#shaLibrary;
    if (shaLibrary === undefined) return library;
    let sumBytes = 0;
    let longestBytes = 0;
    for (let job = 0; job < count; job = (job + 1) | 0) {
      const lengthBytes = words[stride * job + LENGTH_WORD]!;
      sumBytes += lengthBytes;
      if (lengthBytes > longestBytes) longestBytes = lengthBytes;
    }
    if (longestBytes > LANE_BYTES) return shaLibrary;
    if (!library.isOfAvx2) return library;
    return this.#isWide && count >= WIDE_JOBS && sumBytes >= WIDE_BYTES * count
      ? library
      : shaLibrary;
  }
}
