/**
 * `serve`: devices on sockets, until a signal ends them.
 *
 * @module
 */

import { Reactor } from "../device/transport/vhost_user/reactor.ts";
import {
  type ServerOptions,
  VhostUserServer,
} from "../device/transport/vhost_user/server.ts";
import { openLibc } from "../ffi/libc.ts";
import { createLog, type Log } from "./log.ts";
import { type ServeSettings, UsageError } from "./parse_options.ts";
import { qemuCommands } from "./qemu_commands.ts";
import { createSocketDevice, type SocketDevice } from "./socket_device.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The settings of one socket: a path, or the descriptor. */
interface Socket {
  readonly path: string | undefined;
  readonly made: SocketDevice;
}

async function createSockets(settings: ServeSettings): Promise<Socket[]> {
  if (settings.fd !== undefined) {
    const made = await createSocketDevice(settings.placement, settings);
    return [{ path: undefined, made }];
  }
  const sockets: Socket[] = [];
  for (const path of settings.socketPaths) {
    const placement = settings.placements.get(path)!;
    const made = await createSocketDevice(placement, settings);
    sockets.push({ path, made });
  }
  return sockets;
}

function logBackends({ backends }: SocketDevice, log: Log): void {
  for (const { backend, probe } of backends) {
    if (probe.ready) log("info", `backend ${backend.name}: ${probe.version}`);
    for (const { what, remedy } of probe.missing) {
      log("warn", `backend ${backend.name} lacks ${what}; ${remedy}`);
    }
  }
}

function startServer(
  { path, made }: Socket,
  settings: ServeSettings,
  options: Omit<ServerOptions, "device">,
): VhostUserServer {
  const { log } = options;
  logBackends(made, log);
  const own = { ...options, device: made.device };
  const server = path === undefined
    ? VhostUserServer.adopt(settings.fd!, own)
    : VhostUserServer.listen(path, own);
  if (path !== undefined) {
    for (const line of qemuCommands(path, settings.queues).split("\n")) {
      log("info", line);
    }
  }
  return server;
}

/** Starts all sockets or none. */
async function startServers(
  sockets: readonly Socket[],
  settings: ServeSettings,
  options: Omit<ServerOptions, "device">,
): Promise<VhostUserServer[]> {
  const servers: VhostUserServer[] = [];
  try {
    for (const socket of sockets) {
      const log: Log = sockets.length === 1
        ? options.log
        : (level, line) => options.log(level, `${socket.path}: ${line}`);
      servers.push(startServer(socket, settings, { ...options, log }));
    }
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw new UsageError(error instanceof Error ? error.message : `${error}`);
  }
}

/**
 * Serves until SIGINT or SIGTERM, or until an adopted connection ends.
 *
 * @throws {UsageError} where the settings cannot be used; nothing runs then
 */
export async function serve(settings: ServeSettings): Promise<void> {
  const log = createLog(settings.logLevel);
  const sockets = await createSockets(settings);
  const libc = openLibc();
  const reactor = Reactor.open(libc);
  let servers: VhostUserServer[] = [];
  const stop = () => void Promise.all(servers.map((server) => server.close()));
  try {
    servers = await startServers(sockets, settings, {
      libc,
      reactor,
      log,
      spinMicroseconds: settings.spinMicroseconds,
      ...(settings.sessionLayout === "auto"
        ? {}
        : { sessionLayout: settings.sessionLayout }),
    });
    for (const signal of SIGNALS) Deno.addSignalListener(signal, stop);
    await Promise.all(servers.map((server) => server.finished));
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, stop);
    for (const { made } of sockets) made.device.close();
    await reactor.close();
  }
  log("info", "ended");
}
