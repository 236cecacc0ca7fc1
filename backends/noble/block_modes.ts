/**
 * The modes of NIST SP 800-38A over any block cipher, in place on a range of
 * private memory. Ranges may start at any byte.
 *
 * @module
 */

import type { BlockCipher } from "./block_cipher.ts";

/** A cipher in its mode and direction. */
export interface Mode {
  /** Runs over `lengthBytes` bytes of `data` from `start`, in place. */
  apply(
    data: DataView,
    start: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): void;
  wipe(): void;
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

  wipe(): void {
    this.bytes.fill(0);
  }
}

abstract class BlockMode implements Mode {
  protected readonly cipher: BlockCipher;
  protected readonly blockBytes: number;

  constructor(cipher: BlockCipher) {
    this.cipher = cipher;
    this.blockBytes = cipher.blockBytes;
  }

  abstract apply(
    data: DataView,
    start: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): void;

  wipe(): void {
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

export class CbcEncryption extends BlockMode {
  readonly #chain = new Block();

  override apply(
    data: DataView,
    start: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): void {
    const { cipher, blockBytes } = this;
    const chain = this.#chain.view;
    this.#chain.bytes.set(iv);
    const end = start + lengthBytes;
    for (let at = start; at < end; at += blockBytes) {
      xorBlock(data, at, chain, blockBytes);
      cipher.encryptBlock(data, at);
      copyBlock(data, at, chain, blockBytes);
    }
  }
}

export class CbcDecryption extends BlockMode {
  readonly #chain = new Block();
  readonly #next = new Block();

  override apply(
    data: DataView,
    start: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): void {
    const { cipher, blockBytes } = this;
    let chain = this.#chain.view;
    let next = this.#next.view;
    this.#chain.bytes.set(iv);
    const end = start + lengthBytes;
    for (let at = start; at < end; at += blockBytes) {
      copyBlock(data, at, next, blockBytes);
      cipher.decryptBlock(data, at);
      xorBlock(data, at, chain, blockBytes);
      [chain, next] = [next, chain];
    }
  }
}

/** CTR (SP 800-38A §6.5); the counter is the last bytes of the block. */
export class CounterMode extends BlockMode {
  readonly #counter = new Block();
  readonly #pad = new Block();
  readonly #counterBytes: number;

  /** By default the counter is the whole block (SP 800-38A §B.1). */
  constructor(cipher: BlockCipher, counterBytes: number = cipher.blockBytes) {
    super(cipher);
    this.#counterBytes = counterBytes;
  }

  override apply(
    data: DataView,
    start: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): void {
    const { cipher, blockBytes } = this;
    const counter = this.#counter.view;
    const pad = this.#pad.view;
    this.#counter.bytes.set(iv);
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
    this.#pad.bytes.fill(0);
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
