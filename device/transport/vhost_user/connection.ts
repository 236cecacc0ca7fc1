/**
 * Framing: messages with descriptors over a stream socket.
 *
 * @module
 */

import { EAGAIN, EMFILE, type Libc, nativeBuffer } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import { SocketMessages } from "../../../ffi/libc_socket.ts";
import {
  decodeHeader,
  encodeHeader,
  FLAG_REPLY,
  type Header,
  HEADER_BYTES,
  headerProblem,
  MAX_PAYLOAD_BYTES,
  type Message,
  VERSION,
} from "./messages.ts";

/** Why nothing more will be received. */
export interface Ended {
  readonly ended: string;
}

/** More descriptors than any message of the protocol has. */
const MAX_MESSAGE_FDS = 32;

/** One end of a vhost-user socket. */
export class Connection {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #messages: SocketMessages;
  readonly #incoming = nativeBuffer(HEADER_BYTES + MAX_PAYLOAD_BYTES);
  readonly #incomingView = new DataView(this.#incoming.buffer);
  readonly #outgoing = nativeBuffer(HEADER_BYTES + MAX_PAYLOAD_BYTES);
  readonly #outgoingView = new DataView(this.#outgoing.buffer);
  #header: Header | undefined;
  #receivedBytes = 0;
  #fds: number[] = [];

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.fd = fd;
    this.#messages = new SocketMessages(libc);
  }

  /**
   * The next message; undefined while it has not arrived in full. Its
   * descriptors are the caller's.
   */
  receive(): Message | Ended | undefined {
    for (;;) {
      const wantedBytes = HEADER_BYTES + (this.#header?.payloadBytes ?? 0);
      if (this.#receivedBytes < wantedBytes) {
        const result = this.#receiveUpTo(wantedBytes);
        if (result !== undefined) {
          return result === "later" ? undefined : result;
        }
        if (this.#receivedBytes < wantedBytes) continue;
      }
      if (this.#header) return this.#takeMessage(this.#header);
      const header = decodeHeader(this.#incomingView);
      const problem = headerProblem(header);
      if (problem !== undefined) return { ended: problem };
      this.#header = header;
    }
  }

  #receiveUpTo(wantedBytes: number): "later" | Ended | undefined {
    const received = this.#messages.receive(
      this.fd,
      this.#incoming.subarray(this.#receivedBytes, wantedBytes),
      this.#fds,
    );
    if (received === -EAGAIN) return "later";
    if (received < 0) {
      return { ended: `cannot receive: ${this.#libc.describe(received)}` };
    }
    if (received === 0) {
      return {
        ended: this.#receivedBytes === 0
          ? "disconnected"
          : "disconnected in the middle of a message",
      };
    }
    this.#receivedBytes += received;
    if (this.#fds.length > MAX_MESSAGE_FDS) {
      return { ended: "a message with too many descriptors" };
    }
    if (this.#messages.truncated) {
      return {
        ended: "this process has no room for the descriptors of a message: " +
          this.#libc.describe(EMFILE),
      };
    }
    return undefined;
  }

  #takeMessage(header: Header): Message {
    const payload = this.#incoming.subarray(HEADER_BYTES, this.#receivedBytes);
    const fds = this.#fds;
    this.#header = undefined;
    this.#receivedBytes = 0;
    this.#fds = [];
    return {
      ...header,
      payload,
      view: new DataView(payload.buffer, payload.byteOffset, payload.length),
      fds,
    };
  }

  /** Answers a request; returns what is wrong when that failed. */
  reply(request: number, payload: Uint8Array): string | undefined {
    return this.#send(request, VERSION | FLAG_REPLY, payload);
  }

  /** Sends a request; returns what is wrong when that failed. */
  request(request: number, payload: Uint8Array): string | undefined {
    return this.#send(request, VERSION, payload);
  }

  #send(
    request: number,
    flags: number,
    payload: Uint8Array,
  ): string | undefined {
    const payloadBytes = payload.length;
    encodeHeader(this.#outgoingView, { request, flags, payloadBytes });
    this.#outgoing.set(payload, HEADER_BYTES);
    const bytes = this.#outgoing.subarray(0, HEADER_BYTES + payloadBytes);
    // Replies are small: when one does not fit, the other side does not read.
    const sent = this.#messages.send(this.fd, bytes);
    if (sent === bytes.length) return undefined;
    return sent === -EAGAIN || sent >= 0
      ? "the front-end does not read replies"
      : `cannot send: ${this.#libc.describe(sent)}`;
  }

  /** Closes the socket and the descriptors of an unfinished message. */
  close(): void {
    for (const fd of this.#fds) closeForeign(this.#libc, fd);
    this.#fds = [];
    this.#incoming.fill(0);
    closeForeign(this.#libc, this.fd);
  }
}
