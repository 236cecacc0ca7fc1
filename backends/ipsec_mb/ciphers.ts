/**
 * The ciphers: key schedules, and messages longer than a job may be.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { CipherSession } from "../../algorithms/session_description.ts";
import type { ColdFunctions, IpsecMb } from "../../ffi/ipsec_mb.ts";
import { CipherDirection, CipherMode } from "../../ffi/ipsec_mb_layout.ts";
import {
  emptyTemplate,
  type JobTemplate,
  makeTemplate,
  putLong,
  WORD,
} from "./job_table.ts";
import type { LoneCipher, LoneJobs } from "./lone_jobs.ts";
import { FARTHEST_END } from "../../memory/segments.ts";
import { NativeBlock } from "./native_memory.ts";

/** The library counts the bytes of its lanes with 16 bits. */
export const LANE_BYTES = 65534;

/** A prepared key. */
interface NativeKey {
  readonly block: NativeBlock;
  readonly encryption: number;
  readonly decryption: number;
}

/** How a message continues in the next job. */
type Continuation = "chained" | "counted" | "independent" | "never";

interface Recipe {
  readonly mode: number;
  readonly prepare: (library: IpsecMb, key: Uint8Array) => NativeKey;
  readonly continuation: Continuation;
  /** The longest job, where it is not the lanes' limit. */
  readonly longestBytes?: number;
  /** Lengths of the structure are in bits. */
  readonly countsBits?: boolean;
  /**
   * No two jobs may wait at once: with AVX-512, as far as version 2.0.2, DES
   * gives the output of one to the other (intel/intel-ipsec-mb#169).
   */
  readonly isSolitary?: boolean;
}

/** Offset of the decryption keys; encryption takes 15 blocks at most. */
const DECRYPTION_KEYS = 256;

/** The AES key schedules: an address for each direction. */
export function prepareAes(library: IpsecMb, key: Uint8Array): NativeKey {
  const block = new NativeBlock(2 * DECRYPTION_KEYS);
  const name = `keyexp_${8 * key.length}` as keyof Pick<
    ColdFunctions,
    "keyexp_128" | "keyexp_192" | "keyexp_256"
  >;
  library.cold[name](
    key as Uint8Array<ArrayBuffer>,
    block.bytes,
    block.bytes.subarray(DECRYPTION_KEYS),
  );
  const decryption = block.address + DECRYPTION_KEYS;
  return { block, encryption: block.address, decryption };
}

const sameBothWays = (block: NativeBlock, start = 0): NativeKey => ({
  block,
  encryption: block.address + start,
  decryption: block.address + start,
});

const DES_SCHEDULE_BYTES = 128;

function prepareDes(library: IpsecMb, key: Uint8Array): NativeKey {
  const block = new NativeBlock(DES_SCHEDULE_BYTES);
  library.cold.des_key_sched(block.bytes, key as Uint8Array<ArrayBuffer>);
  return sameBothWays(block);
}

/** Three schedules and then an array of their addresses. */
function prepareTripleDes(library: IpsecMb, key: Uint8Array): NativeKey {
  const table = 3 * DES_SCHEDULE_BYTES;
  const block = new NativeBlock(table + 24);
  for (let i = 0; i < 3; i++) {
    const start = i * DES_SCHEDULE_BYTES;
    library.cold.des_key_sched(
      block.bytes.subarray(start),
      key.subarray(8 * i, 8 * i + 8) as Uint8Array<ArrayBuffer>,
    );
    putLong(block.words, table / 4 + 2 * i, block.address + start);
  }
  return sameBothWays(block, table);
}

function prepareKasumi(library: IpsecMb, key: Uint8Array): NativeKey {
  const { cold } = library;
  const block = new NativeBlock(Number(cold.kasumi_key_sched_size()));
  cold.kasumi_init_f8_key_sched(key as Uint8Array<ArrayBuffer>, block.bytes);
  return sameBothWays(block);
}

