/**
 * What the AEAD algorithms have in common here: a message is worked on in private
 * memory, and what it deciphers to is given away after its tag was compared.
 *
 * @module
 */

import { allowsLength, type Lengths } from "../../algorithms/catalogue.ts";
import type { Aead, AeadLengths, Bytes } from "../primitives/primitives.ts";
import type { Scratch } from "../scratch.ts";
import { Block } from "./block_modes.ts";

/** What an AEAD is made with, but for its key. */
export interface AeadSettings {
  readonly encrypts: boolean;
  readonly tagBytes: number;
  readonly ivBytes: Lengths;
  /** Where messages are worked on, one after the other. */
  readonly data: Scratch;
}

/** Compares without telling by time where a difference is. */
function tagsEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < b.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

export abstract class PrivateAead implements Aead {
  readonly blockBytes = 1;
  readonly whole = true;
  readonly wholeAdditionalData = false;
  readonly comparesFirst = true;
  protected readonly settings: AeadSettings;
  /** The tag of this message, as long as it can be. */
  protected readonly tag = new Block();
  #given: Bytes = this.tag.bytes;
  #isDone = false;

  constructor(settings: AeadSettings) {
    this.settings = settings;
  }

  protected abstract begin(iv: Bytes, lengths: AeadLengths): void;
  protected abstract addAssociated(bytes: Bytes): void;
  /** Enciphers the first `dataBytes` of `data`, and sets `tag`. */
  protected abstract encrypt(data: Scratch, dataBytes: number): void;
  /** Deciphers, and sets `tag` to what it must be for this ciphertext. */
  protected abstract decrypt(data: Scratch, dataBytes: number): void;

  start(iv: Bytes, lengths: AeadLengths, tag: Bytes): boolean {
    if (!allowsLength(this.settings.ivBytes, lengths.ivBytes)) return false;
    this.#given = tag;
    this.#isDone = false;
    this.begin(iv.subarray(0, lengths.ivBytes), lengths);
    return true;
  }

  readonly absorb = (bytes: Bytes): boolean => {
    this.addAssociated(bytes);
    return true;
  };

  piece(input: Uint8Array, output: Uint8Array): boolean {
    const { data } = this.settings;
    const text = data.take(input.length);
    text.set(input);
    const isGenuine = this.#run(input.length);
    if (isGenuine) output.set(text);
    else text.fill(0);
    data.release();
    return isGenuine;
  }

  finish(tag: Bytes): boolean {
    if (!this.#isDone && !this.#run(0)) return false;
    if (this.settings.encrypts) tag.set(this.tag.bytes.subarray(0, tag.length));
    return true;
  }

  close(): void {
    this.tag.wipe();
  }

  /** Whether the message may be given away. */
  #run(dataBytes: number): boolean {
    const { encrypts, data } = this.settings;
    this.#isDone = true;
    if (encrypts) {
      this.encrypt(data, dataBytes);
      return true;
    }
    this.decrypt(data, dataBytes);
    return tagsEqual(this.tag.bytes, this.#given);
  }
}
