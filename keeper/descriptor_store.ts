/**
 * The descriptors that a keeper of ours holds for the process under it, by name.
 *
 * @module
 */

import {
  type Libc,
  nativeBuffer,
  POLLFD_BYTES,
  POLLFD_RESULT,
} from "../ffi/libc.ts";

/** As many as systemd is asked for (FileDescriptorStoreMax=). */
const MOST_KEPT = 32768;
/**
 * All names are one variable of the environment, which the kernel takes up to
 * 128 KiB of (MAX_ARG_STRLEN): with more, nothing could be started again.
 */
export const MOST_NAME_BYTES = 120_000;
const POLLERR_HUP = 0x8 | 0x10;

/** One of them. */
export interface KeptDescriptor {
  readonly name: string;
  readonly fd: number;
}

/** Holds descriptors; they are its own from then on. */
export class DescriptorStore {
  readonly #libc: Libc;
  readonly #most: number;
  #kept: KeptDescriptor[] = [];

  constructor(libc: Libc, most = MOST_KEPT) {
    this.#libc = libc;
    this.#most = most;
  }

  get all(): readonly KeptDescriptor[] {
    return this.#kept;
  }

  /** Keeps `fd` besides what has the same name; false where there is no room. */
  keep(name: string, fd: number): boolean {
    const nameBytes = this.#kept.reduce(
      (sum, kept) => sum + kept.name.length + 1,
      name.length + 1,
    );
    if (this.#kept.length < this.#most && nameBytes <= MOST_NAME_BYTES) {
      this.#kept.push({ name, fd });
      return true;
    }
    this.#libc.close(fd);
    return false;
  }

  forget(name: string): void {
    this.#closeAll((kept) => kept.name === name);
  }

  /** Gives up those whose other end is gone: a front-end that has ended. */
  forgetDead(): void {
    this.#closeAll(({ fd }) => this.#isDead(fd));
  }

  close(): void {
    this.#closeAll(() => true);
  }

  #closeAll(which: (kept: KeptDescriptor) => boolean): void {
    const staying: KeptDescriptor[] = [];
    for (const kept of this.#kept) {
      if (which(kept)) this.#libc.close(kept.fd);
      else staying.push(kept);
    }
    this.#kept = staying;
  }

  #isDead(fd: number): boolean {
    const pollfd = nativeBuffer(POLLFD_BYTES);
    const view = new DataView(pollfd.buffer);
    view.setInt32(0, fd, true);
    const ready = this.#libc.poll(pollfd, 1, 0);
    return ready > 0 &&
      (view.getInt16(POLLFD_RESULT, true) & POLLERR_HUP) !== 0;
  }
}
