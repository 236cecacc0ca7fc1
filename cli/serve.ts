/**
 * `serve`: devices on sockets, until a signal ends them.
 *
 * @module
 */

import { resolve } from "node:path";
import { Reactor } from "../ffi/reactor.ts";
import { QueueThreads } from "../device/transport/vhost_user/queue_threads.ts";
import {
  type ServerOptions,
  VhostUserServer,
} from "../device/transport/vhost_user/server.ts";
import { MemoryGuard } from "../device/transport/vhost_user/memory_guard.ts";
import { LaneHost } from "../device/lane/lane_host.ts";
import { logFailure } from "../device/transport/vhost_user/log.ts";
import type { Failure } from "../device/session/failure.ts";
import { withhold } from "../device/withheld.ts";
import { type Libc, openLibc } from "../ffi/libc.ts";
import { raiseOpenFilesLimit } from "../ffi/libc_limits.ts";
import { PlacementCounts } from "../device/session/placement_counts.ts";
import { counterLines } from "./counters.ts";
import type { KeyStore } from "../device/keys/key_store.ts";
import { KeyService } from "./key_service.ts";
import { findKeeper, reportTo } from "./keeper_report.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { KeptState } from "./kept_state.ts";
import { guestLog, type Log, openLog } from "./log.ts";
import { UsageError } from "./option_values.ts";
import type { ServeSettings, SocketOptions } from "./parse_options.ts";
import type { SocketPlace } from "./socket_places.ts";
import { qemuCommands } from "./qemu_commands.ts";
import {
  BackendFinder,
  createSocketDevice,
  type SocketDevice,
} from "./socket_device.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const KEPT_SESSIONS =
  "sessions outlive a reset by their driver: the next driver of the same guest can use their keys";

/** Of more sockets, what they have in common is told for the first one only. */
const MOST_SHOWN = 8;

/** One socket, and the device that is served there. */
interface Socket {
  readonly place: SocketPlace;
  readonly made: SocketDevice;
  /** Whether its backends and the commands for it are told. */
  readonly isShown: boolean;
}

async function createSockets(
  settings: ServeSettings,
  lanes: LaneHost,
  store: KeyStore | undefined,
): Promise<Socket[]> {
  const finder = new BackendFinder(settings.backendOptions);
  const make = (options: SocketOptions) =>
    createSocketDevice(options, settings, lanes, store, finder);
  const sockets: Socket[] = [];
  for (const place of settings.sockets) {
    const made = await make(settings.bySocket.get(place.name)!);
    const isShown = sockets.length === 0 ||
      settings.sockets.length <= MOST_SHOWN;
    sockets.push({ place, made, isShown });
  }
  return sockets;
}

function logBackends({ backends }: SocketDevice, log: Log): void {
  for (const { backend, probe } of backends) {
    const { name } = backend;
    if (probe.ready) {
      log("info", `backend ${name}: ${probe.version}`, { backend: name });
    }
    for (const { what, remedy } of probe.missing) {
      const reason = `${what}; ${remedy}`;
      log("warn", `backend ${name} lacks ${reason}`, { backend: name, reason });
    }
  }
}

function logWithheld({ without }: SocketDevice, log: Log): void {
  if (without.length === 0) return;
  const { implied } = withhold(without);
  const named = `not offered: ${[...new Set(without)].join(", ")}`;
  const also = implied.length > 0 ? `, and so ${implied.join(", ")}` : "";
  log("info", named + also);
}

/** A socket that is served. */
interface Running {
  readonly server: VhostUserServer;
  readonly placements: PlacementCounts;
  readonly log: Log;
}

function startServer(
  { place, made, isShown }: Socket,
  settings: ServeSettings,
  options: Omit<ServerOptions, "device">,
  keys: KeyService,
  state: KeptState | undefined,
): Running {
  const { log } = options;
  if (isShown) {
    logBackends(made, log);
    logWithheld(made, log);
  }
  const { keyRules, limits } = settings.bySocket.get(place.name)!;
  keys.watch(made, keyRules, log);
  const placements = new PlacementCounts((line) => log("info", line));
  made.device.sessions.observe(placements);
  const own = {
    ...options,
    device: made.device,
    maximumMemoryBytes: limits.maxMemoryBytes,
    keeping: state?.keepingOf(place.name),
  };
  const { path } = place;
  const server = path === undefined
    ? VhostUserServer.adopt(place.fd, own)
    : VhostUserServer.listen(path, own);
  if (path !== undefined && isShown) {
    // Resolved, to be copied to any folder.
    const commands = qemuCommands(resolve(path), settings.queues);
    for (const { use, command } of commands) log("info", use, { command });
  }
  return { server, placements, log };
}

/** Tells what has been counted so far. */
function logCounters(running: readonly Running[]): void {
  for (const { server, placements, log } of running) {
    for (const line of counterLines(placements, server.counters)) {
      log("info", line);
    }
  }
}

