/**
 * Jobs that wait for their burst: prefilled structures of which a request
 * changes a few words only.
 *
 * @module
 */

import {
  ChainOrder,
  CipherDirection,
  CipherMode,
  HashAlgorithm,
  JOB,
  MAX_BURST_SIZE,
} from "../../ffi/ipsec_mb_layout.ts";
import type { Operation } from "../backend.ts";
import { NativeBlock } from "./native_memory.ts";

/** What makes jobs: the structure's words that all its jobs share. */
export interface JobOwner {
  readonly template: JobTemplate;
  /**
   * Ends an operation whose job is done, well or not; `scatterFrom`: where in
   * bounce memory the output is, or -1.
   */
  finish(
    operation: Operation,
    slot: number,
    done: boolean,
    scatterFrom: number,
  ): void;
}

/** The shared words of a job, and where the rest goes. */
export interface JobTemplate {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly family: JobFamily;
  /** Where in `u` the hash wants its own vector, or 0. */
  readonly hashIvWord: number;
}

/** Offsets in `IMB_JOB`, in 32-bit words. */
export const WORD = {
  encKeys: JOB.enc_keys / 4,
  decKeys: JOB.dec_keys / 4,
  keyBytes: JOB.key_len_in_bytes / 4,
  source: JOB.src / 4,
  destination: JOB.dst / 4,
  cipherStart: JOB.cipher_start_src_offset_in_bytes / 4,
  cipherLength: JOB.msg_len_to_cipher_in_bytes / 4,
  hashStart: JOB.hash_start_src_offset_in_bytes / 4,
  hashLength: JOB.msg_len_to_hash_in_bytes / 4,
  iv: JOB.iv / 4,
  ivBytes: JOB.iv_len_in_bytes / 4,
  tag: JOB.auth_tag_output / 4,
  tagBytes: JOB.auth_tag_output_len_in_bytes / 4,
  u: JOB.u / 4,
  status: JOB.status / 4,
  cipherMode: JOB.cipher_mode / 4,
  direction: JOB.cipher_direction / 4,
  hashAlgorithm: JOB.hash_alg / 4,
  order: JOB.chain_order / 4,
} as const;

const HIGH_WORD = 2 ** 32;

/** Writes an address or length of 64 bits. */
export function putLong(
  words: Uint32Array,
  index: number,
  value: number,
): void {
  words[index] = value;
  words[index + 1] = value / HIGH_WORD;
}

/**
 * Templates that differ in few words, mostly the addresses of their keys: a slot
 * goes from one to another by these words alone.
 */
class JobFamily {
  /** Where any two members differ. */
  readonly differing: number[] = [];
  readonly #first: Uint32Array;

  constructor(first: Uint32Array) {
    this.#first = first.slice();
  }

  admit(words: Uint32Array): void {
    words.forEach((word, i) => {
      if (word !== this.#first[i] && !this.differing.includes(i)) {
        this.differing.push(i);
      }
    });
  }
}

/** What mostly tells families apart; it decides on speed only. */
const FAMILY_WORDS = [
  WORD.cipherMode,
  WORD.direction,
  WORD.hashAlgorithm,
  WORD.order,
  WORD.keyBytes,
  WORD.tagBytes,
];

const families = new Map<string, JobFamily>();

/** A template of these words. */
export function makeTemplate(
  words: Uint32Array<ArrayBuffer>,
  hashIvWord = 0,
): JobTemplate {
  const key = [words.length, hashIvWord, ...FAMILY_WORDS.map((i) => words[i])]
    .join();
  let family = families.get(key);
  if (!family) families.set(key, family = new JobFamily(words));
  family.admit(words);
  return { words, family, hashIvWord };
}

/** Each slot has a vector of its own, and a place for the library's tag. */
const SIDE_BYTES = 128;
export const SIDE_WORDS: number = SIDE_BYTES / 4;
const TAG_START = 64;
/** The longest vector of a job. */
export const IV_BYTES = 16;
const TAG_BYTES = 64;

/** The words of a job without cipher and hash. */
export function emptyTemplate(jobBytes: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(jobBytes / 4);
  words[WORD.cipherMode] = CipherMode.NULL;
  words[WORD.hashAlgorithm] = HashAlgorithm.NULL;
  words[WORD.direction] = CipherDirection.ENCRYPT;
  words[WORD.order] = ChainOrder.CIPHER_HASH;
  return words;
}

/** What a job takes of its request beside source, tag and lengths. */
export const enum JobPart {
  Iv = 1,
  Destination = 2,
  AdditionalData = 4,
  /** The hash begins behind the cipher: where that is depends on the lists. */
  HashOfResult = 8,
}

