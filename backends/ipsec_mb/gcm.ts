/**
 * GCM whose vector is the pre-counter block itself, made of counter mode and
 * GHASH (NIST SP 800-38D §7): the library's jobs would hash such a vector.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import type { Segments } from "../../memory/segments.ts";
import type { Operation } from "../backend.ts";
import type { AeadInParts } from "./aead_in_parts.ts";
import { CipherKernel } from "./ciphers.ts";
import { type NativeBlock, roundUp } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";

const BLOCK_BYTES = 16;
const TAG_BYTES = 16n;

export class GcmWithCounterBlock implements AeadInParts {
  readonly #library: IpsecMb;
  readonly #cipher: CipherKernel;
  readonly #keyData: NativeBlock;
  readonly #lengths = new Uint8Array(BLOCK_BYTES);
  readonly #lengthsView = new DataView(this.#lengths.buffer);

  /** `keyData` stays the caller's. */
  constructor(library: IpsecMb, key: Uint8Array, keyData: NativeBlock) {
    this.#library = library;
    this.#keyData = keyData;
    this.#cipher = new CipherKernel(library, {
      algorithm: "aes-ctr",
      direction: "encrypt",
      key,
    });
  }

  run(
    runner: JobRunner,
    { source, additionalData, iv }: Operation,
    encrypts: boolean,
    tag: Uint8Array,
  ): number {
    const lengthBytes = source.totalBytes;
    const room = roundUp(BLOCK_BYTES + lengthBytes, 64);
    // The counter block itself masks the tag, and those after it the data.
    const at = runner.reserve(room + additionalData.totalBytes);
    const start = at + BLOCK_BYTES;
    const data = runner.bytes.subarray(start, start + lengthBytes);
    runner.bytes.fill(0, at, start);
    source.read(0, data);
    tag.fill(0);
    this.#absorb(this.#gather(runner, at + room, additionalData), tag);
    if (!encrypts) this.#absorb(data, tag);
    const count = BLOCK_BYTES + lengthBytes;
    if (!runner.cipherAlone(this.#cipher, at, count, iv)) return -1;
    if (encrypts) this.#absorb(data, tag);
    this.#finish(additionalData.totalBytes, lengthBytes, tag);
    for (let i = 0; i < BLOCK_BYTES; i++) tag[i]! ^= runner.bytes[at + i]!;
    return start;
  }

  #gather(runner: JobRunner, at: number, from: Segments): Uint8Array {
    const bytes = runner.bytes.subarray(at, at + from.totalBytes);
    from.read(0, bytes);
    return bytes;
  }

  /** Adds bytes, padded to whole blocks, to the hash. */
  #absorb(bytes: Uint8Array, tag: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#library.cold.ghash(
      this.#keyData.bytes,
      bytes as Uint8Array<ArrayBuffer>,
      BigInt(bytes.length),
      tag as Uint8Array<ArrayBuffer>,
      TAG_BYTES,
    );
  }

  #finish(
    additionalBytes: number,
    lengthBytes: number,
    tag: Uint8Array,
  ): void {
    this.#lengthsView.setBigUint64(0, 8n * BigInt(additionalBytes));
    this.#lengthsView.setBigUint64(8, 8n * BigInt(lengthBytes));
    this.#absorb(this.#lengths, tag);
  }

  close(): void {
    this.#cipher.close();
  }
}
