/**
 * All sockets of a device, or none.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import { ServedSocket } from "../device/transport/vhost_user/served_socket.ts";
import type { Libc } from "../ffi/libc.ts";
import type { FileAccess } from "../ffi/libc_accounts.ts";
import { UsageError } from "./option_values.ts";
import type { SocketPlace } from "./socket_places.ts";

/**
 * Makes the sockets of `places`, in their order; none can be reached yet.
 *
 * @throws {UsageError} for one that cannot be made; then none is left
 */
export function makeSockets(
  libc: Libc,
  places: readonly SocketPlace[],
  access?: FileAccess,
): ServedSocket[] {
  const sockets: ServedSocket[] = [];
  orNone(sockets, places, () => {
    for (const place of places) sockets.push(makeSocket(libc, place, access));
  });
  return sockets;
}

/**
 * Opens the sockets of `places`, once all of them are there.
 *
 * @throws {UsageError} for one that cannot be opened; then none is left
 */
export function openSockets(
  libc: Libc,
  places: readonly SocketPlace[],
  access?: FileAccess,
): ServedSocket[] {
  const sockets = makeSockets(libc, places, access);
  orNone(sockets, places, () => {
    for (const socket of sockets) socket.open();
  });
  return sockets;
}

function makeSocket(
  libc: Libc,
  { path, fd }: SocketPlace,
  access?: FileAccess,
): ServedSocket {
  return path === undefined
    ? ServedSocket.ofDescriptor(libc, fd)
    : ServedSocket.atPath(libc, path, access);
}

/** Closes all `sockets` where `work` on them fails, and says why in one line. */
function orNone(
  sockets: readonly ServedSocket[],
  [place]: readonly SocketPlace[],
  work: () => void,
): void {
  try {
    work();
  } catch (error) {
    for (const socket of sockets) socket.close();
    const reason = messageOf(error);
    const [option, expected] = place?.path !== undefined
      ? ["socket-path", "a free path, or a socket that nobody listens at"]
      : ["fd", "a stream socket of a Unix domain that listens or is connected"];
    throw new UsageError(
      `${reason} (--${option}: expected ${expected})`,
      option,
    );
  }
}
