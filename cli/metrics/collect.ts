/**
 * From what runs to its status.
 *
 * @module
 */

import process from "node:process";
import { SERVICES } from "../../algorithms/catalogue.ts";
import type { ProbedBackend } from "../../backends/probe.ts";
import { Counter } from "../../device/queue_counts.ts";
import type { Device } from "../../device/device.ts";
import { histogramOf, LATENCY_BOUNDS_MS } from "../../device/latency.ts";
import type { PlacementCounts } from "../../device/session/placement_counts.ts";
import { SeriesField } from "../../device/session/work_series.ts";
import type { QueueThread } from "../../device/transport/vhost_user/queue_thread.ts";
import type { QueueThreads } from "../../device/transport/vhost_user/queue_threads.ts";
import type { VhostUserServer } from "../../device/transport/vhost_user/server.ts";
import {
  RestWord,
  sleptMs,
} from "../../device/transport/vhost_user/thread_rest.ts";
import type {
  BackendStatus,
  DeviceStatus,
  GuestStatus,
  LatencyStatus,
  QueueStatus,
  SessionsStatus,
  ThreadStatus,
} from "./device_status.ts";

/** A socket that is served. */
export interface WatchedGuest {
  readonly name: string;
  readonly server: Pick<VhostUserServer, "state" | "usage">;
  readonly device: Device;
  readonly placements: PlacementCounts;
  readonly backends: readonly ProbedBackend[];
}

/** All that has a status. */
export interface Watched {
  readonly guests: readonly WatchedGuest[];
  readonly threads: Pick<QueueThreads, "all" | "lost">;
  readonly log: { readonly level: string; readonly lostLines: number };
}

/** As the standard calls them; index is the status. */
const STATUS_NAMES = [
  ...["OK", "ERR", "BADMSG", "NOTSUPP", "INVSESS", "NOSPC"],
  ...["KEY_REJECTED", "SOFT_EXPIRY"],
];

const statusName = (status: number): string =>
  STATUS_NAMES[status] ?? `status ${status}`;

function threadStatus({ number, rings, rest }: QueueThread): ThreadStatus {
  return {
    number,
    rings,
    sleeps: rest[RestWord.Sleeps]!,
    sleptSeconds: sleptMs(rest) / 1000,
    spins: rest[RestWord.Spins]!,
    spinsInVain: rest[RestWord.SpinsInVain]!,
  };
}

function sessionsStatus(
  device: Device,
  placements: PlacementCounts,
): SessionsStatus {
  return {
    open: device.sessions.size,
    created: placements.createdSessions,
    closed: placements.closedSessions,
    refused: Object.fromEntries(
      [...placements.refusals].map(([status, n]) => [statusName(status), n]),
    ),
  };
}

function backendsStatus(
  { device, backends }: WatchedGuest,
): readonly BackendStatus[] {
  return backends.map(({ backend: { name }, probe }) => {
    const state = device.backendStates.find((one) => one.name === name);
    const [missing] = probe.missing;
    const failure = state
      ? state.failure
      : `it lacks ${missing?.what ?? "what it needs"}`;
    return {
      name,
      version: probe.version,
      ...(failure !== undefined && { failure }),
      failures: state?.failures ?? 0,
      isDrained: state?.isDrained ?? false,
    };
  });
}

function queueStatus(queue: number, counters: Float64Array): QueueStatus {
  const failures: Record<string, number> = {};
  for (let status = 1; status < STATUS_NAMES.length; status++) {
    const count = counters[Counter.ByStatus + status]!;
    if (count > 0) failures[statusName(status)] = count;
  }
  return {
    queue,
    requests: counters[Counter.Requests]!,
    bytes: counters[Counter.Bytes]!,
    inFlight: counters[Counter.InFlight]!,
    movedOn: counters[Counter.MovedOn]!,
    waitedSeconds: counters[Counter.WaitedMs]! / 1000,
    failures,
  };
}

/** All queues of a guest together, for services that have been seen. */
function latencyStatus(
  queues: ReadonlyMap<number, Float64Array>,
): readonly LatencyStatus[] {
  const all = [...queues.values()].map((one) => one.subarray(Counter.Latency));
  return SERVICES.flatMap((service) => {
    const histograms = all.map((words) => histogramOf(words, service));
    const count = histograms.reduce((sum, one) => sum + one.count, 0);
    if (count === 0) return [];
    const buckets = histograms[0]!.buckets.map((_, i) =>
      histograms.reduce((sum, one) => sum + one.buckets[i]!, 0)
    );
    const sumMs = histograms.reduce((sum, one) => sum + one.sumMs, 0);
    return [{ service, buckets, count, sumSeconds: sumMs / 1000 }];
  });
}

function guestStatus(guest: WatchedGuest): GuestStatus {
  const { name, server, device, placements } = guest;
  const { state, usage } = server;
  const queues = usage.queues();
  const limits = device.throttle?.limits;
  return {
    name,
    isConnected: state.isConnected,
    isReady: device.isReady,
    connections: state.connections,
    refusedConnections: state.refused,
    resumed: state.takenOver,
    memoryBytes: state.memoryBytes,
    sessions: sessionsStatus(device, placements),
    placements: [...placements],
    backends: backendsStatus(guest),
    queues: [...queues].sort(([a], [b]) => a - b)
      .map(([queue, counters]) => queueStatus(queue, counters)),
    work: usage.work().map(({ kind, counters }) => ({
      ...kind,
      requests: counters[SeriesField.Requests]!,
      bytes: counters[SeriesField.Bytes]!,
      failures: counters[SeriesField.Failures]!,
    })),
    latency: latencyStatus(queues),
    limits: {
      requestsPerSecond: limits?.requestsPerSecond ?? null,
      bytesPerSecond: limits?.bytesPerSecond ?? null,
    },
  };
}

/** The status as it is now. */
export function collectStatus(watched: Watched): DeviceStatus {
  const { user, system } = process.cpuUsage();
  const guests = watched.guests.map(guestStatus);
  return {
    startedAt: performance.timeOrigin / 1000,
    at: Date.now() / 1000,
    isReady: guests.every(({ isReady }) => isReady),
    residentBytes: Deno.memoryUsage().rss,
    cpuSeconds: (user + system) / 1e6,
    lostLines: watched.log.lostLines,
    logLevel: watched.log.level,
    lostThreads: watched.threads.lost,
    threads: [...watched.threads.all].map(threadStatus),
    latencyBounds: LATENCY_BOUNDS_MS.map((ms) => ms / 1000),
    guests,
  };
}
