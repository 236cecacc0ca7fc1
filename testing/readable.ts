/**
 * Waiting for a descriptor while the test goes on.
 *
 * @module
 */

import { nativeBuffer, POLLFD_BYTES, POLLIN } from "../ffi/libc.ts";

/** poll(2) on a thread of the runtime. */
const { symbols } = Deno.dlopen("libc.so.6", {
  poll: {
    parameters: ["buffer", /* fds */ "usize", /* nfds */ "i32" /* timeout */],
    result: "i32",
    nonblocking: true,
  },
});

/** Whether `fd` becomes readable in time. */
export async function isReadable(
  fd: number,
  timeoutMs: number,
): Promise<boolean> {
  const fds = nativeBuffer(POLLFD_BYTES);
  const view = new DataView(fds.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  return await symbols.poll(fds, 1n, timeoutMs) === 1;
}
