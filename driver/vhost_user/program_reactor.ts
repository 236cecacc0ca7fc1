/**
 * The one reactor of all vhost-user links of a program: however many they are,
 * one thread of the runtime waits for them.
 *
 * @module
 */

import type { Libc } from "../../ffi/libc.ts";
import { Reactor } from "../../ffi/reactor.ts";

interface Shared {
  readonly reactor: Reactor;
  links: number;
}

/** Of this thread: a Worker has its own modules, and so its own reactor. */
let shared: Shared | undefined;

/** A link's part in the reactor, which runs for as long as somebody has one. */
export class ReactorShare {
  readonly reactor: Reactor;
  readonly #shared: Shared;
  #closed = false;

  /** Throws when the system has no descriptor left for a reactor. */
  constructor(libc: Libc) {
    shared ??= { reactor: Reactor.open(libc), links: 0 };
    shared.links++;
    this.#shared = shared;
    this.reactor = shared.reactor;
  }

  /** Gives the part back; what it has watched is no longer watched. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (--this.#shared.links > 0) return;
    // A link that comes while this one closes begins with a new one.
    shared = undefined;
    await this.reactor.close();
  }
}
