/**
 * What is told of a running device: over HTTP, and over OpenTelemetry.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import type { User } from "../ffi/libc_accounts.ts";
import type { QueueThreads } from "../device/transport/vhost_user/queue_threads.ts";
import { reasonOf } from "../device/session/failure.ts";
import { addressInWords } from "./http/http_address.ts";
import type { HttpServer } from "./http/http_server.ts";
import { type HttpSettings, readToken } from "./http_options.ts";
import type { Log } from "./log.ts";
import type { LogTail } from "./log_tail.ts";
import { collectStatus, type WatchedGuest } from "./metrics/collect.ts";
import type { DeviceStatus } from "./metrics/device_status.ts";
import { environmentOf } from "./handed_over.ts";
import { usage } from "./option_values.ts";

/** Whoever asks more often gets the same. */
const SAME_STATUS_MS = 250;

/** How long an export of metrics may wait for a thread that blocks. */
const PAUSE_MS = 500;

/** What is watched of a device. */
export interface Observed {
  readonly threads: QueueThreads;
  readonly log: Log;
  readonly tail: LogTail;
  /** Sockets that are served; empty until all are. */
  readonly guests: () => readonly WatchedGuest[];
}

/** Collects the status at most some times in a second. */
export class StatusSource {
  readonly #observed: Observed;
  #status: DeviceStatus | undefined;
  #collectedMs = -Infinity;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  /** The status; undefined until all sockets are served. */
  read(): DeviceStatus | undefined {
    const { guests, threads, tail } = this.#observed;
    const nowMs = performance.now();
    if (nowMs - this.#collectedMs < SAME_STATUS_MS) return this.#status;
    const found = guests();
    if (found.length === 0) return undefined;
    this.#collectedMs = nowMs;
    return this.#status = collectStatus({ guests: found, threads, log: tail });
  }
}

/**
 * Listens where the settings say; a socket file is for `user` alone, where this
 * process is about to become that.
 *
 * @throws {UsageError} where that is impossible, or the token cannot be read
 */
export async function startHttp(
  settings: HttpSettings,
  observed: Observed,
  status: StatusSource,
  user: User | undefined,
): Promise<HttpServer> {
  const { HttpServer } = await import("./http/http_server.ts");
  const { createHandler } = await import("./http/routes.ts");
  const { address } = settings;
  const { threads, log, tail, guests } = observed;
  const handler = createHandler(address, readToken(settings), {
    threads,
    log,
    tail,
    get guests() {
      return guests();
    },
    status: () => status.read(),
  });
  try {
    const server = await HttpServer.listen(address, handler, (error) => {
      const reason = reasonOf(error);
      log("warn", `HTTP: a request cannot be answered: ${reason}`, { reason });
    });
    if (user && address.kind === "unix") {
      await Deno.chown(address.path, user.id, user.groupId);
    }
    log("info", `HTTP at ${addressInWords(address)}`);
    return server;
  } catch (error) {
    const reason = messageOf(error);
    throw usage(
      "http",
      addressInWords(address),
      `an address to listen at (${reason})`,
    );
  }
}

/** Has the runtime export metrics, where the environment turns that on. */
export async function startTelemetry(
  status: StatusSource,
  threads: QueueThreads,
): Promise<void> {
  const { OTEL_DENO } = environmentOf(["OTEL_DENO"]);
  if (OTEL_DENO !== "true" && OTEL_DENO !== "1") return;
  const { exportMetrics } = await import("./metrics/telemetry.ts");
  exportMetrics(() => status.read());
  // The exporter waits for all threads of the runtime, and queue threads block.
  setInterval(() => threads.pause(), PAUSE_MS);
}