/** Says where missing pages would end this process. */
function guardMemory(
  libc: Libc,
  reactor: Reactor,
  { unsealedMemory }: ServeSettings,
  log: Log,
): MemoryGuard {
  const guard = new MemoryGuard(libc, reactor, unsealedMemory);
  const { weakness } = guard;
  if (weakness !== undefined) {
    const served = guard.unsealedMemory === "serve";
    log(
      "warn",
      `a front-end whose memory has a page no more ends this process: ` +
        `${weakness}; memory that can shrink is ` +
        (served ? "served all the same" : "refused"),
    );
  }
  return guard;
}

/** What keeps guests over the end of this process, where something does. */
function keptState(
  libc: Libc,
  keeper: Keeper | undefined,
  { state }: ServeSettings,
  log: Log,
): KeptState | undefined {
  if (state === "auto" && keeper) return new KeptState(libc, keeper, log);
  const reason = keeper ? "--state off" : "nobody keeps it (no $NOTIFY_SOCKET)";
  log("info", `guests end with this process: ${reason}`);
  return undefined;
}

/** Starts all sockets or none. */
async function startServers(
  sockets: readonly Socket[],
  settings: ServeSettings,
  options: Omit<ServerOptions, "device">,
  keys: KeyService,
  isNamed: boolean,
  state: KeptState | undefined,
): Promise<Running[]> {
  const running: Running[] = [];
  try {
    for (const socket of sockets) {
      const log = guestLog(options.log, socket.place.name, !isNamed);
      const own = { ...options, log };
      running.push(startServer(socket, settings, own, keys, state));
    }
    state?.forgetRest();
    return running;
  } catch (error) {
    await Promise.all(running.map(({ server }) => server.close()));
    const reason = error instanceof Error ? error.message : `${error}`;
    throw new UsageError(
      settings.sockets[0]?.path !== undefined
        ? `${reason} (--socket-path: expected a free path, or a socket that nobody listens at)`
        : `${reason} (--fd: expected an open Unix socket)`,
    );
  }
}

/** What the process that this one serves for wants. */
export interface ServeTask {
  /** Whether the log names the only socket, too. */
  readonly isOneOfMany?: boolean;
  /** Called when all sockets are there. */
  ready?(): void;
  /** Ends this process when it is settled, as a signal does. */
  readonly stopped?: Promise<void>;
}

/**
 * Serves until SIGINT, SIGTERM or SIGHUP, or until an adopted connection ends; then ends
 * the process.
 *
 * @throws {UsageError} where the settings cannot be used; nothing runs then
 */
export async function serve(
  settings: ServeSettings,
  task: ServeTask = {},
): Promise<never> {
  const libc = openLibc();
  const log = openLog(settings, libc);
  if (settings.sessionsAcrossReset === "keep") log("warn", KEPT_SESSIONS);
  const keys = new KeyService(settings, log);
  const files = raiseOpenFilesLimit(libc);
  log("debug", `this process may have ${files} files open`);
  const laneFailed = (failure: Failure) => logFailure(log, failure);
  const lanes = new LaneHost(laneFailed);
  const sockets = await createSockets(settings, lanes, keys.store);
  const threads = new QueueThreads({
    libc,
    lanes,
    // More would have nothing to serve.
    count: Math.min(settings.threads, sockets.length * settings.queues),
    spinMicroseconds: settings.spinMicroseconds,
    laneFailed,
  });
  const reactor = Reactor.open(libc);
  const memoryGuard = guardMemory(libc, reactor, settings, log);
  const keeper = findKeeper(libc);
  let running: Running[] = [];
  const stop = () =>
    void Promise.all(running.map(({ server }) => server.close()));
  const tell = () => {
    logCounters(running);
    keys.tell();
  };
  try {
    // Before there is a socket file that a signal could leave behind.
    for (const signal of SIGNALS) Deno.addSignalListener(signal, stop);
    // Not SIGUSR1, at which the runtime opens its debugger's port.
    Deno.addSignalListener("SIGUSR2", tell);
    const state = keptState(libc, keeper, settings, log);
    running = await startServers(
      sockets,
      settings,
      {
        libc,
        reactor,
        memoryGuard,
        threads,
        log,
        ...(settings.sessionLayout === "auto"
          ? {}
          : { sessionLayout: settings.sessionLayout }),
      },
      keys,
      task.isOneOfMany ?? sockets.length > 1,
      state,
    );
    task.ready?.();
    void task.stopped?.then(stop);
    using _ = keeper && reportTo(keeper);
    await Promise.all(running.map(({ server }) => server.finished));
  } finally {
    await threads.close();
    for (const { made } of sockets) made.device.close();
    keys.close();
    memoryGuard.close();
    await lanes.close();
    await reactor.close();
  }
  log("info", "ended");
  // At once and with the listeners still there: a second signal, such as
  // `deno task` passes on after Ctrl-C, must not turn the end into a kill.
  Deno.exit();
}
