/**
 * The keeper as the process that it keeps descriptors for knows it: systemd, or
 * `supervise`. Both speak sd_notify(3).
 *
 * @module
 */

import {
  EAGAIN,
  type Libc,
  nativeBuffer,
  POLLFD_BYTES,
  POLLFD_EVENTS,
  POLLOUT,
} from "../ffi/libc.ts";
import { connectDatagram } from "../ffi/libc_datagram.ts";
import { SocketMessages } from "../ffi/libc_socket.ts";
import type { Environment } from "./inherited.ts";
import { MOST_NAME_BYTES } from "./descriptor_store.ts";
import { formatNotification, isDescriptorName } from "./notification.ts";

/** How long a message may wait for room at the keeper. */
const PATIENCE_MS = 1000;

/** Tells the keeper. */
export class Keeper {
  /** Within which time it wants to hear that all is well; 0: it does not. */
  readonly watchdogMs: number;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #messages: SocketMessages;
  /** What is kept, by name. */
  readonly #names: Set<string>;
  #nameBytes = 0;

  private constructor(
    libc: Libc,
    fd: number,
    watchdogMs: number,
    names: readonly string[],
  ) {
    this.#libc = libc;
    this.#fd = fd;
    this.#messages = new SocketMessages(libc);
    this.watchdogMs = watchdogMs;
    this.#names = new Set(names);
    for (const name of this.#names) this.#nameBytes += name.length + 1;
  }

  /** The keeper that started this process; undefined where there is none. */
  static find(
    libc: Libc,
    environment: Environment,
    processId: number,
  ): Keeper | undefined {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = environment;
    if (!NOTIFY_SOCKET) return undefined;
    const fd = connectDatagram(libc, NOTIFY_SOCKET);
    if (fd < 0) return undefined;
    const isWatched = WATCHDOG_PID === undefined ||
      WATCHDOG_PID === `${processId}`;
    const microseconds = isWatched ? Number(WATCHDOG_USEC ?? 0) : 0;
    const watchdogMs = microseconds > 0 ? microseconds / 1000 : 0;
    const names = environment.LISTEN_FDNAMES?.split(":") ?? [];
    return new Keeper(libc, fd, watchdogMs, names);
  }

  /** Tells that this process serves. Negative where the keeper did not hear it. */
  ready(): number {
    return this.#tell({ READY: "1" });
  }

  /** Tells that this process is about to end. */
  stopping(): number {
    return this.#tell({ STOPPING: "1" });
  }

  /** Tells that all is well. */
  watchdog(): number {
    return this.#tell({ WATCHDOG: "1" });
  }

  /**
   * Has a descriptor kept, in place of what was kept by that name. Negative where
   * the keeper did not hear it; whether it had room it does not tell.
   *
   * @throws {RangeError} for a name that cannot be one
   */
  keep(name: string, fd: number): number {
    requireName(name);
    const forgotten = this.forget(name);
    if (forgotten < 0) return forgotten;
    this.#names.add(name);
    this.#nameBytes += name.length + 1;
    return this.#tell({ FDSTORE: "1", FDNAME: name }, [fd]);
  }

  /** Whether so many descriptors can be kept by names like this one. */
  takes(name: string, count: number): boolean {
    return isDescriptorName(name) &&
      this.#nameBytes + (name.length + 1) * count <= MOST_NAME_BYTES;
  }

  /** Has what is kept by a name given up. */
  forget(name: string): number {
    requireName(name);
    if (this.#names.delete(name)) this.#nameBytes -= name.length + 1;
    return this.#tell({ FDSTOREREMOVE: "1", FDNAME: name });
  }

  close(): void {
    this.#libc.close(this.#fd);
  }

  #tell(
    values: Readonly<Record<string, string>>,
    fds: readonly number[] = [],
  ): number {
    const text = new TextEncoder().encode(formatNotification(values));
    const bytes = nativeBuffer(text.length);
    bytes.set(text);
    let sent = this.#messages.send(this.#fd, bytes, fds);
    if (sent === -EAGAIN && this.#waitForRoom()) {
      sent = this.#messages.send(this.#fd, bytes, fds);
    }
    return sent;
  }

  #waitForRoom(): boolean {
    const pollfd = nativeBuffer(POLLFD_BYTES);
    const view = new DataView(pollfd.buffer);
    view.setInt32(0, this.#fd, true);
    view.setInt16(POLLFD_EVENTS, POLLOUT, true);
    return this.#libc.poll(pollfd, 1, PATIENCE_MS) > 0;
  }
}

function requireName(name: string): void {
  if (isDescriptorName(name)) return;
  throw new RangeError(
    `Cannot keep a descriptor as ${
      JSON.stringify(name)
    }: expected at most 255 printable characters without ":"`,
  );
}
