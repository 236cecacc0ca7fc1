/**
 * Calls on descriptors that another process handed over. That process still has
 * the file, and with it O_NONBLOCK and the socket's options: none of these calls
 * makes the calling thread wait, whatever they are set to.
 *
 * @module
 */

import { KernelSignals } from "./kernel_signals.ts";
import {
  addressOf,
  EAGAIN,
  EINVAL,
  ENOTSOCK,
  EOPNOTSUPP,
  type Libc,
  nativeBuffer,
  POLLFD_BYTES,
  POLLFD_EVENTS,
  POLLFD_RESULT,
  POLLIN,
  POLLOUT,
  SOL_SOCKET,
} from "./libc.ts";
import { SocketMessages } from "./libc_socket.ts";

const SYMBOLS = {
  preadv2: {
    parameters: [
      "i32", /* fd */
      "buffer", /* iov */
      "i32", /* iovcnt */
      "i64", /* offset */
      "i32", /* flags */
    ],
    result: "isize",
  },
  pwritev2: {
    parameters: [
      "i32", /* fd */
      "buffer", /* iov */
      "i32", /* iovcnt */
      "i64", /* offset */
      "i32", /* flags */
    ],
    result: "isize",
  },
  syscall: {
    parameters: [
      "i64", /* number */
      "i32", /* pid1 */
      "i32", /* pid2 */
      "i32", /* type */
      "u64", /* idx1 */
      "u64", /* idx2 */
    ],
    result: "isize",
  },
  pollAsync: {
    name: "poll",
    parameters: ["buffer", /* fds */ "usize", /* nfds */ "i32" /* timeout */],
    result: "i32",
    nonblocking: true,
  },
  eventfdWriteAsync: {
    name: "eventfd_write",
    parameters: ["i32", /* fd */ "u64" /* value */],
    result: "i32",
    nonblocking: true,
  },
} as const;

const SO_LINGER = 13;
const RWF_NOWAIT = 0x8;
const CURRENT_POSITION = -1n;
const ONE = 1n;
const COUNTER_BYTES = 8;
const VECTOR_BYTES = 16;
/** System call numbers of kcmp(2): of x86-64, and of the generic table. */
const SYS_KCMP = { x86_64: 312n, aarch64: 272n };
const KCMP_FILE = 0;
const POLLHUP = 0x10;

/** struct linger, off. */
const NO_LINGER = nativeBuffer(8);

