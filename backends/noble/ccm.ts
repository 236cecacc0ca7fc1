/**
 * CCM with AES (NIST SP 800-38C, RFC 3610).
 *
 * @module
 */

import type { Aead } from "./aead.ts";
import { AesBlockCipher, type BlockCipher } from "./block_cipher.ts";
import { CbcMacState } from "./block_macs.ts";
import { Block, CounterMode, xorBlock } from "./block_modes.ts";
import type { Scratch } from "../scratch.ts";

const BLOCK_BYTES = 16;

/** Nonce and length field share the block with one byte of flags. */
const NONCE_AND_LENGTH_BYTES = 15;

export class CcmAead implements Aead {
  readonly #cipher: BlockCipher;
  readonly #counterMode: CounterMode;
  readonly #mac: CbcMacState;
  readonly #tagBytes: number;
  readonly #first = new Block();
  readonly #counter = new Block();
  readonly #encodedLength = new Uint8Array(6);

  constructor(key: Uint8Array, tagBytes: number) {
    this.#cipher = new AesBlockCipher(key);
    this.#counterMode = new CounterMode(this.#cipher);
    this.#mac = new CbcMacState(this.#cipher);
    this.#tagBytes = tagBytes;
  }

  encrypt(
    iv: Uint8Array,
    additionalData: Uint8Array,
    data: Scratch,
    dataBytes: number,
    tag: Block,
  ): void {
    this.#authenticate(iv, additionalData, data.take(dataBytes));
    this.#finishTag(iv, tag);
    this.#counterMode.apply(data.view, 0, dataBytes, this.#counterBlock(iv, 1));
  }

  decrypt(
    iv: Uint8Array,
    additionalData: Uint8Array,
    data: Scratch,
    dataBytes: number,
    tag: Block,
  ): void {
    this.#counterMode.apply(data.view, 0, dataBytes, this.#counterBlock(iv, 1));
    this.#authenticate(iv, additionalData, data.take(dataBytes));
    this.#finishTag(iv, tag);
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#mac.wipe();
  }

  /** Ctr_i (SP 800-38C §A.3). */
  #counterBlock(iv: Uint8Array, index: 0 | 1): Uint8Array {
    const { bytes } = this.#counter;
    bytes.fill(0);
    bytes[0] = NONCE_AND_LENGTH_BYTES - iv.length - 1;
    bytes.set(iv, 1);
    bytes[15] = index;
    return bytes;
  }

  /** The CBC-MAC of B0, the associated data and the payload (§A.2). */
  #authenticate(
    iv: Uint8Array,
    additionalData: Uint8Array,
    payload: Uint8Array,
  ): void {
    const mac = this.#mac;
    mac.restart();
    mac.update(this.#firstBlock(iv, additionalData.length, payload.length));
    if (additionalData.length > 0) {
      mac.update(this.#encodeLength(additionalData.length));
      mac.update(additionalData);
      mac.padWithZeros();
    }
    mac.update(payload);
    mac.padWithZeros();
  }

  /** B0 (§A.2.1); the payload's length fits 32 bits. */
  #firstBlock(
    iv: Uint8Array,
    additionalBytes: number,
    payloadBytes: number,
  ): Uint8Array {
    const { bytes, view } = this.#first;
    bytes.fill(0);
    view.setUint32(12, payloadBytes);
    bytes[0] = (additionalBytes > 0 ? 0x40 : 0) +
      8 * ((this.#tagBytes - 2) / 2) +
      (NONCE_AND_LENGTH_BYTES - iv.length - 1);
    bytes.set(iv, 1);
    return bytes;
  }

  /** The length before the associated data (§A.2.2). */
  #encodeLength(lengthBytes: number): Uint8Array {
    const encoded = this.#encodedLength;
    const view = new DataView(encoded.buffer);
    if (lengthBytes < 0xff00) {
      view.setUint16(0, lengthBytes);
      return encoded.subarray(0, 2);
    }
    view.setUint16(0, 0xfffe);
    view.setUint32(2, lengthBytes);
    return encoded;
  }

  /** The MAC under the key stream's block 0 (§6.1 steps 4 to 8). */
  #finishTag(iv: Uint8Array, tag: Block): void {
    tag.bytes.set(this.#counterBlock(iv, 0));
    this.#cipher.encryptBlock(tag.view, 0);
    xorBlock(tag.view, 0, this.#mac.block.view, BLOCK_BYTES);
    this.#mac.restart();
  }
}
