/**
 * What outlives this process: found at its start, and kept from then on.
 *
 * @module
 */

import { isPartOfGuest } from "../device/transport/vhost_user/kept_guest.ts";
import { UndoPool } from "../device/transport/vhost_user/kept_undo.ts";
import type { Keeping } from "../device/transport/vhost_user/server.ts";
import type { Libc } from "../ffi/libc.ts";
import type { InheritedDescriptor } from "../keeper/inherited.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { KEPT, keptDescriptors } from "./handed_over.ts";
import type { Log } from "./log.ts";

/** The guests of the process before, by socket. */
export class KeptState {
  readonly #libc: Libc;
  readonly #keeper: Keeper;
  readonly #log: Log;
  readonly #undo = new UndoPool();
  #left: InheritedDescriptor[];

  constructor(libc: Libc, keeper: Keeper, log: Log) {
    this.#libc = libc;
    this.#keeper = keeper;
    this.#log = log;
    this.#left = [...keptDescriptors()];
  }

  /** How the guest of a socket is kept. */
  keepingOf(socket: string): Keeping {
    const name = KEPT + nameOf(socket);
    const isOwn = (one: InheritedDescriptor) =>
      one.name.startsWith(`${name}.`) &&
      isPartOfGuest(one.name.slice(name.length + 1));
    const left = this.#left.filter(isOwn);
    this.#left = this.#left.filter((one) => !isOwn(one));
    return { keeper: this.#keeper, name, left, undo: this.#undo };
  }

  /** Gives up the guests of sockets that there are no more. */
  forgetRest(): void {
    if (this.#left.length === 0) return;
    this.#log(
      "warn",
      `${this.#left.length} descriptors are given up: their sockets are not served`,
    );
    for (const { name, fd } of this.#left.splice(0)) {
      this.#keeper.forget(name);
      this.#libc.close(fd);
    }
  }
}

/** A socket's name as part of a descriptor's name, where `:` means something. */
function nameOf(socket: string): string {
  return [...new TextEncoder().encode(socket)].map((byte) => {
    const letter = String.fromCharCode(byte);
    return /[\w./-]/.test(letter) ? letter : `%${byte.toString(16)}`;
  }).join("");
}
