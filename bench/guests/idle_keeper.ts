/**
 * Whoever hears what is to be kept, and keeps nothing: for what keeping costs the
 * device alone.
 *
 * @module
 */

import { type Libc, nativeBuffer, openLibc } from "../../ffi/libc.ts";
import { bindDatagram } from "../../ffi/libc_datagram.ts";
import { SocketMessages } from "../../ffi/libc_socket.ts";

const EVERY_MS = 1;

/** Hears until it is disposed of. */
export class IdleKeeper implements Disposable {
  /** What $NOTIFY_SOCKET is set to. */
  readonly name: string;
  readonly #libc: Libc = openLibc();
  readonly #fd: number;
  readonly #messages = new SocketMessages(this.#libc);
  readonly #bytes = nativeBuffer(4096);
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    const bound = bindDatagram(this.#libc);
    if (typeof bound === "number") throw new Error(this.#libc.describe(bound));
    this.#fd = bound.fd;
    this.name = bound.name;
    this.#timer = setInterval(() => this.#hear(), EVERY_MS);
  }

  #hear(): void {
    for (;;) {
      const fds: number[] = [];
      if (this.#messages.receive(this.#fd, this.#bytes, fds) < 0) return;
      for (const fd of fds) this.#libc.close(fd);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#libc.close(this.#fd);
  }
}
