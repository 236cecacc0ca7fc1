/**
 * Kick descriptors that several rings have in common. Whoever reads one takes
 * the kick away from the others, who then sleep on: the main thread reads it and
 * passes it on to a descriptor of each ring's own.
 *
 * @module
 */

import { EAGAIN, type Libc } from "../../../ffi/libc.ts";
import { clearForeign, isSameFile } from "../../../ffi/libc_foreign.ts";
import type { Reactor } from "../../../ffi/reactor.ts";

/** A ring's own copy of a kick that it shares. */
export class PassedKick {
  readonly fd: number;
  /** All that get the same kick. */
  readonly members: Set<PassedKick>;
  readonly #libc: Libc;
  readonly #reactor: Reactor;
  readonly #source: number;

  private constructor(
    libc: Libc,
    reactor: Reactor,
    source: number,
    fd: number,
    members: Set<PassedKick>,
  ) {
    this.#libc = libc;
    this.#reactor = reactor;
    this.#source = source;
    this.fd = fd;
    this.members = members;
    members.add(this);
  }

  /** Passes on what comes by `source`; undefined where that is impossible. */
  static open(
    libc: Libc,
    reactor: Reactor,
    source: number,
    members: Set<PassedKick>,
  ): PassedKick | undefined {
    const fd = libc.eventfd();
    if (fd < 0) return undefined;
    const passed = new PassedKick(libc, reactor, source, fd, members);
    if (reactor.watch(source, () => passed.#pass()) >= 0) return passed;
    passed.close();
    return undefined;
  }

  /** Gets no more kicks; to be called before the source is closed. */
  close(): void {
    this.members.delete(this);
    this.#reactor.unwatch(this.#source);
    this.#libc.close(this.fd);
  }

  #pass(): void {
    const read = clearForeign(this.#libc, this.#source);
    for (const { fd } of this.members) this.#libc.signal(fd);
    if (read > 0 || read === -EAGAIN) return;
    // Nobody holds the other end: it would be readable for ever.
    this.#reactor.unwatch(this.#source);
  }
}

/** A ring that may share its kick. */
export interface KickedRing {
  readonly kickFd: number;
  /** The ring's own copy of a kick that other rings have, too. */
  passedKick: PassedKick | undefined;
}

/**
 * Has a ring and all others with the same kick descriptor get theirs from the
 * main thread. `stop` is called with those that have read it themselves so far,
 * and ends that: what is read beside the passing is lost to the others. Returns
 * them; they have to start anew.
 */
export async function shareKick<Ring extends KickedRing>(
  libc: Libc,
  reactor: Reactor,
  ring: Ring,
  all: readonly Ring[],
  stop: (ring: Ring) => Promise<void>,
): Promise<Ring[]> {
  const others = all.filter((other) =>
    other !== ring && other.kickFd >= 0 &&
    isSameFile(libc, other.kickFd, ring.kickFd)
  );
  if (others.length === 0) return [];
  const members = others.find((other) => other.passedKick)?.passedKick
    ?.members ?? new Set();
  const added = [ring, ...others].filter((one) => !one.passedKick);
  for (const one of added) await stop(one);
  for (const one of added) {
    one.passedKick = PassedKick.open(libc, reactor, one.kickFd, members);
  }
  return added;
}
