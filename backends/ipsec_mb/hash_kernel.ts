/**
 * A hash or MAC as jobs see it.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { ChainOrder } from "../../ffi/ipsec_mb_layout.ts";
import type { CipherKernel } from "./ciphers.ts";
import {
  emptyTemplate,
  type JobTemplate,
  makeTemplate,
  putLong,
  WORD,
} from "./job_table.ts";
import type { LoneHash, LoneJobs } from "./lone_jobs.ts";
import type { NativeBlock } from "./native_memory.ts";

/** Bounce memory that a kernel may use before and after a message. */
export const HEADROOM_BYTES = 128;
export const TAILROOM_BYTES = 64;

/**
 * Does what no job does: a message that is empty or too long. Writes the full
 * digest to `result`; may change the message and the room around it.
 */
export type Beyond = (
  runner: LoneJobs,
  at: number,
  lengthBytes: number,
  result: Uint8Array<ArrayBuffer>,
) => boolean;

export interface HashSettings {
  /** `IMB_HASH_ALG`; absent where there is no job for it at all. */
  readonly algorithm?: number;
  readonly digestBytes: number;
  /** What a job gives, where it is less. */
  readonly jobDigestBytes?: number;
  /** Addresses or lengths for the structure's `u`. */
  readonly u?: readonly number[];
  /** Length of the vector that opens the message. */
  readonly ivBytes?: number;
  /** Where in `u` the vector's address goes: 1 for its second field. */
  readonly ivField?: number;
  /** Messages that a job takes. */
  readonly shortestBytes: number;
  readonly longestBytes: number;
  /** Lengths of the structure are in bits. */
  readonly countsBits?: boolean;
  /** The library reads whole blocks of this length, past a message's end. */
  readonly readBlockBytes?: number;
  readonly beyond?: Beyond;
  /** Key memory to wipe. */
  readonly blocks: readonly NativeBlock[];
  /** Wipes what else holds the key. */
  readonly wipe?: () => void;
}

/** A hash or a MAC with its key. */
export class HashKernel implements LoneHash {
  readonly ivBytes: number;
  readonly lengthUnit: number;
  readonly template: JobTemplate;
  readonly #settings: HashSettings;
  readonly #result: Uint8Array<ArrayBuffer>;

  constructor(library: IpsecMb, settings: HashSettings) {
    this.#settings = settings;
    this.ivBytes = settings.ivBytes ?? 0;
    this.lengthUnit = settings.countsBits ? 8 : 1;
    this.#result = new Uint8Array(settings.digestBytes);
    const words = emptyTemplate(library.jobBytes);
    this.fill(words);
    library.setSession?.(words);
    const { ivField } = settings;
    this.template = makeTemplate(
      words,
      ivField === undefined ? 0 : WORD.u + 2 * ivField,
    );
  }

  /** Sets the words that are this hash's in a job's template. */
  fill(words: Uint32Array): void {
    const { algorithm, u = [], digestBytes } = this.#settings;
    const { jobDigestBytes = digestBytes } = this.#settings;
    if (algorithm !== undefined) words[WORD.hashAlgorithm] = algorithm;
    u.forEach((value, i) => putLong(words, WORD.u + 2 * i, value));
    putLong(words, WORD.tagBytes, jobDigestBytes);
  }

  /** `IMB_HASH_ALG`; absent where there is no job for it at all. */
  get algorithm(): number | undefined {
    return this.#settings.algorithm;
  }

  /** What a job writes; 0 where there is none. */
  get jobDigestBytes(): number {
    const { algorithm, digestBytes, jobDigestBytes = digestBytes } =
      this.#settings;
    return algorithm === undefined ? 0 : jobDigestBytes;
  }

  /** Whether one job does the message. */
  fitsJob(lengthBytes: number): boolean {
    const { algorithm, shortestBytes, longestBytes } = this.#settings;
    return algorithm !== undefined && lengthBytes >= shortestBytes &&
      lengthBytes <= longestBytes;
  }

  /** Whether a job reads nothing outside of a message. */
  staysInside(lengthBytes: number): boolean {
    return lengthBytes % (this.#settings.readBlockBytes ?? 1) === 0;
  }

  /** The full digest of a message in bounce memory, or `undefined`. */
  digest(
    runner: LoneJobs,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (this.fitsJob(lengthBytes)) {
      return runner.hashAlone(this, at, lengthBytes, iv);
    }
    const { beyond } = this.#settings;
    return beyond?.(runner, at, lengthBytes, this.#result)
      ? this.#result
      : undefined;
  }

  finish(): void {}

  close(): void {
    for (const block of this.#settings.blocks) block.wipe();
    this.#settings.wipe?.();
    this.#result.fill(0);
    this.template.words.fill(0);
  }
}

/** The template of a job with both a cipher and a hash. */
export function chainTemplate(
  library: IpsecMb,
  cipher: CipherKernel,
  hash: HashKernel,
  hashesFirst: boolean,
): JobTemplate {
  const words = emptyTemplate(library.jobBytes);
  cipher.fill(words);
  hash.fill(words);
  words[WORD.order] = hashesFirst
    ? ChainOrder.HASH_CIPHER
    : ChainOrder.CIPHER_HASH;
  library.setSession?.(words);
  return makeTemplate(words);
}
