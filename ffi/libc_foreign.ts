/**
 * Calls on descriptors that another process handed over. That process still has
 * the file, and with it O_NONBLOCK and the socket's options: none of these calls
 * makes the calling thread wait, whatever they are set to.
 *
 * @module
 */

import { type Libc, nativeBuffer } from "./libc.ts";

const SYMBOLS = {
  setsockopt: {
    parameters: [
      "i32", /* fd */
      "i32", /* level */
      "i32", /* optname */
      "buffer", /* optval */
      "u32", /* optlen */
    ],
    result: "i32",
  },
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
  eventfdWriteAsync: {
    name: "eventfd_write",
    parameters: ["i32", /* fd */ "u64" /* value */],
    result: "i32",
    nonblocking: true,
  },
} as const;

const SOL_SOCKET = 1;
const SO_LINGER = 13;
const F_DUPFD_CLOEXEC = 1030;
const RWF_NOWAIT = 0x8;
const CURRENT_POSITION = -1n;
const EOPNOTSUPP = 95;
const ONE = 1n;
const COUNTER_BYTES = 8;

/** struct linger, off. */
const NO_LINGER = nativeBuffer(8);

let symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

function calls() {
  return symbols ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/** Closes `fd`; a socket that is to linger would wait for its other end. */
export function closeForeign(libc: Libc, fd: number): number {
  calls().setsockopt(fd, SOL_SOCKET, SO_LINGER, NO_LINGER, 8);
  return libc.close(fd);
}

/** Takes what the eventfd `fd` counted; -EAGAIN when that is nothing. */
export function clearForeign(libc: Libc, fd: number): number {
  const counter = nativeBuffer(COUNTER_BYTES);
  const vector = new BigUint64Array([
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(counter)),
    BigInt(COUNTER_BYTES),
  ]);
  const bytes = new Uint8Array(vector.buffer);
  const read = libc.check(
    Number(calls().preadv2(fd, bytes, 1, CURRENT_POSITION, RWF_NOWAIT)),
  );
  // Before Linux 5.8 eventfds do not know RWF_NOWAIT.
  return read === -EOPNOTSUPP ? libc.clear(fd) : Math.min(read, 0);
}

/**
 * Adds 1 to the eventfd `fd`, which may be closed meanwhile, on a thread of the
 * runtime: writing to a full counter waits.
 */
export async function signalForeign(libc: Libc, fd: number): Promise<void> {
  const copy = libc.check(libc.symbols.fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (copy < 0) return;
  await calls().eventfdWriteAsync(copy, ONE);
  closeForeign(libc, copy);
}
