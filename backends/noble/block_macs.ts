/**
 * Message authentication codes over block ciphers in CBC: CBC-MAC, CMAC and
 * XCBC, with AES and Triple DES. The library's own `cmac` expands its key for each
 * message: 20 microseconds instead of 2 for 64 bytes, 37 instead of 28 for 1 KiB.
 *
 * @module
 */

import type { Bytes, Digester } from "../primitives/primitives.ts";
import { AesBlockCipher, type BlockCipher } from "./block_cipher.ts";
import { Block, copyBlock, xorBlock } from "./block_modes.ts";
import { DesBlockCipher } from "./des.ts";

/** The running CBC state; its last block waits until more input comes. */
export class CbcMacState {
  /** The state with the input since the last encryption already added. */
  readonly block = new Block();
  /** Bytes of the last block that the input has filled. */
  filledBytes = 0;
  readonly #cipher: BlockCipher;

  constructor(cipher: BlockCipher) {
    this.#cipher = cipher;
  }

  restart(): void {
    this.block.wipe();
    this.filledBytes = 0;
  }

  update(bytes: Uint8Array): void {
    const { blockBytes } = this.#cipher;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at < bytes.length) {
      if (this.filledBytes === blockBytes) this.encrypt();
      if (this.filledBytes === 0 && bytes.length - at >= blockBytes) {
        this.#addBlock(view, at, blockBytes);
        at += blockBytes;
      } else {
        this.block.bytes[this.filledBytes++]! ^= bytes[at++]!;
      }
    }
  }

  #addBlock(view: DataView, at: number, blockBytes: number): void {
    const state = this.block.view;
    for (let i = 0; i < blockBytes; i += 4) {
      state.setUint32(i, state.getUint32(i) ^ view.getUint32(at + i));
    }
    this.filledBytes = blockBytes;
  }

  /** Completes the current block, if there is one, with zeros. */
  padWithZeros(): void {
    if (this.filledBytes > 0) this.encrypt();
  }

  encrypt(): void {
    this.#cipher.encryptBlock(this.block.view, 0);
    this.filledBytes = 0;
  }

  wipe(): void {
    this.#cipher.wipe();
    this.restart();
  }
}

/** A MAC over the state of a CBC-MAC; how the last block ends differs. */
abstract class CbcMacDigester implements Digester {
  protected readonly state: CbcMacState;
  protected readonly blockBytes: number;

  constructor(cipher: BlockCipher) {
    this.state = new CbcMacState(cipher);
    this.blockBytes = cipher.blockBytes;
  }

  start(): boolean {
    this.state.restart();
    return true;
  }

  readonly update = (bytes: Bytes): boolean => {
    this.state.update(bytes);
    return true;
  };

  abstract finish(): Bytes | null;

  close(): void {
    this.state.wipe();
  }
}

/** CBC-MAC of whole blocks (ISO/IEC 9797-1 MAC algorithm 1); of none, zeros. */
class CbcMac extends CbcMacDigester {
  override finish(): Bytes | null {
    const { filledBytes } = this.state;
    if (filledBytes !== 0 && filledBytes !== this.blockBytes) return null;
    this.state.padWithZeros();
    return this.state.block.bytes;
  }
}

/** The last block's masks: for a whole one, and for one that is padded. */
interface Subkeys {
  readonly whole: Block;
  readonly padded: Block;
}

/** CBC-MAC whose last block is masked: CMAC and XCBC differ in the masks. */
class MaskedCbcMac extends CbcMacDigester {
  readonly #subkeys: Subkeys;

  constructor(cipher: BlockCipher, subkeys: Subkeys) {
    super(cipher);
    this.#subkeys = subkeys;
  }

  override finish(): Bytes {
    const state = this.state;
    const isWhole = state.filledBytes === this.blockBytes;
    if (!isWhole) state.block.bytes[state.filledBytes]! ^= 0x80;
    const mask = isWhole ? this.#subkeys.whole : this.#subkeys.padded;
    xorBlock(state.block.view, 0, mask.view, this.blockBytes);
    state.encrypt();
    return state.block.bytes;
  }

  override close(): void {
    super.close();
    this.#subkeys.whole.wipe();
    this.#subkeys.padded.wipe();
  }
}

/** Doubles a block in GF(2^(8 × blockBytes)) (NIST SP 800-38B §6.1). */
function double(block: Block, blockBytes: number): void {
  const reduction = blockBytes === 16 ? 0x87 : 0x1b;
  let carry = block.bytes[0]! >>> 7 === 1 ? reduction : 0;
  for (let i = blockBytes - 1; i >= 0; i--) {
    const byte = block.bytes[i]!;
    block.bytes[i] = (byte << 1) ^ carry;
    carry = byte >>> 7;
  }
}

/** CMAC (NIST SP 800-38B §6). */
function makeCmac(cipher: BlockCipher): Digester {
  const whole = new Block();
  const padded = new Block();
  cipher.encryptBlock(whole.view, 0);
  double(whole, cipher.blockBytes);
  copyBlock(whole.view, 0, padded.view, cipher.blockBytes);
  double(padded, cipher.blockBytes);
  return new MaskedCbcMac(cipher, { whole, padded });
}

/** AES-XCBC-MAC (RFC 3566 §4); a session cuts it to 96 bits where it wants. */
function makeXcbc(key: Uint8Array): Digester {
  const cipher = new AesBlockCipher(key);
  const derive = (byte: number): Block => {
    const block = new Block();
    block.bytes.fill(byte);
    cipher.encryptBlock(block.view, 0);
    return block;
  };
  const chainKey = derive(1);
  const chainCipher = new AesBlockCipher(chainKey.bytes);
  const subkeys = { whole: derive(2), padded: derive(3) };
  chainKey.wipe();
  cipher.wipe();
  return new MaskedCbcMac(chainCipher, subkeys);
}

/** The block-cipher MAC with the catalogue's name. */
export function makeBlockMac(name: string, key: Uint8Array): Digester {
  switch (name) {
    case "cmac-aes":
      return makeCmac(new AesBlockCipher(key));
    case "cmac-3des":
      return makeCmac(new DesBlockCipher(key));
    case "cbcmac-aes":
      return new CbcMac(new AesBlockCipher(key));
    case "xcbc-aes":
      return makeXcbc(key);
    default:
      throw new Error(`Cannot make MAC "${name}"`);
  }
}
