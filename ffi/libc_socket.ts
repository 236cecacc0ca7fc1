/**
 * Unix stream sockets whose messages carry file descriptors (unix(7), cmsg(3)).
 *
 * @module
 */

import {
  addressOf,
  AF_UNIX,
  EAGAIN,
  EINTR,
  ENAMETOOLONG,
  type Libc,
  nativeBuffer,
  SOL_SOCKET,
} from "./libc.ts";
import {
  changeAccess,
  type FileAccess,
  forOwnerAlone,
} from "./libc_accounts.ts";

const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SO_TYPE = 3;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
/** struct ucred: process, user and group; the user is -1 where nobody is connected. */
const UCRED_BYTES = 12;
const UCRED_UID_OFFSET = 4;
const NOBODY = -1;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const SIOCOUTQ = 0x5411n;
const MSG_PEEK = 0x2;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

const SOCKADDR_UN_BYTES = 110;
const SUN_PATH_OFFSET = 2;
/** One byte of sun_path stays for the terminator. */
const MAX_PATH_BYTES = SOCKADDR_UN_BYTES - SUN_PATH_OFFSET - 1;

const MSGHDR_BYTES = 56;
const MSG_IOV_OFFSET = 16;
const MSG_IOVLEN_OFFSET = 24;
const MSG_CONTROL_OFFSET = 32;
const MSG_CONTROLLEN_OFFSET = 40;
const MSG_FLAGS_OFFSET = 48;
const CMSG_HEADER_BYTES = 16;
/** Room for SCM_MAX_FD (253) descriptors and one more control message. */
const CONTROL_BYTES = 2048;
/** Descriptors that one message may carry (SCM_MAX_FD of Linux). */
const MAX_FDS = 253;

/** Address of a socket in the file system, or undefined when it is too long. */
function socketAddress(path: string): Uint8Array<ArrayBuffer> | undefined {
  const encoded = new TextEncoder().encode(path);
  if (encoded.length > MAX_PATH_BYTES) return undefined;
  const address = nativeBuffer(SOCKADDR_UN_BYTES);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(encoded, SUN_PATH_OFFSET);
  return address;
}

/** Makes a socket and gives it to `use` with the address of `path`. */
function socketAt(
  libc: Libc,
  path: string,
  flags: number,
  use: (fd: number, address: Uint8Array<ArrayBuffer>) => number,
): number {
  const address = socketAddress(path);
  if (address === undefined) return -ENAMETOOLONG;
  const fd = libc.check(
    libc.symbols.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0),
  );
  if (fd < 0) return fd;
  const result = use(fd, address);
  if (result >= 0) return fd;
  libc.close(fd);
  return result;
}

/** Where a socket is until it listens. */
export const unreadyPath = (path: string): string => `${path}~`;

/** A socket that listens, or what went wrong at which of its steps. */
export type PreparedListener =
  | { readonly fd: number }
  | { readonly error: number; readonly step: "listen" | "access" };

/**
 * A socket that listens, but at the path where it is not ready yet; accepting from
 * it never blocks. Nobody can connect before those have `access` who shall.
 */
export function prepareListener(
  libc: Libc,
  path: string,
  { mode, groupId }: FileAccess = { mode: undefined, groupId: undefined },
): PreparedListener {
  const unready = unreadyPath(path);
  const { made: fd, usualMode } = forOwnerAlone(() =>
    socketAt(
      libc,
      unready,
      SOCK_NONBLOCK,
      (fd, address) =>
        libc.check(libc.symbols.bind(fd, address, SOCKADDR_UN_BYTES)),
    )
  );
  if (fd < 0) return { error: fd, step: "listen" };
  const access = { mode: mode ?? usualMode, groupId };
  const changed = changeAccess(libc, unready, access);
  const result = changed < 0
    ? changed
    : libc.check(libc.symbols.listen(fd, 16));
  if (result >= 0) return { fd };
  libc.close(fd);
  libc.unlink(unready);
  return { error: result, step: changed < 0 ? "access" : "listen" };
}

/**
 * Has a socket that was prepared for `path` appear there, so that whoever waits
 * for the file can connect to it.
 */
export function publishListener(libc: Libc, path: string): number {
  const linked = libc.link(unreadyPath(path), path);
  libc.unlink(unreadyPath(path));
  return linked;
}

/**
 * A socket connected to whoever listens at `path`. Without `wait` it answers
 * -EAGAIN when too many others wait there.
 */
