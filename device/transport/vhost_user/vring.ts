/**
 * What a front-end has said of one ring.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import type { RingAddresses } from "./payloads.ts";

/** Initial position of a packed ring: index 0, wrap counters 1. */
const PACKED_START = 0x8000_8000;

/** State of one ring, running or not. */
export class Vring {
  readonly index: number;
  size = 0;
  addresses: RingAddresses | undefined;
  /** SET_VRING_KICK has come, and GET_VRING_BASE not since. */
  started = false;
  /** What SET_VRING_ENABLE said; undefined before the first. */
  enabled: boolean | undefined;
  running = false;
  /** What GET_VRING_BASE answered last. */
  stoppedAt: number | undefined;
  kickFd = -1;
  callFd = -1;
  errorFd = -1;
  #base: number | undefined;
  readonly #libc: Libc;

  constructor(libc: Libc, index: number) {
    this.#libc = libc;
    this.index = index;
  }

  /** Where the ring is to start. */
  base(packed: boolean): number {
    return this.#base ?? (packed ? PACKED_START : 0);
  }

  setBase(base: number): void {
    this.#base = base;
  }

  /** Back to the initial state, but for the descriptors. */
  reset(): void {
    this.size = 0;
    this.addresses = undefined;
    this.started = false;
    this.enabled = undefined;
    this.stoppedAt = undefined;
    this.#base = undefined;
  }

  /** Closes all descriptors; nobody may still use them. */
  close(): void {
    for (const fd of [this.kickFd, this.callFd, this.errorFd]) {
      if (fd >= 0) closeForeign(this.#libc, fd);
    }
    this.kickFd = -1;
    this.callFd = -1;
    this.errorFd = -1;
  }
}
