/**
 * All metrics: what they are called, what they mean, and what they are now. Names
 * follow the conventions of Prometheus; a series is there once there is something
 * to count in it.
 *
 * @module
 */

import type { DeviceStatus, GuestStatus } from "./device_status.ts";

export type Labels = Readonly<Record<string, string>>;

/** One value of a metric. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** What the name ends in, of a part of a histogram. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
}

/** One metric. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  samples(status: DeviceStatus): readonly Sample[];
}

const PREFIX = "vhost_device_crypto";

const one = (value: number, labels: Labels = {}): Sample => ({ value, labels });

function family(
  type: Family["type"],
  name: string,
  help: string,
  samples: Family["samples"],
): Family {
  return { name, type, help, samples };
}

function ofProcess(
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: (status: DeviceStatus) => number,
): Family {
  return family(type, name, help, (status) => [one(value(status))]);
}

function ofThreads(
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: (thread: DeviceStatus["threads"][number]) => number,
): Family {
  return family(
    type,
    `${PREFIX}_thread_${name}`,
    help,
    ({ threads }) =>
      threads.map((thread) =>
        one(value(thread), { thread: `${thread.number}` })
      ),
  );
}

/** Whether a socket has ever had a guest. */
const wasUsed = ({ connections, resumed }: GuestStatus): boolean =>
  connections + resumed > 0;

function ofGuests(
  type: Family["type"],
  name: string,
  help: string,
  samples: (guest: GuestStatus, status: DeviceStatus) => readonly Sample[],
): Family {
  return family(
    type,
    `${PREFIX}_${name}`,
    help,
    (status) =>
      status.guests.filter(wasUsed).flatMap((guest) =>
        samples(guest, status).map((sample) => ({
          ...sample,
          labels: { guest: guest.name, ...sample.labels },
        }))
      ),
  );
}

function ofQueues(
  type: "counter" | "gauge",
  name: string,
  help: string,
  samples: (queue: GuestStatus["queues"][number]) => readonly Sample[],
): Family {
  return ofGuests(
    type,
    name,
    help,
    ({ queues }) =>
      queues.flatMap((queue) =>
        samples(queue).map((sample) => ({
          ...sample,
          labels: { queue: `${queue.queue}`, ...sample.labels },
        }))
      ),
  );
}

function ofWork(
  name: string,
  help: string,
  value: (work: GuestStatus["work"][number]) => number,
): Family {
  return ofGuests("counter", name, help, ({ work }) =>
    work.map((entry) => {
      const { backend, service, algorithm } = entry;
      return one(value(entry), { backend, service, algorithm });
    }));
}

const present = (value: number | null): readonly Sample[] =>
  value === null ? [] : [one(value)];

const positive = (value: number): readonly Sample[] =>
  value > 0 ? [one(value)] : [];

const byStatus = (
  counts: Readonly<Record<string, number>>,
): readonly Sample[] =>
  Object.entries(counts).map(([status, count]) => one(count, { status }));

function histogram(
  { latency }: GuestStatus,
  { latencyBounds }: DeviceStatus,
): readonly Sample[] {
  return latency.flatMap(({ service, buckets, count, sumSeconds }) => {
    let below = 0;
    const cumulative = buckets.map((bucket, i): Sample => ({
      suffix: "_bucket",
      labels: { service, le: `${latencyBounds[i] ?? "+Inf"}` },
      value: below += bucket,
    }));
    return [
      ...cumulative,
      { suffix: "_sum", labels: { service }, value: sumSeconds },
      { suffix: "_count", labels: { service }, value: count },
    ];
  });
}

const PROCESS: readonly Family[] = [
  ofProcess(
    "gauge",
    "process_start_time_seconds",
    "When the process began, in seconds of Unix time.",
    ({ startedAt }) => startedAt,
  ),
  ofProcess(
    "counter",
    "process_cpu_seconds_total",
    "Processor time of all threads.",
    ({ cpuSeconds }) => cpuSeconds,
  ),
  ofProcess(
    "gauge",
    "process_resident_memory_bytes",
    "Memory of the process that is resident, with what guests share of theirs.",
    ({ residentBytes }) => residentBytes,
  ),
  ofProcess(
    "gauge",
    `${PREFIX}_ready`,
    "1 where each guest has a backend that works.",
    ({ isReady }) => isReady ? 1 : 0,
  ),
  ofProcess(
    "gauge",
    `${PREFIX}_sockets`,
    "Sockets that are served.",
    ({ guests }) => guests.length,
  ),
  ofProcess(
    "counter",
    `${PREFIX}_log_lost_lines_total`,
    "Lines of the log that could not be written.",
    ({ lostLines }) => lostLines,
  ),
  ofProcess(
    "counter",
    `${PREFIX}_threads_lost_total`,
    "Queue threads that ended by themselves and were replaced.",
    ({ lostThreads }) => lostThreads,
  ),
];