/** Jobs side by side, as many as a burst may have. */
export class JobTable {
  readonly jobs: NativeBlock;
  readonly words: Uint32Array<ArrayBuffer>;
  /** Words of one job. */
  readonly stride: number;
  readonly operations: (Operation | undefined)[] = [];
  /** Who took a slot last: its template is there still. */
  readonly owners: (JobOwner | undefined)[] = [];
  /** The tag of each slot. */
  readonly tags: readonly Uint8Array<ArrayBuffer>[];
  /** Where the output waits to be scattered, or -1. */
  readonly scatterFrom = new Float64Array(MAX_BURST_SIZE).fill(-1);
  /** Slot of the burst whose request a job is, or -1: it is of an operation. */
  readonly slots = new Int32Array(MAX_BURST_SIZE);
  /**
   * The shape of the request whose lengths are in a job, 0 where they are of none,
   * and its round; the number of its session; and which {@linkcode JobPart}s it has.
   */
  readonly shapes = new Int32Array(MAX_BURST_SIZE);
  readonly rounds = new Int32Array(MAX_BURST_SIZE);
  readonly sessions = new Int32Array(MAX_BURST_SIZE);
  readonly parts = new Int32Array(MAX_BURST_SIZE);
  count = 0;
  /** The family of the template that is in a slot. */
  readonly #families: (JobFamily | undefined)[] = [];
  /** Vectors and tags of the jobs, {@linkcode SIDE_BYTES} for each. */
  readonly #side: NativeBlock;

  constructor(jobBytes: number, slots: number = MAX_BURST_SIZE) {
    this.stride = jobBytes / 4;
    this.jobs = new NativeBlock(slots * jobBytes);
    this.words = this.jobs.words;
    this.#side = new NativeBlock(slots * SIDE_BYTES);
    this.tags = Array.from({ length: slots }, (_, slot) => {
      const start = slot * SIDE_BYTES + TAG_START;
      return this.#side.bytes.subarray(start, start + TAG_BYTES);
    });
  }

  /** Takes the next slot; there is one. Its first word is at `slot * stride`. */
  take(owner: JobOwner, operation: Operation | undefined): number {
    const slot = this.count;
    this.prepare(owner);
    this.count++;
    this.operations[slot] = operation;
    this.slots[slot] = -1;
    const tag = this.#side.address + slot * SIDE_BYTES + TAG_START;
    putLong(this.words, slot * this.stride + WORD.tag, tag);
    return slot;
  }

  /** Makes the next slot one of this owner, without taking it; its first word. */
  prepare(owner: JobOwner): number {
    const slot = this.count;
    this.shapes[slot] = 0;
    if (this.owners[slot] !== owner) this.#prepare(owner, slot);
    return slot * this.stride;
  }

  /** The words of the vectors; those of a job are at `sideWord`. */
  get sideWords(): Uint32Array<ArrayBuffer> {
    return this.#side.words;
  }

  #prepare(owner: JobOwner, slot: number): void {
    const { words: template, family, hashIvWord } = owner.template;
    const { words } = this;
    const base = slot * this.stride;
    this.owners[slot] = owner;
    if (this.#families[slot] === family) {
      const { differing } = family;
      for (let i = 0; i < differing.length; i++) {
        words[base + differing[i]!] = template[differing[i]!]!;
      }
      return;
    }
    this.#families[slot] = family;
    const side = this.#side.address + slot * SIDE_BYTES;
    words.set(template, base);
    putLong(words, base + WORD.iv, side);
    if (hashIvWord !== 0) putLong(words, base + hashIvWord, side);
  }

  /** Copies a vector of at most `IV_BYTES` into a slot. */
  setIv(slot: number, iv: Uint8Array, ivBytes: number): void {
    const { bytes } = this.#side;
    const start = slot * SIDE_BYTES;
    for (let i = 0; i < ivBytes; i++) bytes[start + i] = iv[i]!;
  }

  /** Copies a vector of `IV_BYTES` into a slot. */
  setIvWords(slot: number, iv: Uint32Array): void {
    const { words } = this.#side;
    const start = slot * SIDE_WORDS;
    words[start] = iv[0]!;
    words[start + 1] = iv[1]!;
    words[start + 2] = iv[2]!;
    words[start + 3] = iv[3]!;
  }

  /** Gives all slots back. */
  drop(): void {
    this.operations.fill(undefined);
    this.count = 0;
  }

  isDone(slot: number, completed: number): boolean {
    return this.words[slot * this.stride + WORD.status] === completed;
  }

  /** Forgets an owner that is closed, and its keys' addresses. */
  forget(owner: JobOwner): void {
    this.owners.forEach((one, slot) => {
      if (one !== owner) return;
      this.shapes[slot] = 0;
      this.owners[slot] = undefined;
      this.#families[slot] = undefined;
      this.words.fill(0, slot * this.stride, (slot + 1) * this.stride);
    });
  }

  wipe(): void {
    this.jobs.wipe();
    this.#side.wipe();
    this.shapes.fill(0);
    this.owners.length = 0;
    this.#families.length = 0;
    this.operations.length = 0;
  }
}
