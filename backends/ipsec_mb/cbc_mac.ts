/**
 * CBC-MAC by CBC encryption, for what the library's own jobs do not take: long
 * and empty messages, AES-192, and CCM with much associated data.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { CipherKernel } from "./ciphers.ts";
import type { Beyond } from "./hash_kernel.ts";
import type { LoneJobs } from "./lone_jobs.ts";
import type { JobRunner } from "./runner.ts";

const BLOCK_BYTES = 16;
const ZERO_IV = new Uint8Array(BLOCK_BYTES);

/** Opens the padding of CMAC and XCBC (RFC 4493 §2.4, RFC 3566 §4). */
const PADDING = 0x80;

export class CbcMac {
  readonly #cipher: CipherKernel;

  constructor(library: IpsecMb, key: Uint8Array) {
    this.#cipher = new CipherKernel(library, {
      algorithm: "aes-cbc",
      direction: "encrypt",
      key,
    });
  }

  /** The last block; the message, whole blocks of bounce memory, is lost. */
  compute(
    runner: LoneJobs,
    at: number,
    lengthBytes: number,
    result: Uint8Array,
  ): boolean {
    if (!this.#cipher.transform(runner, at, lengthBytes, ZERO_IV)) return false;
    const end = at + lengthBytes;
    result.set(runner.bytes.subarray(end - BLOCK_BYTES, end));
    return true;
  }

  /** The block cipher's output for a block of zeros. */
  encryptZero(runner: JobRunner): Uint8Array {
    const at = runner.reserve(BLOCK_BYTES);
    const result = new Uint8Array(BLOCK_BYTES);
    runner.bytes.fill(0, at, at + BLOCK_BYTES);
    if (!this.compute(runner, at, BLOCK_BYTES, result)) {
      throw new Error("libIPSec_MB: AES failed");
    }
    return result;
  }

  /** The MAC that masks its last block, with one of two keys. */
  beyond(forWhole: Uint8Array, forPadded: Uint8Array): Beyond {
    return (runner, at, lengthBytes, result) => {
      const { bytes } = runner;
      const rest = lengthBytes % BLOCK_BYTES;
      const isWhole = rest === 0 && lengthBytes > 0;
      const padded = isWhole ? lengthBytes : lengthBytes - rest + BLOCK_BYTES;
      if (!isWhole) {
        bytes[at + lengthBytes] = PADDING;
        bytes.fill(0, at + lengthBytes + 1, at + padded);
      }
      const mask = isWhole ? forWhole : forPadded;
      const last = at + padded - BLOCK_BYTES;
      for (let i = 0; i < BLOCK_BYTES; i++) bytes[last + i]! ^= mask[i]!;
      return this.compute(runner, at, padded, result);
    };
  }

  close(): void {
    this.#cipher.close();
  }
}
