/**
 * Waits for eventfds and sockets without blocking the thread.
 *
 * @module
 */

import {
  type Libc,
  nativeBuffer,
  POLLFD_BYTES,
  POLLIN,
} from "../../ffi/libc.ts";

/** Calls a function for each descriptor that becomes readable. */
export class DescriptorWatch {
  readonly #libc: Libc;
  /** Wakes the wait itself, so that it sees additions and the end. */
  readonly #wakeFd: number;
  readonly #fds: number[] = [];
  readonly #events: number[] = [];
  readonly #handlers: (() => void)[] = [];
  #entries = nativeBuffer(0);
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(libc: Libc) {
    this.#libc = libc;
    const fd = libc.eventfd();
    if (fd < 0) throw new Error(`Cannot make an eventfd: ${libc.describe(fd)}`);
    this.#wakeFd = fd;
    this.#append(fd, POLLIN, () => libc.clear(fd));
  }

  /** Calls `readable`, which takes what is there, when `fd` has something. */
  add(fd: number, readable: () => void): void {
    this.#append(fd, POLLIN, readable);
    this.#libc.signal(this.#wakeFd);
    this.#running ??= this.#run();
  }

  /** Calls `gone` once, when the other end of socket `fd` is closed. */
  addHangUp(fd: number, gone: () => void): void {
    this.#append(fd, 0, () => {
      this.remove(fd);
      gone();
    });
    this.#libc.signal(this.#wakeFd);
    this.#running ??= this.#run();
  }

  /** Waits for `fd` no longer. */
  remove(fd: number): void {
    const index = this.#fds.indexOf(fd);
    // poll(2) passes over negative descriptors.
    this.#fds[index] = -1;
    new DataView(this.#entries.buffer).setInt32(index * POLLFD_BYTES, -1, true);
  }

  /** Ends the wait; afterwards no descriptor is in use. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#libc.signal(this.#wakeFd);
    await this.#running;
    this.#libc.close(this.#wakeFd);
  }

  #append(fd: number, events: number, readable: () => void): void {
    this.#fds.push(fd);
    this.#events.push(events);
    this.#handlers.push(readable);
    // A new buffer: a wait under way still uses the old one.
    this.#entries = nativeBuffer(POLLFD_BYTES * this.#fds.length);
    const view = new DataView(this.#entries.buffer);
    this.#fds.forEach((fd, i) => {
      view.setInt32(i * POLLFD_BYTES, fd, true);
      view.setInt16(i * POLLFD_BYTES + 4, this.#events[i]!, true);
    });
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const entries = this.#entries;
      const count = entries.length / POLLFD_BYTES;
      const ready = await this.#libc.pollAsync(entries, count, -1);
      for (let i = 0; i < count && ready > 0 && !this.#closed; i++) {
        const happened = i * POLLFD_BYTES + 6;
        if (entries[happened] === 0 && entries[happened + 1] === 0) continue;
        this.#handlers[i]!();
      }
    }
  }
}
