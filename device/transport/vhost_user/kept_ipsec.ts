/**
 * The memory of a guest's security associations that outlives the process, beside
 * that of its state: only who offers IPSEC has one.
 *
 * @module
 */

import {
  closeKeptMemory,
  createKeptMemory,
  type KeptMemory,
  openKeptMemory,
} from "../../../ffi/kept_memory.ts";
import type { Libc } from "../../../ffi/libc.ts";
import type { WordsPlace } from "../../association_store.ts";
import {
  AssociationLog,
  associationLogBytes,
  type LoggedWords,
} from "../../state/association_log.ts";

/** The log of one guest, and where its words are. */
export class KeptIpsec {
  readonly log: AssociationLog;
  readonly #libc: Libc;
  readonly #memory: KeptMemory;

  private constructor(libc: Libc, memory: KeptMemory) {
    this.#libc = libc;
    this.#memory = memory;
    this.log = new AssociationLog(memory.region.bytes);
  }

  /** Memory for so many associations; a negative error number where there is none. */
  static create(libc: Libc, name: string, rooms: number): KeptIpsec | number {
    const memory = createKeptMemory(libc, name, associationLogBytes(rooms));
    if (typeof memory === "number") return memory;
    const kept = new KeptIpsec(libc, memory);
    kept.log.begin(rooms);
    return kept;
  }

  /** What the process before has left; the descriptor stays the caller's on failure. */
  static takeOver(libc: Libc, fd: number): KeptIpsec | string {
    const memory = openKeptMemory(libc, fd);
    if (typeof memory === "number") {
      return `its associations cannot be mapped: ${libc.describe(memory)}`;
    }
    if (memory.region.bytes.length >= associationLogBytes(0)) {
      return new KeptIpsec(libc, memory);
    }
    libc.unmap(memory.mapping);
    return `associations in ${memory.region.bytes.length} bytes`;
  }

  get fd(): number {
    return this.#memory.fd;
  }

  /** Where threads find words of the log. */
  placeOf({ words, offsetBytes }: LoggedWords): WordsPlace {
    const address = this.#memory.mapping.address + offsetBytes;
    return { address, count: words.length };
  }

  /** Lets go of the memory, and wipes it where nobody goes on with it. */
  close(isGivenUp: boolean): void {
    if (isGivenUp) this.#memory.region.bytes.fill(0);
    closeKeptMemory(this.#libc, this.#memory);
  }

  /** Lets go of it; its descriptor is the caller's. */
  letGo(): void {
    this.#libc.unmap(this.#memory.mapping);
  }
}
