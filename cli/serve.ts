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
import type { ServedSocket } from "../device/transport/vhost_user/served_socket.ts";
import { MemoryGuard } from "../device/transport/vhost_user/memory_guard.ts";
import { LaneHost } from "../device/lane/lane_host.ts";
import { logFailure } from "../device/transport/vhost_user/log.ts";
import type { Failure } from "../device/session/failure.ts";
import { withhold } from "../device/withheld.ts";
import { type Libc, openLibc } from "../ffi/libc.ts";
import { type FileAccess, forbidDumps } from "../ffi/libc_accounts.ts";
import { raiseOpenFilesLimit } from "../ffi/libc_limits.ts";
import { PlacementCounts } from "../device/session/placement_counts.ts";
import { dropPrivileges, findAccess } from "./access.ts";
import { counterLines } from "./counters.ts";
import { KeyService } from "./key_service.ts";
import { mayRead } from "./permissions.ts";
import { findKeeper, reportTo } from "./keeper_report.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { KeptState } from "./kept_state.ts";
import { startHttp, startTelemetry, StatusSource } from "./observation.ts";
import { LogTail } from "./log_tail.ts";
import type { WatchedGuest } from "./metrics/collect.ts";
import { guestLog, heldLog, type Log, openLog } from "./log.ts";
import { makeSockets, openSockets } from "./open_sockets.ts";
import {
  closeSockets,
  type PreparedSocket,
  prepareSockets,
} from "./prepare_sockets.ts";
import type { ServeSettings } from "./parse_options.ts";
import { qemuCommands } from "./qemu_commands.ts";
import type { SocketDevice } from "./socket_device.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const KEPT_SESSIONS =
  "sessions outlive a reset by their driver: the next driver of the same guest can use their keys";

const IPSEC_OFFERED =
  "IPSEC is offered, for front-ends that know its administration queue: Linux under QEMU gives the device up";

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
interface Running extends WatchedGuest {
  readonly server: VhostUserServer;
  readonly log: Log;
}

function startServer(
  { place, made, isShown }: PreparedSocket,
  settings: ServeSettings,
  options: Omit<ServerOptions, "device">,
  keys: KeyService,
  state: KeptState | undefined,
  socket: ServedSocket,
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
  const server = VhostUserServer.serve(socket, own);
  if (path !== undefined && isShown) {
    // Resolved, to be copied to any folder.
    const commands = qemuCommands(resolve(path), settings.queues);
    for (const { use, command } of commands) log("info", use, { command });
  }
  const { device, backends } = made;
  return { name: place.name, server, device, backends, placements, log };
}

