/**
 * What a running program says of itself: plain data, from which the page, the
 * terminal and all metrics come.
 *
 * @module
 */

/** The whole process. */
export interface DeviceStatus {
  /** When it began, in seconds of Unix time. */
  readonly startedAt: number;
  /** Of this status, in seconds of Unix time. */
  readonly at: number;
  /** Whether each guest has a backend that works. */
  readonly isReady: boolean;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  /** Lines of the log that could not be written. */
  readonly lostLines: number;
  readonly logLevel: string;
  /** Queue threads that ended by themselves. */
  readonly lostThreads: number;
  readonly threads: readonly ThreadStatus[];
  /** Upper bounds of the buckets of {@linkcode LatencyStatus}, in seconds. */
  readonly latencyBounds: readonly number[];
  readonly guests: readonly GuestStatus[];
}

/** A queue thread. */
export interface ThreadStatus {
  readonly number: number;
  readonly rings: number;
  readonly sleeps: number;
  readonly sleptSeconds: number;
  /** Times that it looked for more before it slept, and found nothing. */
  readonly spins: number;
  readonly spinsInVain: number;
}

/** One socket, and all guests that it has had. */
export interface GuestStatus {
  readonly name: string;
  readonly isConnected: boolean;
  readonly isReady: boolean;
  readonly connections: number;
  readonly refusedConnections: number;
  /** Guests that a process before has left. */
  readonly resumed: number;
  readonly memoryBytes: number;
  readonly sessions: SessionsStatus;
  readonly placements: readonly PlacementStatus[];
  readonly backends: readonly BackendStatus[];
  readonly queues: readonly QueueStatus[];
  readonly work: readonly WorkStatus[];
  readonly latency: readonly LatencyStatus[];
  readonly limits: LimitsStatus;
}

export interface SessionsStatus {
  readonly open: number;
  readonly created: number;
  readonly closed: number;
  /** By the name of the status that said so. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Sessions that went to a backend for one reason. */
export interface PlacementStatus {
  readonly backend: string;
  readonly reason: string;
  readonly sessions: number;
}

export interface BackendStatus {
  readonly name: string;
  readonly version: string;
  /** Why it is down on some thread, or cannot be used here at all. */
  readonly failure?: string;
  readonly failures: number;
  /** Whether new sessions stay away from it. */
  readonly isDrained: boolean;
}

/** A data queue. */
export interface QueueStatus {
  readonly queue: number;
  readonly requests: number;
  readonly bytes: number;
  readonly inFlight: number;
  /** Requests that another backend took over. */
  readonly movedOn: number;
  /** How long requests have waited for the guest's limits. */
  readonly waitedSeconds: number;
  /** By the name of the status that was not OK. */
  readonly failures: Readonly<Record<string, number>>;
}

/** What a backend did of one kind. */
export interface WorkStatus {
  readonly backend: string;
  readonly service: string;
  readonly algorithm: string;
  readonly requests: number;
  readonly bytes: number;
  readonly failures: number;
}

/** How long some requests of a service took. */
export interface LatencyStatus {
  readonly service: string;
  /** Requests by bucket; the last one is above all bounds. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** Limits of a guest; null: none. */
export interface LimitsStatus {
  readonly requestsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
}
