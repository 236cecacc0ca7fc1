/**
 * Waiting for many descriptors at once (epoll(7)): on a thread of the runtime, or
 * on the calling one.
 *
 * @module
 */

import { type Libc, nativeBuffer } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x1;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLONESHOT = 0x4000_0000;
const EPOLLET = 0x8000_0000;
const MAX_EVENTS = 32;
const MAX_EDGES = 256;

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

/**
 * A set of descriptors, each reported whenever something is written to it: nobody
 * has to read an eventfd to hear of the next time. The calling thread waits.
 */
export class EdgeEpoll {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #layout = eventLayout();
  readonly #event = nativeBuffer(this.#layout.bytes);
  readonly #eventView = new DataView(this.#event.buffer);
  readonly #events = nativeBuffer(this.#layout.bytes * MAX_EDGES);
  readonly #eventsView = new DataView(this.#events.buffer);

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** A new set, or a negative error number. */
  static open(libc: Libc): EdgeEpoll | number {
    const fd = libc.check(libc.symbols.epoll_create1(EPOLL_CLOEXEC));
    return fd < 0 ? fd : new EdgeEpoll(libc, fd);
  }

  /**
   * Adds `fd`, to be reported as `token`, at once where it is readable already;
   * refused (-EPERM) for files that one cannot wait for.
   */
  add(fd: number, token: number): number {
    this.#eventView.setUint32(0, EPOLLIN | EPOLLET, true);
    this.#eventView.setInt32(this.#layout.dataAt, token, true);
    return this.#control(EPOLL_CTL_ADD, fd);
  }

  remove(fd: number): number {
    return this.#control(EPOLL_CTL_DEL, fd);
  }

  /** Waits; returns how many are reported, or a negative error number. */
  wait(timeoutMs: number): number {
    return this.#libc.check(
      this.#libc.symbols.epoll_wait(
        this.#fd,
        this.#events,
        MAX_EDGES,
        timeoutMs,
      ),
    );
  }

  /** The token of one of those that `wait` has reported. */
  token(index: number): number {
    const { bytes, dataAt } = this.#layout;
    return this.#eventsView.getInt32(index * bytes + dataAt, true);
  }

  /** Whether nobody holds the other end of it any more. */
  isHungUp(index: number): boolean {
    const at = index * this.#layout.bytes;
    const events = this.#eventsView.getUint32(at, true);
    return (events & (EPOLLERR | EPOLLHUP)) !== 0;
  }

  /** Closes the set. */
  close(): void {
    this.#libc.close(this.#fd);
  }

  #control(operation: number, fd: number): number {
    return this.#libc.check(
      this.#libc.symbols.epoll_ctl(this.#fd, operation, fd, this.#event),
    );
  }
}
