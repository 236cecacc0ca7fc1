/**
 * AEADs: what the library's jobs take, and the same made of smaller parts for
 * what they do not.
 *
 * @module
 */

import type { AeadSession } from "../../algorithms/session_description.ts";
import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import {
  ChainOrder,
  CipherDirection,
  CipherMode,
  HashAlgorithm,
} from "../../ffi/ipsec_mb_layout.ts";
import type { Operation } from "../backend.ts";
import type { AeadInParts } from "./aead_in_parts.ts";
import { CcmInParts } from "./ccm.ts";
import { LANE_BYTES, prepareAes, prepareRaw } from "./ciphers.ts";
import { GcmWithCounterBlock } from "./gcm.ts";
import { emptyTemplate, putLong, WORD } from "./job_table.ts";
import { prepareGcm } from "./macs.ts";
import type { NativeBlock } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";

/** An AEAD with its key. */
export interface AeadKernel {
  readonly words: Uint32Array<ArrayBuffer>;
  /** Length of the IV with which one job does a message, whatever else; or -1. */
  readonly directIvBytes: number;
  /** Whether one job does the operation. */
  fitsJob(operation: Operation): boolean;
  /** Absent where jobs do everything. */
  readonly parts?: AeadInParts;
  readonly block: NativeBlock;
}

interface Shape {
  readonly mode: number;
  readonly hash: number;
  readonly encryption: number;
  /** For CCM, which deciphers before it authenticates. */
  readonly ciphersFirstToDecrypt?: boolean;
}

function makeWords(
  runner: JobRunner,
  description: AeadSession,
  { mode, hash, encryption, ciphersFirstToDecrypt = false }: Shape,
): Uint32Array<ArrayBuffer> {
  const encrypts = description.direction === "encrypt";
  const words = emptyTemplate(runner.library.jobBytes);
  putLong(words, WORD.encKeys, encryption);
  putLong(words, WORD.decKeys, encryption);
  putLong(words, WORD.keyBytes, description.key.length);
  putLong(words, WORD.tagBytes, description.tagBytes);
  words[WORD.cipherMode] = mode;
  words[WORD.hashAlgorithm] = hash;
  words[WORD.direction] = encrypts
    ? CipherDirection.ENCRYPT
    : CipherDirection.DECRYPT;
  words[WORD.order] = encrypts === ciphersFirstToDecrypt
    ? ChainOrder.HASH_CIPHER
    : ChainOrder.CIPHER_HASH;
  runner.library.setSession?.(words);
  return words;
}

const GCM_IV_BYTES = 12;

function makeGcm(runner: JobRunner, description: AeadSession): AeadKernel {
  const block = prepareGcm(runner.library, description.key);
  return {
    words: makeWords(runner, description, {
      mode: CipherMode.GCM,
      hash: HashAlgorithm.AES_GMAC,
      encryption: block.address,
    }),
    directIvBytes: GCM_IV_BYTES,
    fitsJob: ({ ivBytes }) => ivBytes === GCM_IV_BYTES,
    parts: new GcmWithCounterBlock(runner.library, description.key, block),
    block,
  };
}

/** The library's CCM has three blocks for associated data and its length. */
const CCM_ADDITIONAL_BYTES = 46;

function makeCcm(runner: JobRunner, description: AeadSession): AeadKernel {
  const { key } = description;
  const { block, encryption } = prepareAes(runner.library, key);
  return {
    words: makeWords(runner, description, {
      mode: CipherMode.CCM,
      hash: HashAlgorithm.AES_CCM,
      encryption,
      ciphersFirstToDecrypt: true,
    }),
    directIvBytes: -1,
    fitsJob: ({ source, additionalData }) =>
      key.length !== 24 && source.totalBytes > 0 &&
      source.totalBytes <= LANE_BYTES &&
      additionalData.totalBytes <= CCM_ADDITIONAL_BYTES,
    parts: new CcmInParts(runner.library, key, description.tagBytes),
    block,
  };
}

/** Without AVX the library's ChaCha20 leaves its buffers, up to version 2.0.2. */
export function hasSafeChaCha(library: IpsecMb): boolean {
  return library.hasAvx;
}

function makeChaCha(runner: JobRunner, description: AeadSession): AeadKernel {
  if (!hasSafeChaCha(runner.library)) {
    throw new Error("ipsec-mb has no safe chacha20-poly1305 without AVX");
  }
  const { block, encryption } = prepareRaw(runner.library, description.key);
  return {
    words: makeWords(runner, description, {
      mode: CipherMode.CHACHA20_POLY1305,
      hash: HashAlgorithm.CHACHA20_POLY1305,
      encryption,
    }),
    directIvBytes: 12,
    fitsJob: () => true,
    block,
  };
}

const MAKERS: Readonly<
  Record<string, (runner: JobRunner, description: AeadSession) => AeadKernel>
> = {
  "gcm": makeGcm,
  "ccm": makeCcm,
  "chacha20-poly1305": makeChaCha,
};

/** Names of the AEADs that the library has. */
export const AEAD_NAMES: readonly string[] = Object.keys(MAKERS);

export function makeAeadKernel(
  runner: JobRunner,
  description: AeadSession,
): AeadKernel {
  const make = MAKERS[description.algorithm];
  if (!make) throw new Error(`ipsec-mb has no AEAD ${description.algorithm}`);
  return make(runner, description);
}
