/**
 * The channel through which a device's state goes when a guest moves.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { type Libc, nativeBuffer } from "../ffi/libc.ts";
import { readForeign, waitForeign, writeForeign } from "../ffi/libc_foreign.ts";
import { socketPair } from "../ffi/libc_socket.ts";

/** Both ends of a channel: what is written to the second is read from the first. */
export function channel(
  libc: Libc,
  { pipe }: { readonly pipe?: boolean | undefined },
): [number, number] {
  const pair = pipe ? openPipe(libc) : socketPair(libc);
  if (typeof pair === "number") throw new Error(libc.describe(pair));
  return pair;
}

function openPipe(libc: Libc): [number, number] {
  const library = Deno.dlopen("libc.so.6", {
    pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  });
  const pair = nativeBuffer(8);
  libc.check(library.symbols.pipe2(pair, 0o2000000));
  library.close();
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** All that comes from a channel before its other end is closed. */
export async function readToEnd(
  libc: Libc,
  fd: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    await waitForeign(fd, "read", 10_000);
    const piece = nativeBuffer(4096);
    const read = readForeign(libc, fd, piece);
    if (read <= 0) {
      strictEqual(read, 0);
      return Uint8Array.from(pieces.flatMap((one) => [...one]));
    }
    pieces.push(piece.subarray(0, read));
  }
}

/** Writes to a channel, as long as its other end reads. */
export async function writeAll(
  libc: Libc,
  fd: number,
  bytes: Uint8Array,
): Promise<void> {
  const native = nativeBuffer(bytes.length);
  native.set(bytes);
  for (let at = 0; at < bytes.length;) {
    await waitForeign(fd, "write", 10_000);
    const written = writeForeign(libc, fd, native.subarray(at, at + 5000));
    // A device that has had enough does not read on.
    if (written < 0) return;
    at += written;
  }
}
