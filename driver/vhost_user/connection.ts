/**
 * The socket of a vhost-user front-end: one request at a time, each with its
 * answer where the protocol has one.
 *
 * @module
 */

import { EAGAIN, type Libc, nativeBuffer } from "../../ffi/libc.ts";
import { connectUnix, SocketMessages } from "../../ffi/libc_socket.ts";
import type { Reactor } from "../../ffi/reactor.ts";
import { DeviceLostError } from "../device_lost_error.ts";
import {
  decodeHeader,
  decodeU64,
  encodeMessage,
  FLAG_NEED_REPLY,
  HEADER_BYTES,
  isAnswer,
  PROTOCOL_FEATURE,
} from "./messages.ts";

/** Longer than any device takes; an answer that late will not come. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAXIMUM_PAYLOAD_BYTES = 4096;
const NOTHING = new Uint8Array(0);

type Payload = Uint8Array<ArrayBuffer>;

/** The request whose answer is waited for. */
interface Awaited {
  readonly request: number;
  readonly resolve: (payload: Payload) => void;
  readonly reject: (reason: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A connected front-end socket. */
export class FrontEndConnection {
  /** Protocol features in force; REPLY_ACK changes how `tell` works. */
  protocolFeatures = 0n;
  /** Called once when the device has gone; not after `close`. */
  onLost: (reason: string) => void = () => {};
  readonly #libc: Libc;
  readonly #reactor: Reactor;
  /** Where the device listens. */
  readonly path: string;
  readonly #fd: number;
  readonly #messages: SocketMessages;
  readonly #incoming = nativeBuffer(HEADER_BYTES + MAXIMUM_PAYLOAD_BYTES);
  #incomingBytes = 0;
  #awaited: Awaited | undefined;
  /** Requests wait for the one before them. */
  #last: Promise<unknown> = Promise.resolve();
  #ended: Error | undefined;
  #lost: string | undefined;

  private constructor(libc: Libc, reactor: Reactor, fd: number, path: string) {
    this.path = path;
    this.#libc = libc;
    this.#reactor = reactor;
    this.#fd = fd;
    this.#messages = new SocketMessages(libc);
  }

  /** Connects to the device that listens at `path`. */
  static open(libc: Libc, reactor: Reactor, path: string): FrontEndConnection {
    const fd = connectUnix(libc, path);
    if (fd < 0) {
      throw new Error(`Cannot connect to "${path}": ${libc.describe(fd)}`);
    }
    const connection = new FrontEndConnection(libc, reactor, fd, path);
    const watched = reactor.watch(fd, () => connection.#readable());
    if (watched >= 0) return connection;
    libc.close(fd);
    throw new Error(`Cannot wait for "${path}": ${libc.describe(watched)}`);
  }

  /** Why the device has gone, once it has. */
  get lost(): string | undefined {
    return this.#lost;
  }

  has(protocolFeature: bigint): boolean {
    return (this.protocolFeatures & protocolFeature) !== 0n;
  }

  /** Sends a request that has no answer of its own; it is acknowledged if possible. */
  tell(
    request: number,
    payload: Uint8Array,
    fds: readonly number[] = [],
  ): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.has(PROTOCOL_FEATURE.REPLY_ACK)) {
        return this.#send(encodeMessage(request, payload), fds);
      }
      this.#send(encodeMessage(request, payload, FLAG_NEED_REPLY), fds);
      const answer = await this.#answerTo(request);
      if (answer.length !== 8 || decodeU64(answer) !== 0n) {
        throw new Error(`The device refused vhost-user request ${request}`);
      }
    });
  }

  /** Sends a request and returns the payload of its answer. */
  ask(request: number, payload: Uint8Array = NOTHING): Promise<Payload> {
    return this.#inTurn(() => {
      this.#send(encodeMessage(request, payload), []);
      return this.#answerTo(request);
    });
  }

  /** Closes the socket; requests under way are rejected. */
  close(): void {
    this.onLost = () => {};
    this.#end(new Error("The vhost-user connection is closed"));
    this.#libc.close(this.#fd);
  }

  #inTurn<T>(exchange: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#ended) throw this.#ended;
      return exchange();
    });
    this.#last = result.catch(() => {});
    return result;
  }

  #send(message: Uint8Array<ArrayBuffer>, fds: readonly number[]): void {
    try {
      this.#sendAll(message, fds);
    } finally {
      // Session messages hold keys.
      message.fill(0);
    }
  }

  #sendAll(message: Uint8Array<ArrayBuffer>, fds: readonly number[]): void {
    let sent = 0;
    while (sent < message.length) {
      const result = this.#messages.send(
        this.#fd,
        message.subarray(sent),
        sent === 0 ? fds : [],
        true,
      );
      if (result < 0) {
        throw this.#lose(`cannot write to it: ${this.#libc.describe(result)}`);
      }
      sent += result;
    }
  }

  #answerTo(request: number): Promise<Payload> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#lose(`no answer to vhost-user request ${request}`),
        ANSWER_TIMEOUT_MS,
      );
      this.#awaited = { request, resolve, reject, timer };
    });
  }

  /** Takes what is there; the reactor calls again if that is not all. */
  #readable(): void {
    const fds: number[] = [];
    const received = this.#messages.receive(
      this.#fd,
      this.#incoming.subarray(this.#incomingBytes),
      fds,
    );
    for (const fd of fds) this.#libc.close(fd);
    if (received === -EAGAIN) return;
    if (received > 0) {
      this.#incomingBytes += received;
      this.#takeMessage();
    } else {
      this.#lose(
        received === 0
          ? "it closed the connection"
          : `cannot read from it: ${this.#libc.describe(received)}`,
      );
    }
  }

  /** The device sends nothing but answers, so there is one message at most. */
  #takeMessage(): void {
    if (this.#incomingBytes < HEADER_BYTES) return;
    const { request, flags, payloadBytes } = decodeHeader(this.#incoming);
    const endBytes = HEADER_BYTES + payloadBytes;
    const awaited = this.#awaited;
    if (
      request !== awaited?.request || !isAnswer(flags) ||
      endBytes > this.#incoming.length || this.#incomingBytes > endBytes
    ) {
      this.#lose(
        `unexpected vhost-user message ${request} of ${payloadBytes} bytes, ` +
          `expected ${awaited ? `the answer to ${awaited.request}` : "none"}`,
      );
    } else if (this.#incomingBytes === endBytes) {
      const payload = nativeBuffer(payloadBytes);
      payload.set(this.#incoming.subarray(HEADER_BYTES, endBytes));
      this.#incoming.fill(0, 0, endBytes);
      this.#incomingBytes = 0;
      this.#awaited = undefined;
      clearTimeout(awaited.timer);
      awaited.resolve(payload);
    }
  }

  #lose(reason: string): Error {
    if (this.#ended) return this.#ended;
    const error = new DeviceLostError(reason);
    this.#lost = reason;
    this.#end(error);
    this.onLost(reason);
    return error;
  }

  #end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#reactor.unwatch(this.#fd);
    const awaited = this.#awaited;
    this.#awaited = undefined;
    clearTimeout(awaited?.timer);
    awaited?.reject(reason);
  }
}
