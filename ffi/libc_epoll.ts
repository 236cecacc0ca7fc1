/**
 * Waiting for many descriptors at once without blocking the thread (epoll(7)).
 *
 * @module
 */

import { type Libc, nativeBuffer } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x1;
const EPOLLONESHOT = 0x4000_0000;
const MAX_EVENTS = 32;

/** struct epoll_event, which is packed on x86-64 and nowhere else. */
function eventLayout(): { readonly bytes: number; readonly dataAt: number } {
  return Deno.build.arch === "x86_64"
    ? { bytes: 12, dataAt: 4 }
    : { bytes: 16, dataAt: 8 };
}

/** A set of descriptors, each reported once and then to be armed again. */
export class Epoll {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #layout = eventLayout();
  readonly #event = nativeBuffer(this.#layout.bytes);
  readonly #eventView = new DataView(this.#event.buffer);
  readonly #events = nativeBuffer(this.#layout.bytes * MAX_EVENTS);
  readonly #eventsView = new DataView(this.#events.buffer);

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** A new set, or a negative error number. */
  static open(libc: Libc): Epoll | number {
    const fd = libc.check(libc.symbols.epoll_create1(EPOLL_CLOEXEC));
    return fd < 0 ? fd : new Epoll(libc, fd);
  }

  /** Adds `fd`; refused (-EPERM) for files that one cannot wait for. */
  add(fd: number): number {
    return this.#control(EPOLL_CTL_ADD, fd);
  }

  /** Arms `fd` again after it was reported. */
  arm(fd: number): number {
    return this.#control(EPOLL_CTL_MOD, fd);
  }

  remove(fd: number): number {
    return this.#control(EPOLL_CTL_DEL, fd);
  }

  /** Waits on a thread of the runtime and returns the descriptors reported. */
  async wait(): Promise<number[]> {
    const count = await this.#libc.symbols.epollWaitAsync(
      this.#fd,
      this.#events,
      MAX_EVENTS,
      -1,
    );
    const { bytes, dataAt } = this.#layout;
    const fds: number[] = [];
    for (let i = 0; i < count; i++) {
      fds.push(this.#eventsView.getInt32(i * bytes + dataAt, true));
    }
    return fds;
  }

  /** Closes the set; no `wait` may be under way. */
  close(): void {
    this.#libc.close(this.#fd);
  }

  #control(operation: number, fd: number): number {
    this.#eventView.setUint32(0, EPOLLIN | EPOLLONESHOT, true);
    this.#eventView.setInt32(this.#layout.dataAt, fd, true);
    return this.#libc.check(
      this.#libc.symbols.epoll_ctl(this.#fd, operation, fd, this.#event),
    );
  }
}