/** The SNOW 3G key schedule. */
export function prepareSnow3g(library: IpsecMb, key: Uint8Array): NativeKey {
  const { cold } = library;
  const block = new NativeBlock(Number(cold.snow3g_key_sched_size()));
  cold.snow3g_init_key_sched(key as Uint8Array<ArrayBuffer>, block.bytes);
  return sameBothWays(block);
}

/** A key that the library takes as it is. */
export function prepareRaw(_library: IpsecMb, key: Uint8Array): NativeKey {
  const block = new NativeBlock(key.length);
  block.bytes.set(key);
  return sameBothWays(block);
}

/** KASUMI is defined for 20000 bits at most (3GPP TS 35.201 §3.2). */
export const KASUMI_LONGEST_BYTES = 20000 / 8;
/** ZUC's EEA3 and EIA3 are defined for 65504 bits at most. */
export const ZUC_LONGEST_BYTES = 65504 / 8;
/** SNOW 3G counts bits with 32 bits. */
export const SNOW3G_LONGEST_BYTES = 2 ** 29 - 1;

const RECIPES: Readonly<Record<string, Recipe>> = {
  "aes-cbc": {
    mode: CipherMode.CBC,
    prepare: prepareAes,
    continuation: "chained",
  },
  "aes-ctr": {
    mode: CipherMode.CNTR,
    prepare: prepareAes,
    continuation: "counted",
    longestBytes: FARTHEST_END,
  },
  "aes-ecb": {
    mode: CipherMode.ECB,
    prepare: prepareAes,
    continuation: "independent",
  },
  "des-cbc": {
    mode: CipherMode.DES,
    prepare: prepareDes,
    continuation: "chained",
    isSolitary: true,
  },
  "3des-cbc": {
    mode: CipherMode.DES3,
    prepare: prepareTripleDes,
    continuation: "chained",
    isSolitary: true,
  },
  "kasumi-f8": {
    mode: CipherMode.KASUMI_UEA1_BITLEN,
    prepare: prepareKasumi,
    continuation: "never",
    longestBytes: KASUMI_LONGEST_BYTES,
    countsBits: true,
  },
  "snow3g-uea2": {
    mode: CipherMode.SNOW3G_UEA2_BITLEN,
    prepare: prepareSnow3g,
    continuation: "never",
    longestBytes: SNOW3G_LONGEST_BYTES,
    countsBits: true,
  },
  "zuc-eea3": {
    mode: CipherMode.ZUC_EEA3,
    prepare: prepareRaw,
    continuation: "never",
    longestBytes: ZUC_LONGEST_BYTES,
  },
};

/** Names of the ciphers that the library has. */
export const CIPHER_NAMES: readonly string[] = Object.keys(RECIPES);

const AES_BLOCK_BYTES = 16;

/** A cipher with its key. */
export class CipherKernel implements LoneCipher {
  readonly mode: number;
  readonly direction: number;
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly blockBytes: number;
  readonly lengthUnit: number;
  /** The longest message that one job takes; a region is no longer either. */
  readonly longestJobBytes: number;
  readonly template: JobTemplate;
  readonly #continuation: Continuation;
  readonly #isSolitary: boolean;
  readonly #blockMask: number;
  readonly #key: NativeKey;
  readonly #iv: Uint8Array;

  constructor(library: IpsecMb, session: Omit<CipherSession, "service">) {
    const recipe = RECIPES[session.algorithm];
    if (!recipe) throw new Error(`ipsec-mb has no cipher ${session.algorithm}`);
    const algorithm = algorithmByName("cipher", session.algorithm)!;
    const { longestBytes = LANE_BYTES } = recipe;
    this.mode = recipe.mode;
    this.direction = session.direction === "encrypt"
      ? CipherDirection.ENCRYPT
      : CipherDirection.DECRYPT;
    this.keyBytes = session.key.length;
    this.ivBytes = algorithm.ivBytes;
    this.blockBytes = algorithm.blockBytes;
    this.#blockMask = algorithm.blockBytes - 1;
    this.lengthUnit = recipe.countsBits ? 8 : 1;
    this.longestJobBytes = longestBytes - longestBytes % this.blockBytes;
    this.#continuation = recipe.continuation;
    this.#isSolitary = recipe.isSolitary ?? false;
    this.#key = recipe.prepare(library, session.key);
    this.#iv = new Uint8Array(this.ivBytes);
    const words = emptyTemplate(library.jobBytes);
    this.fill(words);
    library.setSession?.(words);
    this.template = makeTemplate(words);
  }

