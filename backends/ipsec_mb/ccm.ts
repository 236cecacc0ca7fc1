/**
 * CCM made of counter mode and CBC-MAC (NIST SP 800-38C): for AES-192, longer
 * associated data and longer messages than the library's jobs take.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import type { Operation } from "../backend.ts";
import type { AeadInParts } from "./aead_in_parts.ts";
import { CbcMac } from "./cbc_mac.ts";
import { CipherKernel } from "./ciphers.ts";
import { roundUp } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";

const BLOCK_BYTES = 16;
/** From here the length of associated data takes 6 bytes (SP 800-38C §A.2.2). */
const SHORT_ADDITIONAL_LIMIT = 0xff00;
const LONG_ADDITIONAL_MARK = 0xfffe;
const LONG_ADDITIONAL_LIMIT = 2 ** 32;

export class CcmInParts implements AeadInParts {
  readonly #mac: CbcMac;
  readonly #cipher: CipherKernel;
  readonly #tagBytes: number;
  readonly #counter = new Uint8Array(BLOCK_BYTES);

  constructor(library: IpsecMb, key: Uint8Array, tagBytes: number) {
    this.#tagBytes = tagBytes;
    this.#mac = new CbcMac(library, key);
    this.#cipher = new CipherKernel(library, {
      algorithm: "aes-ctr",
      direction: "encrypt",
      key,
    });
  }

  run(
    runner: JobRunner,
    operation: Operation,
    encrypts: boolean,
    tag: Uint8Array,
  ): number {
    const { source, additionalData } = operation;
    const lengthBytes = source.totalBytes;
    if (additionalData.totalBytes >= LONG_ADDITIONAL_LIMIT) return -1;
    const room = roundUp(BLOCK_BYTES + lengthBytes, 64);
    const at = runner.reserve(
      room + 4 * BLOCK_BYTES + additionalData.totalBytes + lengthBytes,
    );
    // The first counter block masks the tag, and those after it the data.
    const start = at + BLOCK_BYTES;
    const data = runner.bytes.subarray(start, start + lengthBytes);
    runner.bytes.fill(0, at, start);
    source.read(0, data);
    const good = encrypts
      ? this.#authenticate(runner, operation, data, at + room, tag) &&
        this.#encipher(runner, operation, at)
      : this.#encipher(runner, operation, at) &&
        this.#authenticate(runner, operation, data, at + room, tag);
    if (!good) return -1;
    for (let i = 0; i < BLOCK_BYTES; i++) tag[i]! ^= runner.bytes[at + i]!;
    return start;
  }

  #encipher(
    runner: JobRunner,
    { iv, ivBytes, source }: Operation,
    at: number,
  ): boolean {
    this.#counter.fill(0);
    this.#counter[0] = 14 - ivBytes;
    for (let i = 0; i < ivBytes; i++) this.#counter[1 + i] = iv[i]!;
    const count = BLOCK_BYTES + source.totalBytes;
    return this.#cipher.transform(runner, at, count, this.#counter);
  }

  /** The CBC-MAC of the formatted input (SP 800-38C §A.2). */
  #authenticate(
    runner: JobRunner,
    operation: Operation,
    data: Uint8Array,
    at: number,
    tag: Uint8Array,
  ): boolean {
    const { additionalData } = operation;
    const { bytes } = runner;
    let end = this.#putFirstBlock(bytes, at, operation);
    if (additionalData.totalBytes > 0) {
      end = putLength(bytes, end, additionalData.totalBytes);
      const start = end;
      end += additionalData.totalBytes;
      additionalData.read(0, bytes.subarray(start, end));
      end = padBlock(bytes, at, end);
    }
    bytes.set(data, end);
    end = padBlock(bytes, at, end + data.length);
    return this.#mac.compute(runner, at, end - at, tag);
  }

  #putFirstBlock(
    bytes: Uint8Array,
    at: number,
    { iv, ivBytes, source, additionalData }: Operation,
  ): number {
    const hasAdditional = additionalData.totalBytes > 0 ? 0x40 : 0;
    bytes[at] = hasAdditional | (this.#tagBytes - 2) / 2 << 3 | 14 - ivBytes;
    for (let i = 0; i < ivBytes; i++) bytes[at + 1 + i] = iv[i]!;
    let length = source.totalBytes;
    for (let i = BLOCK_BYTES - 1; i > ivBytes; i--) {
      bytes[at + i] = length % 256;
      length = Math.floor(length / 256);
    }
    return at + BLOCK_BYTES;
  }

  close(): void {
    this.#mac.close();
    this.#cipher.close();
  }
}

/** Writes the length of associated data; returns the end. */
function putLength(bytes: Uint8Array, at: number, length: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 6);
  if (length < SHORT_ADDITIONAL_LIMIT) {
    view.setUint16(0, length);
    return at + 2;
  }
  view.setUint16(0, LONG_ADDITIONAL_MARK);
  view.setUint32(2, length);
  return at + 6;
}

/** Fills up the block with zeros; returns its end. */
function padBlock(bytes: Uint8Array, start: number, end: number): number {
  const padded = start + roundUp(end - start, BLOCK_BYTES);
  bytes.fill(0, end, padded);
  return padded;
}