export function connectUnix(libc: Libc, path: string, wait = true): number {
  return socketAt(
    libc,
    path,
    wait ? 0 : SOCK_NONBLOCK,
    (fd, address) =>
      libc.check(libc.symbols.connect(fd, address, SOCKADDR_UN_BYTES)),
  );
}

/** The next connection of a listening socket. */
export function acceptConnection(libc: Libc, listener: number): number {
  return libc.check(
    libc.symbols.accept4(listener, null, null, SOCK_CLOEXEC),
  );
}

/** Two sockets connected to each other. */
export function socketPair(libc: Libc): [number, number] | number {
  const pair = nativeBuffer(8);
  const result = libc.check(
    libc.symbols.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
  );
  if (result < 0) return result;
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** What a descriptor is, for whoever wants stream sockets of a Unix domain. */
export type SocketKind =
  | "listening"
  | "connected"
  | "unconnected"
  | "other"
  | "none";

/** What `fd` is. */
export function socketKind(libc: Libc, fd: number): SocketKind {
  const domain = socketNumber(libc, fd, SO_DOMAIN);
  if (domain === undefined) return "none";
  const isStream = socketNumber(libc, fd, SO_TYPE) === SOCK_STREAM;
  if (domain !== AF_UNIX || !isStream) return "other";
  if (socketNumber(libc, fd, SO_ACCEPTCONN) === 1) return "listening";
  const user = socketNumber(libc, fd, SO_PEERCRED, UCRED_UID_OFFSET);
  return user === NOBODY ? "unconnected" : "connected";
}

/** Who connected. */
export interface Peer {
  /** 0: one of another namespace. */
  readonly processId: number;
  readonly userId: number;
}

/** Who was at the other end when it was connected; undefined where nobody was. */
export function peerOf(libc: Libc, fd: number): Peer | undefined {
  const processId = socketNumber(libc, fd, SO_PEERCRED);
  const userId = socketNumber(libc, fd, SO_PEERCRED, UCRED_UID_OFFSET);
  return processId === undefined || userId === undefined || userId === NOBODY
    ? undefined
    : { processId, userId: userId >>> 0 };
}

/** The number at `offset` of an option of a socket; undefined: it is none. */
function socketNumber(
  libc: Libc,
  fd: number,
  option: number,
  offset = 0,
): number | undefined {
  const value = nativeBuffer(UCRED_BYTES);
  const length = nativeBuffer(4);
  new DataView(length.buffer).setUint32(0, UCRED_BYTES, true);
  const result = libc.check(
    libc.symbols.getsockopt(fd, SOL_SOCKET, option, value, length),
  );
  if (result < 0) return undefined;
  return new DataView(value.buffer).getInt32(offset, true);
}

/** Bytes that were sent and that the other end has not read, or more. */
export function unreadBytes(libc: Libc, fd: number): number {
  const count = nativeBuffer(4);
  const result = libc.check(libc.symbols.ioctl(fd, SIOCOUTQ, count));
  return result < 0 ? result : new DataView(count.buffer).getInt32(0, true);
}

/** Sends and receives bytes with file descriptors; its buffers are kept. */
export class SocketMessages {
  readonly #libc: Libc;
  readonly #header = nativeBuffer(MSGHDR_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #vector = nativeBuffer(16);
  readonly #vectorView = new DataView(this.#vector.buffer);
  readonly #control = nativeBuffer(CONTROL_BYTES);
  readonly #controlView = new DataView(this.#control.buffer);
  readonly #controlAddress = addressOf(this.#control);
  /** Whether the last `receive` lost descriptors for want of room. */
  truncated = false;
  /** The process that sent what `receive` got, where the socket tells; or 0. */
  senderPid = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#headerView.setBigUint64(
      MSG_IOV_OFFSET,
      addressOf(this.#vector),
      true,
    );
    this.#headerView.setBigUint64(MSG_IOVLEN_OFFSET, 1n, true);
  }

  /**
   * Receives at most `into.length` bytes and appends every descriptor that comes
   * with them to `fds`; they are the caller's to close, after a failure too.
   * Returns the bytes received, 0 at the end of the stream. Without `wait` it
   * answers -EAGAIN when there is nothing.
   */
  receive(
    fd: number,
    into: Uint8Array<ArrayBuffer>,
    fds: number[],
    wait = false,
  ): number {
    return this.#receive(fd, into, fds, wait ? 0 : MSG_DONTWAIT);
  }

  /**
   * Looks at what `receive` would receive, without waiting, and leaves it there.
   * The descriptors are duplicates, the caller's to close.
   */
  peek(fd: number, into: Uint8Array<ArrayBuffer>, fds: number[]): number {
    return this.#receive(fd, into, fds, MSG_DONTWAIT | MSG_PEEK);
  }

  #receive(
    fd: number,
    into: Uint8Array<ArrayBuffer>,
    fds: number[],
    how: number,
  ): number {
    this.#aim(into, CONTROL_BYTES);
    const flags = MSG_CMSG_CLOEXEC | how;
    const received = this.#libc.check(
      Number(this.#libc.symbols.recvmsg(fd, this.#header, flags)),
    );
    if (received === -EINTR) return -EAGAIN;
    if (received < 0) return received;
    this.truncated =
      (this.#headerView.getInt32(MSG_FLAGS_OFFSET, true) & MSG_CTRUNC) !== 0;
    this.#takeControl(fds);
    return received;
  }

  /**
   * Sends `bytes` with `fds`, which stay the caller's. Returns the bytes sent,
   * maybe fewer. Without `wait` it answers -EAGAIN when the other side's buffer
   * is full.
   */
  send(
    fd: number,
    bytes: Uint8Array<ArrayBuffer>,
    fds: readonly number[] = [],
    wait = false,
  ): number {
    if (fds.length > MAX_FDS) {
      throw new RangeError(
        `Cannot send ${fds.length} descriptors: expected at most ${MAX_FDS}`,
      );
    }
    this.#aim(bytes, this.#putDescriptors(fds));
    const flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
    return this.#libc.check(
      Number(this.#libc.symbols.sendmsg(fd, this.#header, flags)),
    );
  }

  /** Points the message header at `bytes` and the control buffer. */
  #aim(bytes: Uint8Array<ArrayBuffer>, controlBytes: number): void {
    this.#vectorView.setBigUint64(0, addressOf(bytes), true);
    this.#vectorView.setBigUint64(8, BigInt(bytes.length), true);
    this.#headerView.setBigUint64(
      MSG_CONTROL_OFFSET,
      controlBytes === 0 ? 0n : this.#controlAddress,
      true,
    );
    this.#headerView.setBigUint64(
      MSG_CONTROLLEN_OFFSET,
      BigInt(controlBytes),
      true,
    );
    this.#headerView.setInt32(MSG_FLAGS_OFFSET, 0, true);
  }

  /** Writes one control message with `fds`; returns the length of the buffer. */
  #putDescriptors(fds: readonly number[]): number {
    if (fds.length === 0) return 0;
    const lengthBytes = CMSG_HEADER_BYTES + 4 * fds.length;
    this.#controlView.setBigUint64(0, BigInt(lengthBytes), true);
    this.#controlView.setInt32(8, SOL_SOCKET, true);
    this.#controlView.setInt32(12, SCM_RIGHTS, true);
    fds.forEach((fd, i) =>
      this.#controlView.setInt32(CMSG_HEADER_BYTES + 4 * i, fd, true)
    );
    return roundUp(lengthBytes);
  }

  /** Walks all control messages; a truncated one still has valid descriptors. */
  #takeControl(fds: number[]): void {
    this.senderPid = 0;
    const end = Number(
      this.#headerView.getBigUint64(MSG_CONTROLLEN_OFFSET, true),
    );
    let at = 0;
    while (at + CMSG_HEADER_BYTES <= end) {
      const lengthBytes = Number(this.#controlView.getBigUint64(at, true));
      if (lengthBytes < CMSG_HEADER_BYTES) return;
      const first = at + CMSG_HEADER_BYTES;
      const last = Math.min(at + lengthBytes, end);
      const isOfSocket =
        this.#controlView.getInt32(at + 8, true) === SOL_SOCKET;
      const type = this.#controlView.getInt32(at + 12, true);
      if (isOfSocket && type === SCM_RIGHTS) {
        for (let i = first; i + 4 <= last; i += 4) {
          fds.push(this.#controlView.getInt32(i, true));
        }
      } else if (isOfSocket && type === SCM_CREDENTIALS && first + 4 <= last) {
        this.senderPid = this.#controlView.getInt32(first, true);
      }
      at += roundUp(lengthBytes);
    }
  }
}

/** Control messages start on multiples of 8 (CMSG_ALIGN). */
function roundUp(lengthBytes: number): number {
  return (lengthBytes + 7) & ~7;
}
