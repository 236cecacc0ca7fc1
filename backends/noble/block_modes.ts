/**
 * The modes of NIST SP 800-38A over any block cipher, in place on a range of
 * private memory. Ranges may start at any byte.
 *
 * @module
 */

import type { Bytes, Cipher } from "../primitives/primitives.ts";
import type { BlockCipher } from "./block_cipher.ts";

/** A cipher in its mode and direction; `apply` goes on where it has ended. */
export abstract class Mode implements Cipher {
  readonly blockBytes: number;
  readonly minimumBytes: number;
  readonly whole: boolean;
  /** Of the kept memory that was worked on last. */
  #kept = new DataView(new ArrayBuffer(0));

  constructor(blockBytes: number, whole: boolean) {
    this.blockBytes = blockBytes;
    this.minimumBytes = blockBytes;
    this.whole = whole;
  }

  abstract start(iv: Bytes): boolean;
  /** Runs over `lengthBytes` bytes of `data` from `start`, in place. */
  abstract apply(data: DataView, start: number, lengthBytes: number): void;
  abstract close(): void;

  piece(input: Uint8Array, output: Uint8Array): boolean {
    output.set(input);
    const { buffer, byteOffset } = output;
    this.apply(new DataView(buffer, byteOffset), 0, input.length);
    return true;
  }

  pieceInPlace(bytes: Uint8Array, lengthBytes: number): boolean {
    if (this.#kept.buffer !== bytes.buffer) {
      this.#kept = new DataView(bytes.buffer as ArrayBuffer);
    }
    this.apply(this.#kept, bytes.byteOffset, lengthBytes);
    return true;
  }
}

/** `data[at …] ^= pad[0 … blockBytes)`, in words. */
export function xorBlock(
  data: DataView,
  at: number,
  pad: DataView,
  blockBytes: number,
): void {
  for (let i = 0; i < blockBytes; i += 4) {
    data.setUint32(at + i, data.getUint32(at + i) ^ pad.getUint32(i));
  }
}

export function copyBlock(
  from: DataView,
  at: number,
  into: DataView,
  blockBytes: number,
): void {
  for (let i = 0; i < blockBytes; i += 4) {
    into.setUint32(i, from.getUint32(at + i));
  }
}

/** A block of private memory, as bytes and as words. */
export class Block {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(16);
  readonly view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer);

  /** Copies the first bytes of `from`. */
  load(from: Uint8Array, lengthBytes: number): void {
    for (let i = 0; i < lengthBytes; i++) this.bytes[i] = from[i]!;
  }

  wipe(): void {
    this.bytes.fill(0);
  }
}

abstract class BlockMode extends Mode {
  protected readonly cipher: BlockCipher;

  constructor(cipher: BlockCipher) {
    super(cipher.blockBytes, false);
    this.cipher = cipher;
  }

  override start(_iv: Bytes): boolean {
    return true;
  }

  override close(): void {
    this.cipher.wipe();
  }
}

export class EcbEncryption extends BlockMode {
  override apply(data: DataView, start: number, lengthBytes: number): void {
    const end = start + lengthBytes;
    for (let at = start; at < end; at += this.blockBytes) {
      this.cipher.encryptBlock(data, at);
    }
  }
}

export class EcbDecryption extends BlockMode {
  override apply(data: DataView, start: number, lengthBytes: number): void {
    const end = start + lengthBytes;
    for (let at = start; at < end; at += this.blockBytes) {
      this.cipher.decryptBlock(data, at);
    }
  }
}

/** What CBC carries from block to block: the IV, then the last ciphertext. */
abstract class CbcMode extends BlockMode {
  protected chain = new Block();

  override start(iv: Bytes): boolean {
    this.chain.load(iv, this.blockBytes);
    return true;
  }
}

export class CbcEncryption extends CbcMode {
  override apply(data: DataView, start: number, lengthBytes: number): void {
    const { cipher, blockBytes } = this;
    const chain = this.chain.view;
    const end = start + lengthBytes;
    for (let at = start; at < end; at += blockBytes) {
      xorBlock(data, at, chain, blockBytes);
      cipher.encryptBlock(data, at);
      copyBlock(data, at, chain, blockBytes);
    }
  }
}

export class CbcDecryption extends CbcMode {
  #next = new Block();

  override apply(data: DataView, start: number, lengthBytes: number): void {
    const { cipher, blockBytes } = this;
    const end = start + lengthBytes;
    for (let at = start; at < end; at += blockBytes) {
      copyBlock(data, at, this.#next.view, blockBytes);
      cipher.decryptBlock(data, at);
      xorBlock(data, at, this.chain.view, blockBytes);
      [this.chain, this.#next] = [this.#next, this.chain];
    }
  }
}

/**
 * CTR (SP 800-38A §6.5); the counter is the last bytes of the block. A message is
 * one piece: its last block may have any length.
 */
export class CounterMode extends Mode {
  readonly #cipher: BlockCipher;
  readonly #counter = new Block();
  readonly #pad = new Block();
  readonly #counterBytes: number;

  /** By default the counter is the whole block (SP 800-38A §B.1). */
  constructor(cipher: BlockCipher, counterBytes: number = cipher.blockBytes) {
    super(1, true);
    this.#cipher = cipher;
    this.#counterBytes = counterBytes;
  }

  override start(iv: Bytes): boolean {
    this.#counter.load(iv, this.#cipher.blockBytes);
    return true;
  }

  override apply(data: DataView, start: number, lengthBytes: number): void {
    const cipher = this.#cipher;
    const { blockBytes } = cipher;
    const counter = this.#counter.view;
    const pad = this.#pad.view;
    const wholeEnd = start + lengthBytes - lengthBytes % blockBytes;
    for (let at = start; at < wholeEnd; at += blockBytes) {
      copyBlock(counter, 0, pad, blockBytes);
      cipher.encryptBlock(pad, 0);
      xorBlock(data, at, pad, blockBytes);
      increment(counter, blockBytes, this.#counterBytes);
    }
    if (lengthBytes % blockBytes !== 0) {
      copyBlock(counter, 0, pad, blockBytes);
      cipher.encryptBlock(pad, 0);
      xorTail(data, wholeEnd, start + lengthBytes, this.#pad.bytes);
    }
    this.#pad.wipe();
  }

  override close(): void {
    this.#cipher.wipe();
  }
}

/** Adds one to the big-endian counter that ends a block, with wrap-around. */
function increment(
  block: DataView,
  blockBytes: number,
  counterBytes: number,
): void {
  for (let at = blockBytes - 4; at >= blockBytes - counterBytes; at -= 4) {
    const word = (block.getUint32(at) + 1) >>> 0;
    block.setUint32(at, word);
    if (word !== 0) return;
  }
}

/** Bytes `from … end` of `data` xor the beginning of `pad`. */
export function xorTail(
  data: DataView,
  from: number,
  end: number,
  pad: Uint8Array,
): void {
  for (let at = from; at < end; at++) {
    data.setUint8(at, data.getUint8(at) ^ pad[at - from]!);
  }
}