/** The calls, and what they read and write; one set for a thread. */
class Calls {
  readonly symbols = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  readonly #counter = nativeBuffer(COUNTER_BYTES);
  readonly #one = new Uint8Array(BigUint64Array.of(ONE).buffer);
  /** struct iovec, of the counter. */
  readonly vector = vectorOf(this.#counter);
  /** struct iovec, of the number 1. */
  readonly one = vectorOf(this.#one);
  /** Opened for the first signal; "none" where there is no such thing. */
  signals: KernelSignals | "none" | undefined;
  /** Made for the first message. */
  messages: SocketMessages | undefined;
  readonly pollfd = nativeBuffer(POLLFD_BYTES);
  readonly pollView = new DataView(this.pollfd.buffer);
}

function vectorOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const vector = nativeBuffer(VECTOR_BYTES);
  const view = new DataView(vector.buffer);
  view.setBigUint64(0, addressOf(bytes), true);
  view.setBigUint64(8, BigInt(bytes.length), true);
  return vector;
}

let kept: Calls | undefined;

function calls(): Calls {
  return kept ??= new Calls();
}

const messages = (libc: Libc): SocketMessages =>
  calls().messages ??= new SocketMessages(libc);

/**
 * Whether two descriptors are one open file (kcmp(2)); false where the system
 * does not tell.
 */
export function isSameFile(libc: Libc, a: number, b: number): boolean {
  const { pid } = Deno;
  const result = Number(
    calls().symbols.syscall(
      SYS_KCMP[Deno.build.arch],
      pid,
      pid,
      KCMP_FILE,
      BigInt(a),
      BigInt(b),
    ),
  );
  return libc.check(result) === 0;
}

/** Closes `fd`; a socket that is to linger would wait for its other end. */
export function closeForeign(libc: Libc, fd: number): number {
  libc.symbols.setsockopt(fd, SOL_SOCKET, SO_LINGER, NO_LINGER, 8);
  return libc.close(fd);
}

/**
 * Takes what the eventfd `fd` counted, or what else can be read at once. Returns
 * how many bytes that was: 0 when nobody can write any more, -EAGAIN when there
 * is nothing, -EOPNOTSUPP for what cannot be read without waiting (eventfds
 * before Linux 5.8).
 */
export function clearForeign(libc: Libc, fd: number): number {
  const { symbols, vector } = calls();
  return libc.check(
    Number(symbols.preadv2(fd, vector, 1, CURRENT_POSITION, RWF_NOWAIT)),
  );
}

/**
 * Reads what is there; 0 at the end, -EAGAIN where there is nothing, -EOPNOTSUPP
 * for what cannot be read without waiting (pipes before Linux 6.5).
 */
export function readForeign(
  libc: Libc,
  fd: number,
  into: Uint8Array<ArrayBuffer>,
): number {
  const fds: number[] = [];
  const received = messages(libc).receive(fd, into, fds);
  for (const one of fds) closeForeign(libc, one);
  if (received !== -ENOTSOCK) return received;
  const { symbols } = calls();
  const vector = vectorOf(into);
  return libc.check(
    Number(symbols.preadv2(fd, vector, 1, CURRENT_POSITION, RWF_NOWAIT)),
  );
}

/** Writes what there is room for; fails as {@linkcode readForeign} does. */
export function writeForeign(
  libc: Libc,
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
): number {
  const sent = messages(libc).send(fd, bytes);
  if (sent !== -ENOTSOCK) return sent;
  const { symbols } = calls();
  const vector = vectorOf(bytes);
  return libc.check(
    Number(symbols.pwritev2(fd, vector, 1, CURRENT_POSITION, RWF_NOWAIT)),
  );
}

/** Whether the other end of the socket `fd` is closed. */
export function hasEnded(libc: Libc, fd: number): boolean {
  const { pollfd, pollView } = calls();
  pollView.setInt32(0, fd, true);
  pollView.setInt16(POLLFD_EVENTS, 0, true);
  pollView.setInt16(POLLFD_RESULT, 0, true);
  return libc.poll(pollfd, 1, 0) > 0 &&
    (pollView.getInt16(POLLFD_RESULT, true) & POLLHUP) !== 0;
}

/**
 * Waits until `fd` can be read or written, has ended or has failed; 0 when it is
 * none of that in time, negative where it cannot be waited for.
 */
export async function waitForeign(
  fd: number,
  what: "read" | "write",
  timeoutMs: number,
): Promise<number> {
  const pollfd = nativeBuffer(POLLFD_BYTES);
  const view = new DataView(pollfd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(POLLFD_EVENTS, what === "read" ? POLLIN : POLLOUT, true);
  // errno is that of a thread of the runtime.
  const ready = await calls().symbols.pollAsync(pollfd, 1n, timeoutMs);
  return ready < 0 ? -EINVAL : ready;
}

/**
 * Adds 1 to the eventfd `fd`, if it has room: where it has none, whoever is to be
 * woken has not taken what is there. Of what is no eventfd, a socket or a pipe gets the same
 * 8 bytes, if it takes them without waiting.
 */
export function signalWithRoom(libc: Libc, fd: number): number {
  const signalled = signalByKernel(libc, fd);
  if (signalled !== undefined) return signalled;
  const room = lookForRoom(libc, fd);
  return room === 0 ? libc.signal(fd) : room;
}

/** Undefined where that cannot be done for an eventfd without waiting. */
function signalByKernel(libc: Libc, fd: number): number | undefined {
  const kept = calls();
  kept.signals ??= KernelSignals.open(libc) ?? "none";
  let mayBeEventfd = true;
  if (kept.signals !== "none") {
    const signalled = kept.signals.signal(fd);
    if (signalled >= 0) return 0;
    mayBeEventfd = signalled !== -EINVAL;
  }
  const { symbols, one } = kept;
  const written = libc.check(
    Number(symbols.pwritev2(fd, one, 1, CURRENT_POSITION, RWF_NOWAIT)),
  );
  if (written >= 0) return 0;
  return written === -EOPNOTSUPP && mayBeEventfd ? undefined : written;
}

/** Whether a write to `fd` would not wait. */
export function hasRoom(libc: Libc, fd: number): boolean {
  return lookForRoom(libc, fd) === 0;
}

/** 0 where a write finds room, else the negative errno of a write that does not. */
function lookForRoom(libc: Libc, fd: number): number {
  const { pollfd, pollView } = calls();
  pollView.setInt32(0, fd, true);
  pollView.setInt16(POLLFD_EVENTS, POLLOUT, true);
  pollView.setInt16(POLLFD_RESULT, 0, true);
  const ready = libc.poll(pollfd, 1, 0);
  if (ready < 0) return ready;
  return pollView.getInt16(POLLFD_RESULT, true) === POLLOUT ? 0 : -EAGAIN;
}

/**
 * Like `signalWithRoom`, of an eventfd that may be closed meanwhile; where the
 * kernel has no signals, on a thread of the runtime, and then one that is full is
 * left alone: whoever waited for it would do so for ever.
 */
export async function signalForeign(libc: Libc, fd: number): Promise<void> {
  if (signalByKernel(libc, fd) !== undefined) return;
  if (lookForRoom(libc, fd) !== 0) return;
  const copy = libc.duplicate(fd);
  if (copy < 0) return;
  await calls().symbols.eventfdWriteAsync(copy, ONE);
  closeForeign(libc, copy);
}

/** Gives back what the calling thread has kept for these calls. */
export function endForeignCalls(): void {
  if (kept?.signals && kept.signals !== "none") kept.signals.close();
  kept = undefined;
}
