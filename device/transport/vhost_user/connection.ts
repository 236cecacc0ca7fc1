/**
 * Framing: messages with descriptors over a stream socket.
 *
 * @module
 */

import { EAGAIN, EMFILE, type Libc, nativeBuffer } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import type { KeptNumber } from "./front_end_record.ts";
import { type KeptMessage, MAX_MESSAGE_FDS } from "./kept_message.ts";
import { SocketMessages, unreadBytes } from "../../../ffi/libc_socket.ts";
import {
  decodeHeader,
  encodeHeader,
  FLAG_REPLY,
  type Header,
  HEADER_BYTES,
  headerProblem,
  MAX_PAYLOAD_BYTES,
  type Message,
  Request,
  VERSION,
} from "./messages.ts";

/** Why nothing more will be received. */
export interface Ended {
  readonly ended: string;
}

/** Whether an answer that was formed has a descriptor with it. */
export function bringsDescriptor(
  { buffer, byteOffset, length }: Uint8Array<ArrayBuffer>,
): boolean {
  const { request } = decodeHeader(new DataView(buffer, byteOffset, length));
  return request === Request.GetInflightFd;
}

/** One end of a vhost-user socket. */
export class Connection {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #messages: SocketMessages;
  readonly #kept: KeptMessage | undefined;
  readonly #incoming: Uint8Array<ArrayBuffer>;
  readonly #incomingView: DataView;
  readonly #outgoing = nativeBuffer(HEADER_BYTES + MAX_PAYLOAD_BYTES);
  readonly #outgoingView = new DataView(this.#outgoing.buffer);
  #header: Header | undefined;
  /** How many messages have been received before the next one. */
  #count = 0;
  #receivedBytes = 0;
  #fds: number[] = [];

  /** What it receives goes through `kept`, where the next process finds it. */
  constructor(libc: Libc, fd: number, kept?: KeptMessage) {
    this.#libc = libc;
    this.fd = fd;
    this.#messages = new SocketMessages(libc);
    this.#kept = kept;
    const bytes = kept?.bytes ?? nativeBuffer(HEADER_BYTES + MAX_PAYLOAD_BYTES);
    this.#incoming = bytes;
    this.#incomingView = new DataView(
      bytes.buffer,
      bytes.byteOffset,
      bytes.length,
    );
  }

  /**
   * Goes on behind the first `count` messages with what the process before has
   * begun to receive; `descriptorOf` finds what came with that.
   */
  resume(count: number, descriptorOf: (number: KeptNumber) => number): void {
    const kept = this.#kept!;
    this.#count = count;
    kept.clearHandled(count);
    if (kept.takingBytes > 0) {
      if (this.#isStillThere(kept)) kept.notTaken();
      else kept.taken(kept.takingBytes);
    }
    this.#receivedBytes = kept.receivedBytes;
    this.#fds = kept.descriptors.map(descriptorOf).filter((fd) => fd >= 0);
  }

  /** Whether the socket begins with the bytes that were being taken. */
  #isStillThere({ receivedBytes, takingBytes }: KeptMessage): boolean {
    const seen = nativeBuffer(takingBytes);
    const count = this.#look(seen);
    const taking = this.#incoming.subarray(receivedBytes);
    return count === takingBytes &&
      seen.every((byte, i) => byte === taking[i]);
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
    const into = this.#incoming.subarray(this.#receivedBytes, wantedBytes);
    const received = this.#kept
      ? this.#lookAndTake(this.#kept, into)
      : this.#messages.receive(this.fd, into, this.#fds);
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

  /** Sees what the socket has, and leaves it there with its descriptors. */
  #look(into: Uint8Array<ArrayBuffer>): number {
    const fds: number[] = [];
    const seen = this.#messages.peek(this.fd, into, fds);
    for (const fd of fds) closeForeign(this.#libc, fd);
    return seen;
  }

  /** Notes what the socket has before it is taken from there. */
  #lookAndTake(kept: KeptMessage, into: Uint8Array<ArrayBuffer>): number {
    const fds: number[] = [];
    const seen = this.#messages.peek(this.fd, into, fds);
    this.#fds.push(...fds);
    if (seen <= 0) return seen;
    kept.taking(seen, fds);
    const again: number[] = [];
    const taken = this.#messages.receive(
      this.fd,
      nativeBuffer(seen),
      again,
    );
    for (const fd of again) closeForeign(this.#libc, fd);
    if (taken > 0) kept.taken(taken);
    return taken;
  }

  #takeMessage(header: Header): Message {
    const payload = this.#incoming.subarray(HEADER_BYTES, this.#receivedBytes);
    const fds = this.#fds;
    this.#header = undefined;
    this.#receivedBytes = 0;
    this.#fds = [];
    return {
      ...header,
      number: ++this.#count,
      payload,
      view: new DataView(payload.buffer, payload.byteOffset, payload.length),
      fds,
    };
  }

  /** The answer to a request, valid until something else is formed. */
  formReply(request: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#form(request, VERSION | FLAG_REPLY, payload);
  }

  /** The same of what another process has formed. */
  formAgain(formed: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#outgoing.set(formed);
    return this.#outgoing.subarray(0, formed.length);
  }

  /** Sends a request; returns what is wrong when that failed. */
  request(request: number, payload: Uint8Array): string | undefined {
    return this.send(this.#form(request, VERSION, payload));
  }

  #form(
    request: number,
    flags: number,
    payload: Uint8Array,
  ): Uint8Array<ArrayBuffer> {
    const payloadBytes = payload.length;
    encodeHeader(this.#outgoingView, { request, flags, payloadBytes });
    this.#outgoing.set(payload, HEADER_BYTES);
    return this.#outgoing.subarray(0, HEADER_BYTES + payloadBytes);
  }

  /** Sends what was formed; returns what is wrong when that failed. */
  send(
    bytes: Uint8Array<ArrayBuffer>,
    fds: readonly number[] = [],
  ): string | undefined {
    // Replies are small: when one does not fit, the other side does not read.
    const sent = this.#messages.send(this.fd, bytes, fds);
    if (sent === bytes.length) return undefined;
    return sent === -EAGAIN || sent >= 0
      ? "the front-end does not read replies"
      : `cannot send: ${this.#libc.describe(sent)}`;
  }

  /**
   * Whether the front-end has got an answer to its last message for all that can
   * be seen: it has not read all that was sent to it, or it has sent more.
   */
  get isAnswered(): boolean {
    return unreadBytes(this.#libc, this.fd) > 0 ||
      this.#look(nativeBuffer(1)) > 0;
  }

  /** How many messages have been received. */
  get count(): number {
    return this.#count;
  }

  /** Closes the socket and the descriptors of an unfinished message. */
  close(): void {
    for (const fd of this.#fds) closeForeign(this.#libc, fd);
    this.#fds = [];
    // What is kept may be for the next process.
    if (!this.#kept) this.#incoming.fill(0);
    closeForeign(this.#libc, this.fd);
  }
}
