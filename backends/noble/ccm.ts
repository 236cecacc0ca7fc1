/**
 * CCM with AES (NIST SP 800-38C, RFC 3610).
 *
 * @module
 */

import type { AeadLengths, Bytes } from "../primitives/primitives.ts";
import type { Scratch } from "../scratch.ts";
import { type AeadSettings, PrivateAead } from "./aead.ts";
import { AesBlockCipher, type BlockCipher } from "./block_cipher.ts";
import { CbcMacState } from "./block_macs.ts";
import { Block, CounterMode, xorBlock } from "./block_modes.ts";

const BLOCK_BYTES = 16;

/** Nonce and length field share the block with one byte of flags. */
const NONCE_AND_LENGTH_BYTES = 15;

export class CcmAead extends PrivateAead {
  readonly #cipher: BlockCipher;
  readonly #counterMode: CounterMode;
  readonly #mac: CbcMacState;
  readonly #first = new Block();
  /** Ctr_0 (SP 800-38C §A.3). */
  readonly #counter = new Block();
  readonly #encodedLength = new Uint8Array(6);

  constructor(key: Uint8Array, settings: AeadSettings) {
    super(settings);
    this.#cipher = new AesBlockCipher(key);
    this.#counterMode = new CounterMode(this.#cipher);
    this.#mac = new CbcMacState(this.#cipher);
  }

  protected override begin(iv: Bytes, lengths: AeadLengths): void {
    const { additionalBytes, dataBytes } = lengths;
    const mac = this.#mac;
    mac.restart();
    mac.update(this.#firstBlock(iv, additionalBytes, dataBytes));
    if (additionalBytes > 0) mac.update(this.#encodeLength(additionalBytes));
    const { bytes } = this.#counter;
    bytes.fill(0);
    bytes[0] = NONCE_AND_LENGTH_BYTES - iv.length - 1;
    bytes.set(iv, 1);
  }

  protected override addAssociated(bytes: Bytes): void {
    this.#mac.update(bytes);
  }

  protected override encrypt(data: Scratch, dataBytes: number): void {
    this.#authenticate(data.take(dataBytes));
    this.#encipher(data.view, dataBytes);
  }

  protected override decrypt(data: Scratch, dataBytes: number): void {
    this.#encipher(data.view, dataBytes);
    this.#authenticate(data.take(dataBytes));
  }

  override close(): void {
    this.#cipher.wipe();
    this.#mac.wipe();
    super.close();
  }

  /** From Ctr_1 on. */
  #encipher(data: DataView<ArrayBuffer>, dataBytes: number): void {
    const { bytes } = this.#counter;
    bytes[15] = 1;
    this.#counterMode.start(bytes);
    bytes[15] = 0;
    this.#counterMode.apply(data, 0, dataBytes);
  }

  /**
   * Ends the CBC-MAC (§A.2) with the payload, and puts it under the key stream's
   * block 0 (§6.1 steps 4 to 8).
   */
  #authenticate(payload: Bytes): void {
    const mac = this.#mac;
    mac.padWithZeros();
    mac.update(payload);
    mac.padWithZeros();
    this.tag.bytes.set(this.#counter.bytes);
    this.#cipher.encryptBlock(this.tag.view, 0);
    xorBlock(this.tag.view, 0, mac.block.view, BLOCK_BYTES);
    mac.restart();
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
      8 * ((this.settings.tagBytes - 2) / 2) +
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
}
