/**
 * The channel on which the device sends requests of its own.
 *
 * @module
 */

import { EAGAIN, type Libc, nativeBuffer } from "../../ffi/libc.ts";
import { SocketMessages, socketPair } from "../../ffi/libc_socket.ts";
import type { Reactor } from "../../ffi/reactor.ts";
import {
  BACKEND_REQUEST_CONFIG_CHANGE,
  decodeHeader,
  encodeMessage,
  encodeU64,
  FLAG_NEED_REPLY,
  FLAG_REPLY,
  HEADER_BYTES,
} from "./messages.ts";

const BUFFER_BYTES = 4096;

/** The front-end's end of the channel. */
export class BackendChannel {
  /** Our end. */
  readonly #fd: number;
  /** The device's end, to send to it; closed by `handOver`. */
  readonly deviceFd: number;
  readonly #libc: Libc;
  readonly #reactor: Reactor;
  readonly #messages: SocketMessages;
  readonly #buffer = nativeBuffer(BUFFER_BYTES);
  readonly #configChanged: () => void;
  #filled = 0;

  constructor(libc: Libc, reactor: Reactor, configChanged: () => void) {
    const pair = socketPair(libc);
    if (typeof pair === "number") {
      throw new Error(`Cannot make a socket pair: ${libc.describe(pair)}`);
    }
    [this.#fd, this.deviceFd] = pair;
    this.#libc = libc;
    this.#reactor = reactor;
    this.#messages = new SocketMessages(libc);
    this.#configChanged = configChanged;
    // Where that fails, config changes are not heard of.
    reactor.watch(this.#fd, () => this.#readable());
  }

  /** Closes the device's end here, once the device has its own. */
  handOver(): void {
    this.#libc.close(this.deviceFd);
  }

  /** Takes what is there; the reactor calls again if that is not all. */
  #readable(): void {
    const fds: number[] = [];
    const received = this.#messages.receive(
      this.#fd,
      this.#buffer.subarray(this.#filled),
      fds,
    );
    for (const fd of fds) this.#libc.close(fd);
    if (received === -EAGAIN) return;
    if (received <= 0) return this.#reactor.unwatch(this.#fd);
    this.#filled += received;
    this.#takeMessages();
  }

  close(): void {
    this.#reactor.unwatch(this.#fd);
    this.#libc.close(this.#fd);
  }

  #takeMessages(): void {
    let start = 0;
    while (this.#filled - start >= HEADER_BYTES) {
      const { request, flags, payloadBytes } = decodeHeader(
        this.#buffer.subarray(start),
      );
      const end = start + HEADER_BYTES + payloadBytes;
      if (end > this.#filled) break;
      start = end;
      const known = request === BACKEND_REQUEST_CONFIG_CHANGE;
      if (known) this.#configChanged();
      if ((flags & FLAG_NEED_REPLY) === 0) continue;
      const result = encodeU64(known ? 0n : 1n);
      this.#messages.send(
        this.#fd,
        encodeMessage(request, result, FLAG_REPLY),
        [],
        true,
      );
    }
    this.#buffer.copyWithin(0, start, this.#filled);
    this.#filled -= start;
  }
}
