/**
 * The message that a front-end is sending, in memory that outlives the process.
 *
 * Bytes are looked at in the socket, written down here, and only then taken from
 * the socket: the number of those that are being taken stands here meanwhile. The
 * next process compares them with what the socket has first: the same bytes are
 * still to be taken.
 *
 * | at  | what                                                              |
 * | --- | ----------------------------------------------------------------- |
 * | 0   | four numbers of 16 bits that change as one: bytes received, bytes |
 * |     | being taken, descriptors received, descriptors being taken        |
 * | 8   | which message it is, counted from the connection's first, 1       |
 * | 16  | the numbers of the descriptors                                    |
 *
 * @module
 */

import type { KeptNumber } from "./front_end_record.ts";
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./messages.ts";

/** More descriptors than any message of the protocol has. */
export const MAX_MESSAGE_FDS = 32;

const PROGRESS = 0;
const MESSAGE = 1;
const FIRST_NUMBER = 2;
const MAX_NUMBERS = MAX_MESSAGE_FDS + 1;
const BYTES_AT = 8 * (FIRST_NUMBER + MAX_NUMBERS);

export const KEPT_MESSAGE_BYTES = BYTES_AT + HEADER_BYTES + MAX_PAYLOAD_BYTES;

/** How much of a message has come. */
interface Progress {
  receivedBytes: number;
  takingBytes: number;
  received: number;
  taking: number;
}

/** A message on its way. */
export class KeptMessage {
  /** Header and payload, as far as they have been received. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #words: BigUint64Array<ArrayBuffer>;
  readonly #keep: (fd: number) => KeptNumber;

  constructor(
    memory: Uint8Array<ArrayBuffer>,
    keep: (fd: number) => KeptNumber,
  ) {
    const { buffer, byteOffset } = memory;
    this.#words = new BigUint64Array(buffer, byteOffset, BYTES_AT / 8);
    this.bytes = memory.subarray(BYTES_AT);
    this.#keep = keep;
  }

  /** How much has come; nothing where that cannot be. */
  get #progress(): Progress {
    const word = Atomics.load(this.#words, PROGRESS);
    const part = (at: number) => Number((word >> BigInt(16 * at)) & 0xffffn);
    const progress = {
      receivedBytes: part(0),
      takingBytes: part(1),
      received: part(2),
      taking: part(3),
    };
    const { receivedBytes, takingBytes, received, taking } = progress;
    return receivedBytes + takingBytes <= this.bytes.length &&
        received + taking <= MAX_NUMBERS
      ? progress
      : { receivedBytes: 0, takingBytes: 0, received: 0, taking: 0 };
  }

  set #progress({ receivedBytes, takingBytes, received, taking }: Progress) {
    const parts = [taking, received, takingBytes, receivedBytes];
    const word = parts.reduce((sum, part) => sum << 16n | BigInt(part), 0n);
    Atomics.store(this.#words, PROGRESS, word);
  }

  /** How many bytes of `bytes` have been received. */
  get receivedBytes(): number {
    return this.#progress.receivedBytes;
  }

  /** How many bytes behind those were being taken. */
  get takingBytes(): number {
    return this.#progress.takingBytes;
  }

  /** Numbers of the descriptors that have come. */
  get descriptors(): KeptNumber[] {
    return Array.from(
      { length: this.#progress.received },
      (_, i) => Number(this.#words[FIRST_NUMBER + i]),
    );
  }

  /**
   * Notes what was seen in the socket, and is about to be taken from there: bytes
   * that stand behind those received.
   */
  taking(lengthBytes: number, fds: readonly number[]): void {
    const progress = this.#progress;
    const { received } = progress;
    const some = fds.slice(0, MAX_NUMBERS - received);
    some.forEach((fd, i) => {
      this.#words[FIRST_NUMBER + received + i] = BigInt(this.#keep(fd));
    });
    this.#progress = {
      ...progress,
      takingBytes: lengthBytes,
      taking: some.length,
    };
  }

  /** Notes how many bytes have been taken, all or the first of them. */
  taken(lengthBytes: number): void {
    const { receivedBytes, received, taking } = this.#progress;
    this.#progress = {
      receivedBytes: receivedBytes + lengthBytes,
      takingBytes: 0,
      received: received + taking,
      taking: 0,
    };
  }

  /** Notes that the socket has it still: it will be seen again. */
  notTaken(): void {
    this.#progress = { ...this.#progress, takingBytes: 0, taking: 0 };
  }

  /** Forgets a message when what came of it holds; `next` is the one to come. */
  clear(next: number): void {
    this.#progress = {
      receivedBytes: 0,
      takingBytes: 0,
      received: 0,
      taking: 0,
    };
    Atomics.store(this.#words, MESSAGE, BigInt(next));
    // Session messages hold keys.
    this.bytes.fill(0);
  }

  /** Forgets a message that `handled` messages include. */
  clearHandled(handled: number): void {
    const message = Atomics.load(this.#words, MESSAGE);
    if (message <= BigInt(handled) || this.receivedBytes === 0) {
      if (this.takingBytes === 0) this.clear(handled + 1);
    }
  }
}
