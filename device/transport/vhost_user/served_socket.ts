/**
 * A socket of the device: made or checked first, and to be reached only when all
 * that is served beside it is ready, too.
 *
 * @module
 */

import { EAGAIN, ECONNREFUSED, type Libc } from "../../../ffi/libc.ts";
import type { FileAccess } from "../../../ffi/libc_accounts.ts";
import {
  connectUnix,
  prepareListener,
  publishListener,
  socketKind,
  unreadyPath,
} from "../../../ffi/libc_socket.ts";

/** A socket that is ready to be served. */
export class ServedSocket {
  /** What accepts connections; -1 where the socket is one. */
  readonly listener: number;
  /** The socket's one connection; -1 where it listens. */
  readonly connection: number;
  /** The file that is removed at the end; absent for a descriptor. */
  readonly path: string | undefined;
  readonly #libc: Libc;
  #isOpen = false;

  private constructor(
    libc: Libc,
    listener: number,
    connection: number,
    path: string | undefined,
  ) {
    this.#libc = libc;
    this.listener = listener;
    this.connection = connection;
    this.path = path;
  }

  /**
   * Makes a socket for `path`, which nobody can reach before it is opened, and
   * then who has `access`; a socket file that nobody listens at any more is
   * replaced.
   *
   * @throws {Error} when the path is in use or refused by the system
   */
  static atPath(libc: Libc, path: string, access?: FileAccess): ServedSocket {
    removeStaleSocket(libc, path);
    removeStaleSocket(libc, unreadyPath(path));
    if (isThere(path)) throw cannotListen(path, "there is a file of that name");
    const prepared = prepareListener(libc, path, access);
    if ("fd" in prepared) return new ServedSocket(libc, prepared.fd, -1, path);
    const reason = libc.describe(prepared.error);
    if (prepared.step === "listen") throw cannotListen(path, reason);
    throw new Error(`Cannot change who may use socket "${path}": ${reason}`);
  }

  /**
   * Takes a socket that another program opened, which listens or is connected.
   *
   * @throws {Error} when `fd` is none
   */
  static ofDescriptor(libc: Libc, fd: number): ServedSocket {
    switch (socketKind(libc, fd)) {
      case "listening":
        libc.setNonBlocking(fd);
        return new ServedSocket(libc, fd, -1, undefined);
      case "connected":
        return new ServedSocket(libc, -1, fd, undefined);
      case "unconnected":
        throw cannotServe(fd, "it neither listens nor is connected");
      case "other":
        throw cannotServe(fd, "it is no stream socket of a Unix domain");
      case "none":
        throw cannotServe(fd, "it is no open socket");
    }
  }

  /**
   * Lets front-ends come.
   *
   * @throws {Error} when the system refuses the path
   */
  open(): void {
    if (this.path === undefined) return;
    const opened = publishListener(this.#libc, this.path);
    if (opened < 0) {
      throw cannotListen(this.path, this.#libc.describe(opened));
    }
    this.#isOpen = true;
  }

  /** Ends a socket that is not served; a descriptor stays its owner's. */
  close(): void {
    if (this.path === undefined) return;
    this.#libc.close(this.listener);
    this.#libc.unlink(this.#isOpen ? this.path : unreadyPath(this.path));
  }
}

const cannotServe = (fd: number, reason: string): Error =>
  new Error(`Cannot serve descriptor ${fd}: ${reason}`);

const cannotListen = (path: string, reason: string): Error =>
  new Error(`Cannot listen at socket ${JSON.stringify(path)}: ${reason}`);

/** Throws where somebody listens at the path; another kind of file stays. */
function removeStaleSocket(libc: Libc, path: string): void {
  const fd = connectUnix(libc, path, false);
  if (fd >= 0 || fd === -EAGAIN) {
    if (fd >= 0) libc.close(fd);
    throw cannotListen(path, "another process listens there");
  }
  // Other failures are for the system to tell when it is asked to listen.
  if (fd === -ECONNREFUSED && isSocket(path)) libc.unlink(path);
}

function isSocket(path: string): boolean {
  return Deno.lstatSync(path).isSocket ?? false;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    // What else is wrong with it the system tells when it is asked to listen.
    return false;
  }
}
