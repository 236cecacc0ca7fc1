/**
 * The socket of a vhost-user front-end: one request at a time, each with its
 * answer where the protocol has one.
 *
 * @module
 */

import {
  EAGAIN,
  type Libc,
  nativeBuffer,
  POLLFD_BYTES,
} from "../../ffi/libc.ts";
import { POLLIN } from "../../ffi/libc.ts";
import { connectUnix, SocketMessages } from "../../ffi/libc_socket.ts";
import {
  decodeHeader,
  decodeU64,
  encodeMessage,
  FLAG_NEED_REPLY,
  FLAG_REPLY,
  HEADER_BYTES,
  PROTOCOL_FEATURE,
} from "./messages.ts";

/** Longer than any device takes; an answer that late will not come. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAXIMUM_PAYLOAD_BYTES = 4096;
const NOTHING = new Uint8Array(0);

/** A connected front-end socket. */
export class FrontEndConnection {
  /** Protocol features in force; REPLY_ACK changes how `tell` works. */
  protocolFeatures = 0n;
  readonly #libc: Libc;
  /** The socket. */
  readonly fd: number;
  readonly #messages: SocketMessages;
  readonly #pollEntry = nativeBuffer(POLLFD_BYTES);
  /** Requests wait for the one before them. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.fd = fd;
    this.#messages = new SocketMessages(libc);
    const view = new DataView(this.#pollEntry.buffer);
    view.setInt32(0, fd, true);
    view.setInt16(4, POLLIN, true);
  }

  /** Connects to the device that listens at `path`. */
  static open(libc: Libc, path: string): FrontEndConnection {
    const fd = connectUnix(libc, path);
    if (fd >= 0) return new FrontEndConnection(libc, fd);
    throw new Error(`Cannot connect to "${path}": ${libc.describe(fd)}`);
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
      const answer = await this.#receiveAnswer(request);
      if (answer.length !== 8 || decodeU64(answer) !== 0n) {
        throw new Error(`The device refused vhost-user request ${request}`);
      }
    });
  }

  /** Sends a request and returns the payload of its answer. */
  ask(
    request: number,
    payload: Uint8Array = NOTHING,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inTurn(() => {
      this.#send(encodeMessage(request, payload), []);
      return this.#receiveAnswer(request);
    });
  }

  /** Closes the socket once the request under way has ended. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    this.#libc.close(this.fd);
  }

  #inTurn<T>(exchange: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new Error("The vhost-user connection is closed"));
    }
    const result = this.#last.then(exchange);
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
        this.fd,
        message.subarray(sent),
        sent === 0 ? fds : [],
        true,
      );
      if (result < 0) {
        throw new Error(
          `Cannot write to the device: ${this.#libc.describe(result)}`,
        );
      }
      sent += result;
    }
  }

  async #receiveAnswer(request: number): Promise<Uint8Array<ArrayBuffer>> {
    const header = decodeHeader(await this.#receiveBytes(HEADER_BYTES));
    if (
      header.request !== request || (header.flags & FLAG_REPLY) === 0 ||
      header.payloadBytes > MAXIMUM_PAYLOAD_BYTES
    ) {
      throw new Error(
        `Unexpected vhost-user message ${header.request} of ` +
          `${header.payloadBytes} bytes, expected the answer to ${request}`,
      );
    }
    return await this.#receiveBytes(header.payloadBytes);
  }

  async #receiveBytes(lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = nativeBuffer(lengthBytes);
    let received = 0;
    while (received < lengthBytes) {
      const ready = await this.#libc.pollAsync(
        this.#pollEntry,
        1,
        ANSWER_TIMEOUT_MS,
      );
      if (ready === 0) throw new Error("The device does not answer");
      received += this.#receiveSome(bytes.subarray(received));
    }
    return bytes;
  }

  #receiveSome(into: Uint8Array<ArrayBuffer>): number {
    const fds: number[] = [];
    const result = this.#messages.receive(this.fd, into, fds);
    for (const fd of fds) this.#libc.close(fd);
    if (result > 0) return result;
    if (result === -EAGAIN) return 0;
    throw new Error(
      result === 0
        ? "The device closed the connection"
        : `Cannot read from the device: ${this.#libc.describe(result)}`,
    );
  }
}
