/**
 * Pipes whose bytes go on to a socket by splice(2): they leave the one as they
 * enter the other, within one call, so that a process that is killed has moved
 * them or has not.
 *
 * @module
 */

import { EAGAIN, type Libc, nativeBuffer } from "./libc.ts";
import { hasRoom } from "./libc_foreign.ts";

const SYMBOLS = {
  pipe2: {
    parameters: ["buffer", /* pipefd */ "i32" /* flags */],
    result: "i32",
  },
  read: {
    parameters: ["i32", /* fd */ "buffer", "usize" /* count */],
    result: "isize",
  },
  write: {
    parameters: ["i32", /* fd */ "buffer", "usize" /* count */],
    result: "isize",
  },
  splice: {
    parameters: [
      "i32", /* fd_in */
      "pointer", /* off_in */
      "i32", /* fd_out */
      "pointer", /* off_out */
      "usize", /* len */
      "u32", /* flags */
    ],
    result: "isize",
  },
} as const;

const O_NONBLOCK_CLOEXEC = 0o2004000;
const SPLICE_F_NONBLOCK = 2;
const FIONREAD = 0x541Bn;

let kept: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

const symbols = () => kept ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;

/** The two ends of a pipe. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** A pipe that never waits, or a negative errno. */
export function openPipe(libc: Libc): Pipe | number {
  const ends = new Int32Array(nativeBuffer(8).buffer);
  const result = libc.check(
    symbols().pipe2(new Uint8Array(ends.buffer), O_NONBLOCK_CLOEXEC),
  );
  return result < 0 ? result : { readFd: ends[0]!, writeFd: ends[1]! };
}

/** How many bytes are in a pipe. */
export function bytesInPipe(libc: Libc, { readFd }: Pipe): number {
  const count = nativeBuffer(4);
  const result = libc.check(libc.symbols.ioctl(readFd, FIONREAD, count));
  return result < 0 ? result : new DataView(count.buffer).getInt32(0, true);
}

/** Writes what there is room for; returns how much that is. */
export function fillPipe(
  libc: Libc,
  { writeFd }: Pipe,
  bytes: Uint8Array<ArrayBuffer>,
): number {
  const { length } = bytes;
  return libc.check(
    Number(symbols().write(writeFd, bytes, BigInt(length))),
  );
}

/** Takes out what fits into `into`; -EAGAIN where there is nothing. */
export function drainPipe(
  libc: Libc,
  { readFd }: Pipe,
  into: Uint8Array<ArrayBuffer>,
): number {
  return libc.check(
    Number(symbols().read(readFd, into, BigInt(into.length))),
  );
}

/**
 * Moves up to `lengthBytes` from a pipe to a stream socket and returns how many
 * these were; -EAGAIN where either would have to be waited for.
 */
export function movePipe(
  libc: Libc,
  { readFd }: Pipe,
  socket: number,
  lengthBytes: number,
): number {
  // The flag is about the pipe: whether the socket waits is its owner's to say.
  if (!hasRoom(libc, socket)) return -EAGAIN;
  const length = BigInt(lengthBytes);
  return libc.check(
    Number(
      symbols().splice(readFd, null, socket, null, length, SPLICE_F_NONBLOCK),
    ),
  );
}