const THREADS: readonly Family[] = [
  ofThreads(
    "gauge",
    "rings",
    "Data rings that a queue thread serves.",
    ({ rings }) => rings,
  ),
  ofThreads(
    "counter",
    "sleeps_total",
    "Times that a queue thread has slept.",
    ({ sleeps }) => sleeps,
  ),
  ofThreads(
    "counter",
    "sleep_seconds_total",
    "How long a queue thread has slept.",
    ({ sleptSeconds }) => sleptSeconds,
  ),
  ofThreads(
    "counter",
    "spins_total",
    "Times that a queue thread looked for more before it slept.",
    ({ spins }) => spins,
  ),
  ofThreads(
    "counter",
    "spins_in_vain_total",
    "Those of them after which there was nothing.",
    ({ spinsInVain }) => spinsInVain,
  ),
];

const GUESTS: readonly Family[] = [
  ofGuests(
    "gauge",
    "guest_connected",
    "1 while a front-end is there.",
    ({ isConnected }) => [one(isConnected ? 1 : 0)],
  ),
  ofGuests(
    "counter",
    "guest_connections_total",
    "Front-ends that have come.",
    ({ connections }) => [one(connections)],
  ),
  ofGuests(
    "counter",
    "guest_connections_refused_total",
    "Front-ends that there were no descriptors for.",
    ({ refusedConnections }) => positive(refusedConnections),
  ),
  ofGuests(
    "counter",
    "guest_resumed_total",
    "Guests that went on where the process before had ended.",
    ({ resumed }) => positive(resumed),
  ),
  ofGuests(
    "gauge",
    "guest_memory_bytes",
    "Memory of the guest that is mapped.",
    ({ memoryBytes }) => [one(memoryBytes)],
  ),
  ofGuests(
    "gauge",
    "limit_requests_per_second",
    "Requests per second that the guest may have.",
    ({ limits }) => present(limits.requestsPerSecond),
  ),
  ofGuests(
    "gauge",
    "limit_bytes_per_second",
    "Bytes per second that the requests of the guest may bring.",
    ({ limits }) => present(limits.bytesPerSecond),
  ),
  ofGuests(
    "gauge",
    "sessions",
    "Sessions that are open.",
    ({ sessions }) => [one(sessions.open)],
  ),
  ofGuests(
    "counter",
    "sessions_created_total",
    "Sessions that have been created.",
    ({ sessions }) => [one(sessions.created)],
  ),
  ofGuests(
    "counter",
    "sessions_closed_total",
    "Sessions that have been destroyed.",
    ({ sessions }) => [one(sessions.closed)],
  ),
  ofGuests(
    "counter",
    "sessions_refused_total",
    "Sessions that were not created, by the status that the driver got.",
    ({ sessions }) => byStatus(sessions.refused),
  ),
  ofGuests(
    "counter",
    "placements_total",
    "Sessions that went to a backend, by why.",
    ({ placements }) =>
      placements.map(({ backend, reason, sessions }) =>
        one(sessions, { backend, reason })
      ),
  ),
  ofGuests(
    "gauge",
    "backend_up",
    "1 where the backend works on all threads of the guest.",
    ({ backends }) =>
      backends.map(({ name, failure }) =>
        one(failure === undefined ? 1 : 0, { backend: name })
      ),
  ),
  ofGuests(
    "counter",
    "backend_failures_total",
    "Times that a backend failed as a whole, on whichever thread.",
    ({ backends }) =>
      backends.flatMap(({ name, failures }) =>
        failures > 0 ? [one(failures, { backend: name })] : []
      ),
  ),
];

const REQUESTS: readonly Family[] = [
  ofQueues(
    "counter",
    "queue_requests_total",
    "Requests that a data queue has answered.",
    ({ requests }) => [one(requests)],
  ),
  ofQueues(
    "counter",
    "queue_bytes_total",
    "Bytes of their buffers, headers and status included.",
    ({ bytes }) => [one(bytes)],
  ),
  ofQueues(
    "counter",
    "queue_failures_total",
    "Requests that were not answered with OK, by status.",
    ({ failures }) => byStatus(failures),
  ),
  ofQueues(
    "gauge",
    "queue_requests_in_flight",
    "Requests that a backend has not finished.",
    ({ inFlight }) => [one(inFlight)],
  ),
  ofQueues(
    "counter",
    "queue_moved_requests_total",
    "Requests that another backend took over.",
    ({ movedOn }) => positive(movedOn),
  ),
  ofQueues(
    "counter",
    "queue_throttled_seconds_total",
    "How long requests have waited for the limits of their guest.",
    ({ waitedSeconds }) => positive(waitedSeconds),
  ),
  ofWork(
    "requests_total",
    "Requests that were answered with OK, by what was done and by whom.",
    ({ requests }) => requests,
  ),
  ofWork(
    "bytes_total",
    "Bytes of their buffers, headers and status included.",
    ({ bytes }) => bytes,
  ),
  ofWork(
    "failures_total",
    "Requests that reached a backend and were not answered with OK.",
    ({ failures }) => failures,
  ),
  ofGuests(
    "histogram",
    "request_duration_seconds",
    "From when a request was taken until it was answered, of some requests.",
    histogram,
  ),
];

/** Every metric that there may be. */
export const FAMILIES: readonly Family[] = [
  ...PROCESS,
  ...THREADS,
  ...GUESTS,
  ...REQUESTS,
];
