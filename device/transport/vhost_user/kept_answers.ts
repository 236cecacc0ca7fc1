/**
 * Answers on their way to a front-end, each of which is sent once, whenever the
 * process ends: a front-end that gets none waits for ever, and one that gets two
 * takes the second for the answer to its next message.
 *
 * What has been sent cannot be seen in a socket whose other end has read it. So an
 * answer goes into a pipe that outlives the process, and from there to the socket
 * in one call of the kernel. Two words say how far the last message has come:
 *
 * | answering | answered | what the pipe has                                   |
 * | --------- | -------- | --------------------------------------------------- |
 * | before    | before   | nothing, or the answer in full                      |
 * | at it     | before   | what of the answer has not been sent                |
 * | at it     | at it    | nothing                                             |
 *
 * An answer that brings a descriptor along does not go through the pipe: whoever
 * was about to send it leaves a doubt.
 *
 * @module
 */

import { EAGAIN, type Libc, nativeBuffer } from "../../../ffi/libc.ts";
import {
  bytesInPipe,
  drainPipe,
  fillPipe,
  movePipe,
  type Pipe,
} from "../../../ffi/libc_pipe.ts";
import type { KeptWords } from "../../state/kept_words.ts";

/** The words, in the head of the state. */
const ANSWERED = 4;
const ANSWERING = 5;

/** What has become of an answer of the process before. */
export type LeftAnswer = "sent" | "not sent" | "in doubt";

/** The answers of one guest. */
export class KeptAnswers {
  readonly pipe: Pipe;
  readonly #libc: Libc;
  readonly #words: KeptWords;
  /** Whether the process before had this pipe. */
  readonly #isTakenOver: boolean;

  constructor(libc: Libc, words: KeptWords, pipe: Pipe, isTakenOver: boolean) {
    this.#libc = libc;
    this.#words = words;
    this.pipe = pipe;
    this.#isTakenOver = isTakenOver;
  }

  /** Sends the answer to a message; returns what is wrong where that failed. */
  send(
    socket: number,
    message: number,
    answer: Uint8Array<ArrayBuffer>,
  ): string | undefined {
    const filled = fillPipe(this.#libc, this.pipe, answer);
    if (filled !== answer.length) return `cannot send: ${this.#why(filled)}`;
    this.begin(message);
    const problem = this.#empty(socket, answer.length);
    if (problem === undefined) this.end(message);
    return problem;
  }

  /** Notes that the answer to a message is about to be sent, and may have been. */
  begin(message: number): void {
    this.#words.set(ANSWERING, message);
  }

  /** Notes that the answer to a message has been sent, or that there is none. */
  end(message: number): void {
    this.#words.set(ANSWERED, message);
  }

  /** What the process before has done about the answer to `message`. */
  left(message: number, bringsDescriptor: boolean): LeftAnswer {
    if (this.#words.get(ANSWERED) >= message) return "sent";
    if (!(this.#words.get(ANSWERING) >= message)) return "not sent";
    if (bringsDescriptor || !this.#isTakenOver) return "in doubt";
    return bytesInPipe(this.#libc, this.pipe) === 0 ? "sent" : "not sent";
  }

  /** Sends what the process before has left of the answer to `message`. */
  sendLeft(
    socket: number,
    message: number,
    answer: Uint8Array<ArrayBuffer>,
  ): string | undefined {
    if (!(this.#words.get(ANSWERING) >= message)) {
      this.#clear();
      return this.send(socket, message, answer);
    }
    const lengthBytes = bytesInPipe(this.#libc, this.pipe);
    if (lengthBytes < 0 || lengthBytes > answer.length) {
      return `its pipe has ${lengthBytes} bytes of ${answer.length}`;
    }
    const problem = this.#empty(socket, lengthBytes);
    if (problem === undefined) this.end(message);
    return problem;
  }

  #empty(socket: number, lengthBytes: number): string | undefined {
    for (let left = lengthBytes; left > 0;) {
      const moved = movePipe(this.#libc, this.pipe, socket, left);
      // Answers are small: where one does not fit, the other side does not read.
      if (moved === -EAGAIN) return "the front-end does not read replies";
      if (moved <= 0) return `cannot send: ${this.#why(moved)}`;
      left -= moved;
    }
    return undefined;
  }

  #clear(): void {
    const some = nativeBuffer(4096);
    while (drainPipe(this.#libc, this.pipe, some) > 0);
  }

  #why(result: number): string {
    return result < 0 ? this.#libc.describe(result) : "no room";
  }

  close(): void {
    this.#libc.close(this.pipe.readFd);
    this.#libc.close(this.pipe.writeFd);
  }
}
