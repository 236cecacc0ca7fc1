/**
 * A thread's waiting: one call for all descriptors, which costs nothing while
 * none is readable. The device's main thread has one, and the links of a program
 * have one together.
 *
 * @module
 */

import type { Libc } from "./libc.ts";
import { Epoll } from "./libc_epoll.ts";

type Handler = () => void | Promise<void>;

/** Calls handlers when their descriptors are readable. */
export class Reactor {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #wakeFd: number;
  readonly #handlers = new Map<number, Handler>();
  readonly #running: Promise<void>;
  #closing = false;

  private constructor(libc: Libc, epoll: Epoll, wakeFd: number) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#wakeFd = wakeFd;
    this.#epoll.add(wakeFd);
    this.#running = this.#run();
  }

  /**
   * Starts a reactor.
   *
   * @throws {Error} when the system has no descriptor left for it
   */
  static open(libc: Libc): Reactor {
    const epoll = Epoll.open(libc);
    if (typeof epoll === "number") {
      throw new Error(`Cannot wait for events: ${libc.describe(epoll)}`);
    }
    const wakeFd = libc.eventfd();
    if (wakeFd >= 0) return new Reactor(libc, epoll, wakeFd);
    epoll.close();
    throw new Error(`Cannot wait for events: ${libc.describe(wakeFd)}`);
  }

  /**
   * Calls `handler` whenever `fd` is readable, never again before the promise of
   * the last call is settled; it does not reject. Negative when one cannot wait
   * for `fd`.
   */
  watch(fd: number, handler: Handler): number {
    const added = this.#epoll.add(fd);
    if (added >= 0) this.#handlers.set(fd, handler);
    return added;
  }

  /** Stops watching; to be called before `fd` is closed. */
  unwatch(fd: number): void {
    if (this.#handlers.delete(fd)) this.#epoll.remove(fd);
  }

  /** Ends the waiting and forgets all descriptors. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#libc.signal(this.#wakeFd);
    await this.#running;
    this.#handlers.clear();
    this.#epoll.close();
    this.#libc.close(this.#wakeFd);
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      for (const fd of await this.#epoll.wait()) {
        const handler = this.#handlers.get(fd);
        if (handler && !this.#closing) void this.#call(fd, handler);
      }
    }
  }

  async #call(fd: number, handler: Handler): Promise<void> {
    await handler();
    if (this.#handlers.get(fd) === handler) this.#epoll.arm(fd);
  }
}
