/**
 * A queue thread as the main thread knows it.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { COUNTERS } from "../../data_queue.ts";
import type { ChannelEnd } from "../../lane/channel.ts";
import type { Detach, Lane, LaneHost } from "../../lane/lane_host.ts";
import type { AnnouncementPlace } from "../../session/announcement_memory.ts";
import type { Failure } from "../../session/failure.ts";
import type {
  BackendSettings,
  ThreadSettings,
} from "../../session/thread_sessions.ts";
import type { MemoryTable } from "./memory_table.ts";
import type { RingRunner, RingStart } from "./ring_runner.ts";
import {
  type Command,
  COMMAND_COUNTER_BYTES,
  COMMANDS_SENT,
  COMMANDS_TAKEN,
  type Report,
  type RingCommand,
  type ThreadSetup,
} from "./thread_messages.ts";

/** What a queue thread is made with. */
export interface QueueThreadOptions {
  readonly libc: Libc;
  readonly settings: ThreadSettings;
  readonly lanes: LaneHost;
  /** Number of the queue. */
  readonly index: number;
  /** Number of the guest among all of the process. */
  readonly guest: number;
  readonly spinMicroseconds: number;
  readonly memory: MemoryTable;
  /** Sessions that exist already; asked for when the thread is there. */
  readonly sessions: Iterable<AnnouncementPlace>;
  /** Hears why the ring is no longer served. */
  broken(reason: string): void;
  /** Hears that a backend stopped working, or works again (undefined). */
  health(backend: string, failure: string | undefined): void;
  /** Hears of requests and sessions that fail. */
  failure(failure: Failure): void;
  /** Hears that the thread has ended by itself. */
  failed(reason: string): void;
}

interface Waiting {
  resolve(base: number): void;
  reject(error: Error): void;
}

/** Owns the worker of one data queue. */
export class QueueThread implements RingRunner {
  /** The data queue's counters, which the thread writes. */
  readonly counters: Float64Array<SharedArrayBuffer>;
  /** Settled when the thread no longer touches guest memory. */
  readonly exited: Promise<void>;
  readonly #options: QueueThreadOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #generation: Int32Array<SharedArrayBuffer>;
  readonly #wakeFd: number;
  /** Ends the use of the lanes that the thread has used. */
  readonly #detachments: Detach[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 0;
  #ended = false;
  #exiting = false;
  #markExited = () => {};

  /** Starts a thread; a string says why that is impossible. */
  static start(options: QueueThreadOptions): QueueThread | string {
    const wakeFd = options.libc.eventfd();
    if (wakeFd < 0) return options.libc.describe(wakeFd);
    return new QueueThread(options, wakeFd);
  }

  private constructor(options: QueueThreadOptions, wakeFd: number) {
    this.#options = options;
    this.#wakeFd = wakeFd;
    this.exited = new Promise((resolve) => this.#markExited = resolve);
    const counters = new SharedArrayBuffer(8 * COUNTERS);
    const generation = new SharedArrayBuffer(COMMAND_COUNTER_BYTES);
    this.counters = new Float64Array(counters);
    this.#generation = new Int32Array(generation);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(new URL("./queue_worker.ts", import.meta.url), {
      type: "module",
    });
    this.#worker.onmessage = (event) => this.#hear(event.data as Report);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    const { settings, spinMicroseconds, guest } = options;
    const lanes = settings.backends.filter(({ onLane }) => onLane)
      .map((backend) => ({
        backend: backend.name,
        memory: this.#lane(backend).memory,
      }));
    const setup: ThreadSetup = {
      port: port2,
      generation,
      counters,
      wakeFd,
      spinMicroseconds,
      settings,
      lanes,
      guest,
    };
    this.#worker.postMessage(setup, [port2]);
    for (const place of options.sessions) this.opened(place);
  }

  /** Commands that the thread, busy with requests, has not taken yet. */
  get waitingCommands(): number {
    const sent = Atomics.load(this.#generation, COMMANDS_SENT);
    return (sent - Atomics.load(this.#generation, COMMANDS_TAKEN)) | 0;
  }

  /** Announces a session; the guest may use it when this has returned. */
  opened(place: AnnouncementPlace): void {
    this.#tell({ kind: "opened", place });
  }

  /** Takes a session back. */
  closed(id: number): void {
    this.#tell({ kind: "closed", id });
  }

  /** Tells that keys of the store may be gone. */
  keysChanged(): void {
    this.#tell({ kind: "keys" });
  }

  start(ring: RingStart): void {
    const { ranges } = this.#options.memory;
    this.#request({ kind: "start", ring, ranges }).catch(() => {});
  }

  stop(): Promise<number> {
    return this.#request({ kind: "stop" });
  }

  look(): void {
    this.#tell({ kind: "look" });
  }

  async changeMemory(): Promise<void> {
    const { ranges } = this.#options.memory;
    await this.#request({ kind: "memory", ranges });
  }

  async changeCall(fd: number): Promise<void> {
    await this.#request({ kind: "call", fd });
  }

  /** Tells the thread to end; `exited` says when it has. */
  exit(): void {
    this.#exiting = true;
    this.#tell({ kind: "exit" });
  }

  #request(command: RingCommand): Promise<number> {
    if (this.#ended) return Promise.reject(new Error("The thread has ended"));
    const sequence = ++this.#sequence;
    return new Promise((resolve, reject) => {
      this.#waiting.set(sequence, { resolve, reject });
      this.#tell({ ...command, sequence });
    });
  }

  #tell(command: Command): void {
    if (this.#ended) return;
    this.#port.postMessage(command);
    Atomics.add(this.#generation, COMMANDS_SENT, 1);
    this.#options.libc.signal(this.#wakeFd);
  }

  #hear(report: Report): void {
    switch (report.kind) {
      case "done":
        this.#waiting.get(report.sequence)?.resolve(report.base);
        this.#waiting.delete(report.sequence);
        return;
      case "broken":
        return this.#options.broken(report.reason);
      case "health":
        return this.#options.health(report.backend, report.failure);
      case "lane":
        return this.#attach(report.backend, report.end);
      case "failure":
        return this.#options.failure(report.failure);
      case "failed":
        return this.#fail(report.reason);
      case "exited":
        return this.#end("The thread has ended");
    }
  }

  #attach(name: string, end: ChannelEnd): void {
    const { settings } = this.#options;
    const backend = settings.backends.find((one) => one.name === name)!;
    this.#detachments.push(this.#lane(backend).attach(end, this.#wakeFd));
  }

  /** As many queues as there are processors have work that takes long apart. */
  #lane(backend: BackendSettings): Lane {
    const { lanes, index } = this.#options;
    return backend.onLane === "slow"
      ? lanes.lane(backend, index % navigator.hardwareConcurrency)
      : lanes.lane(backend);
  }

  #fail(reason: string): void {
    if (this.#ended) return;
    this.#end(reason);
    if (!this.#exiting) this.#options.failed(reason);
  }

  #end(reason: string): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
    this.#port.close();
    this.#worker.terminate();
    this.#markExited();
    const { libc } = this.#options;
    // A lane that is busy may signal it still.
    void Promise.all(this.#detachments.map((detach) => detach()))
      .then(() => libc.close(this.#wakeFd));
  }
}