  /** Sets the words that are this cipher's in a job's template. */
  fill(words: Uint32Array): void {
    putLong(words, WORD.encKeys, this.#key.encryption);
    putLong(words, WORD.decKeys, this.#key.decryption);
    putLong(words, WORD.keyBytes, this.keyBytes);
    putLong(words, WORD.ivBytes, this.ivBytes);
    words[WORD.cipherMode] = this.mode;
    words[WORD.direction] = this.direction;
  }

  /** Whether a counter must not be carried beyond its last 32 bits. */
  get counts(): boolean {
    return this.#continuation === "counted";
  }

  /** Whether a message is done in pieces, each of which needs the one before. */
  get isChained(): boolean {
    return this.#continuation === "chained" && !this.#isSolitary;
  }

  /** Whether the cipher takes this vector and a message of this length. */
  accepts(ivBytes: number, lengthBytes: number): boolean {
    // All blocks are of a power of two; a remainder costs more than the rest.
    return ivBytes >= this.ivBytes && (lengthBytes & this.#blockMask) === 0 &&
      (lengthBytes <= this.longestJobBytes || this.#continuation !== "never");
  }

  /** Whether the message may be a job that waits for others. */
  fitsJob(iv: Uint8Array, lengthBytes: number): boolean {
    return !this.#isSolitary && lengthBytes <= this.longestJobBytes &&
      (this.#continuation !== "counted" ||
        lengthBytes <= bytesBeforeCarry(iv));
  }

  /** Runs in place over bounce memory; the caller has asked `accepts`. */
  transform(
    runner: LoneJobs,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): boolean {
    const current = this.#iv;
    for (let i = 0; i < current.length; i++) current[i] = iv[i]!;
    for (let done = 0; done < lengthBytes;) {
      const longest = this.#continuation === "counted"
        ? bytesBeforeCarry(current)
        : this.longestJobBytes;
      const part = Math.min(longest, lengthBytes - done);
      const last = at + done + part - this.blockBytes;
      const next = this.#nextIv(runner, last, current);
      if (!runner.cipherAlone(this, at + done, part, current)) return false;
      current.set(next ?? this.#lastBlock(runner, last));
      done += part;
    }
    return true;
  }

  /** What is known of the next vector before the job has run. */
  #nextIv(runner: LoneJobs, last: number, iv: Uint8Array) {
    switch (this.#continuation) {
      case "chained":
        return this.direction === CipherDirection.DECRYPT
          ? this.#lastBlock(runner, last).slice()
          : undefined;
      case "counted":
        return carried(iv);
      default:
        return iv;
    }
  }

  #lastBlock(runner: LoneJobs, last: number): Uint8Array {
    return runner.bytes.subarray(last, last + this.blockBytes);
  }

  finish(): void {}

  close(): void {
    this.#key.block.wipe();
    this.template.words.fill(0);
    this.#iv.fill(0);
  }
}

/** The library carries within the last 32 bits of a counter block only. */
function bytesBeforeCarry(iv: Uint8Array): number {
  const counter = (iv[12]! << 24 | iv[13]! << 16 | iv[14]! << 8 | iv[15]!) >>>
    0;
  return (2 ** 32 - counter) * AES_BLOCK_BYTES;
}

/** The counter block after the last 32 bits have wrapped. */
function carried(iv: Uint8Array): Uint8Array {
  const next = iv.slice();
  next.fill(0, 12);
  for (let i = 11; i >= 0; i--) {
    next[i] = (next[i]! + 1) & 0xff;
    if (next[i] !== 0) break;
  }
  return next;
}
