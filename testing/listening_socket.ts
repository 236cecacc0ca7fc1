/**
 * A socket of the file system that listens.
 *
 * @module
 */

import type { Libc } from "../ffi/libc.ts";
import { prepareListener, publishListener } from "../ffi/libc_socket.ts";

/** A socket that listens at `path`: one that is prepared and published. */
export function listenUnix(libc: Libc, path: string): number {
  const prepared = prepareListener(libc, path);
  if ("error" in prepared) return prepared.error;
  const { fd } = prepared;
  const published = publishListener(libc, path);
  if (published >= 0) return fd;
  libc.close(fd);
  return published;
}