/** Tells what has been counted so far. */
function logCounters(running: readonly Running[]): void {
  for (const { server, placements, log } of running) {
    const lines = counterLines(placements, server.counters);
    for (const line of lines) log("info", line);
    if (lines.length === 0) log("info", "counted: nothing, no guest is here");
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
  const reason = keeper
    ? "--state off"
    : mayRead("NOTIFY_SOCKET")
    ? "nobody keeps it (no $NOTIFY_SOCKET)"
    : "whether somebody keeps it may not be read (no --allow-env)";
  log("info", `guests end with this process: ${reason}`);
  return undefined;
}

/** Starts all sockets or none. */
function startServers(
  sockets: readonly PreparedSocket[],
  settings: ServeSettings,
  options: Omit<ServerOptions, "device">,
  keys: KeyService,
  isNamed: boolean,
  state: KeptState | undefined,
  access: FileAccess | undefined,
): Running[] {
  const places = sockets.map(({ place }) => place);
  const opened = openSockets(options.libc, places, access);
  const running = sockets.map((socket, index) => {
    const log = guestLog(options.log, socket.place.name, !isNamed);
    const own = { ...options, log };
    return startServer(socket, settings, own, keys, state, opened[index]!);
  });
  state?.forgetRest();
  return running;
}

/** The backends of all sockets, as threads load them. */
const specifiers = (
  sockets: readonly PreparedSocket[],
): string[] => [
  ...new Set(
    sockets.flatMap(({ made }) =>
      made.device.threadSettings.backends.map(({ specifier }) => specifier)
    ),
  ),
];

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
 * Finds out whether `serve` can begin, and leaves nothing of it.
 *
 * @throws {UsageError} where the settings cannot be used
 */
export async function checkServe(settings: ServeSettings): Promise<void> {
  findAccess(settings.access);
  const lanes = new LaneHost(() => {});
  const keys = new KeyService(settings, () => {});
  closeSockets(await prepareSockets(settings, lanes, keys.store));
  keys.close();
  await lanes.close();
  for (const socket of makeSockets(openLibc(), settings.sockets)) {
    socket.close();
  }
}

/** Listens to signals until it is disposed of. */
function onSignals(
  signals: readonly Deno.Signal[],
  heard: () => void,
): Disposable {
  for (const signal of signals) Deno.addSignalListener(signal, heard);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, heard);
    },
  };
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
  const access = findAccess(settings.access);
  forbidDumps(libc);
  const tail = new LogTail(settings.logLevel);
  const held = heldLog(openLog(settings, libc, tail));
  const { log } = held;
  if (settings.sessionsAcrossReset === "keep") log("warn", KEPT_SESSIONS);
  if (settings.ipsec) log("warn", IPSEC_OFFERED);
  let running: Running[] = [];
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    for (const { server } of running) void server.close();
  };
  // Before there is a socket file that a signal could leave behind.
  using _stopping = onSignals(SIGNALS, stop);
  await using parts = new AsyncDisposableStack();
  const reactor = Reactor.open(libc);
  parts.defer(() => reactor.close());
  const files = raiseOpenFilesLimit(libc);
  log("debug", `this process may have ${files} files open`);
  const laneFailed = (failure: Failure) => logFailure(log, failure);
  const lanes = new LaneHost(laneFailed);
  parts.defer(() => lanes.close());
  const memoryGuard = guardMemory(libc, reactor, settings, log);
  parts.defer(() => memoryGuard.close());
  const keys = new KeyService(settings, log);
  parts.defer(() => keys.close());
  const sockets = await prepareSockets(settings, lanes, keys.store);
  parts.defer(() => closeSockets(sockets));
  const threads = new QueueThreads({
    libc,
    lanes,
    // More would have nothing to serve.
    count: Math.min(settings.threads, sockets.length * settings.queues),
    spinMicroseconds: settings.spinMicroseconds,
    laneFailed,
  });
  parts.defer(() => threads.close());
  const keeper = findKeeper(libc);
  const tell = () => {
    logCounters(running);
    keys.tell();
  };
  // Not SIGUSR1, at which the runtime opens its debugger's port.
  using _telling = onSignals(["SIGUSR2"], tell);
  const observed = { threads, log, tail, guests: () => running };
  const status = new StatusSource(observed);
  if (settings.http) {
    const { user } = access;
    const http = await startHttp(settings.http, observed, status, user);
    parts.defer(() => http.close());
  }
  const state = keptState(libc, keeper, settings, log);
  running = startServers(
    sockets,
    settings,
    {
      libc,
      reactor,
      memoryGuard,
      threads,
      log,
      allowedUsers: access.allowedUsers,
      ...(settings.sessionLayout === "auto"
        ? {}
        : { sessionLayout: settings.sessionLayout }),
    },
    keys,
    task.isOneOfMany ?? sockets.length > 1,
    state,
    access.file,
  );
  await dropPrivileges(libc, access, specifiers(sockets), log);
  if (isStopped) stop();
  await startTelemetry(status, threads);
  held.release();
  task.ready?.();
  void task.stopped?.then(stop);
  {
    using _ = keeper && reportTo(keeper);
    await Promise.all(running.map(({ server }) => server.finished));
  }
  await parts.disposeAsync();
  log("info", "ended");
  // At once and with the listeners still there: a second signal, such as
  // `deno task` passes on after Ctrl-C, must not turn the end into a kill.
  Deno.exit();
}
