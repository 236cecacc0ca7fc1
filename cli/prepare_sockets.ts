/**
 * The devices of all sockets, made before any socket is there.
 *
 * @module
 */

import type { KeyStore } from "../device/keys/key_store.ts";
import type { LaneHost } from "../device/lane/lane_host.ts";
import type { ServeSettings, SocketOptions } from "./parse_options.ts";
import {
  BackendFinder,
  createSocketDevice,
  type SocketDevice,
} from "./socket_device.ts";
import type { SocketPlace } from "./socket_places.ts";

/** Of more sockets, what they have in common is told for the first one only. */
const MOST_SHOWN = 8;

/** One socket, and the device that is served there. */
export interface PreparedSocket {
  readonly place: SocketPlace;
  readonly made: SocketDevice;
  /** Whether its backends and the commands for it are told. */
  readonly isShown: boolean;
}

/**
 * Makes the device of each socket.
 *
 * @throws {UsageError} for the first whose options cannot be used; then none is left
 */
export async function prepareSockets(
  settings: ServeSettings,
  lanes: LaneHost,
  store: KeyStore | undefined,
): Promise<PreparedSocket[]> {
  const finder = new BackendFinder(settings);
  const make = (options: SocketOptions) =>
    createSocketDevice(options, settings, lanes, store, finder);
  const sockets: PreparedSocket[] = [];
  try {
    for (const place of settings.sockets) {
      const made = await make(settings.bySocket.get(place.name)!);
      const isShown = sockets.length === 0 ||
        settings.sockets.length <= MOST_SHOWN;
      sockets.push({ place, made, isShown });
    }
    return sockets;
  } catch (error) {
    closeSockets(sockets);
    throw error;
  }
}

/** Ends the devices of sockets. */
export function closeSockets(sockets: readonly PreparedSocket[]): void {
  for (const { made } of sockets) made.device.close();
}
