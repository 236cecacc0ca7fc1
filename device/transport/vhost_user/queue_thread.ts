/**
 * A queue thread as the main thread knows it.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { ChannelEnd } from "../../lane/channel.ts";
import type { Detach, Lane, LaneHost } from "../../lane/lane_host.ts";
import {
  createGuardMemory,
  GuardedCalls,
  type StuckCall,
} from "../../session/call_guard.ts";
import { type FailureListener, reasonOf } from "../../session/failure.ts";
import type {
  BackendSettings,
  ThreadSettings,
} from "../../session/thread_sessions.ts";
import {
  countCommand,
  type ThreadWake,
  WAKE_BYTES,
} from "../../thread_wake.ts";
import { REST_BYTES } from "./thread_rest.ts";
import type {
  AnsweredCommand,
  Command,
  GuestCommand,
  GuestReport,
  LanedSettings,
  Report,
  ThreadSetup,
} from "./thread_messages.ts";

/** What a queue thread is made with. */
export interface QueueThreadOptions {
  readonly libc: Libc;
  /** How guests name it to their operators. */
  readonly number: number;
  readonly spinMicroseconds: number;
  readonly lanes: LaneHost;
  /** Backends that are not to be called, and why. */
  readonly held: ReadonlyMap<string, string>;
  /** Of the guests to come, by number. */
  readonly settings: readonly ThreadSettings[];
  /** Backends that get no new sessions. */
  readonly drained: ReadonlySet<string>;
  /** Hears what fails on lanes and they cannot say themselves. */
  readonly laneFailed: FailureListener;
  /** Hears that the thread has ended, by itself where `reason` is there. */
  ended(reason?: string): void;
}

/** What a thread tells of a guest, and nothing follows from on the thread. */
export type GuestNews = Exclude<
  GuestReport,
  { kind: "done" | "broken" | "failed" }
>;

/** What a guest hears from a thread that it has rings on. */
export interface ThreadGuest {
  /** Hears why a ring is no longer served. */
  broken(index: number, reason: string): void;
  /** Hears all else that a thread tells of a guest. */
  told(report: GuestNews): void;
  /** Hears why nothing of the guest is served there any longer. */
  failed(reason: string): void;
  /** Hears that the thread is stuck, and serves nothing any more. */
  stuck(): void;
  /** Hears that what it was stuck in is over: it writes nothing any more. */
  released(): void;
}

interface Waiting {
  readonly kind: AnsweredCommand["kind"];
  resolve(base: number): void;
  reject(error: Error): void;
}

/** The base of a ring whose thread is stuck: its counters have it. */
export const STUCK = -1;

/** Owns a worker that serves rings of many guests. */
export class QueueThread {
  readonly number: number;
  /** What wakes it. */
  readonly wake: ThreadWake;
  /** How it rests, indexed by `RestWord`. */
  readonly rest: Float64Array<SharedArrayBuffer>;
  /** Rings that it serves, or is about to. */
  rings = 0;
  readonly #options: QueueThreadOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #guests = new Map<number, ThreadGuest>();
  readonly #waiting = new Map<number, Waiting>();
  /** Ends the use of the lanes that the thread has used. */
  readonly #detachments: Detach[] = [];
  readonly #guard: SharedArrayBuffer = createGuardMemory();
  readonly #calls = new GuardedCalls(this.#guard);
  #isStuck = false;
  /** Whether the call that it was stuck in has returned. */
  #hasParked = false;
  #sequence = 0;
  #lastGuest = 0;
  #hasEnded = false;

  /** Starts a thread; a string says why that is impossible. */
  static start(options: QueueThreadOptions): QueueThread | string {
    const wakeFd = options.libc.eventfd();
    if (wakeFd < 0) return options.libc.describe(wakeFd);
    try {
      return new QueueThread(options, wakeFd);
    } catch (error) {
      options.libc.close(wakeFd);
      return `no thread can be started: ${reasonOf(error)}`;
    }
  }

  private constructor(options: QueueThreadOptions, fd: number) {
    this.#options = options;
    this.number = options.number;
    const words = new SharedArrayBuffer(WAKE_BYTES);
    this.wake = { words, fd };
    this.#words = new Int32Array(words);
    this.rest = new Float64Array(new SharedArrayBuffer(REST_BYTES));
    // First, since the system may have no thread left.
    this.#worker = new Worker(new URL("./queue_worker.ts", import.meta.url), {
      type: "module",
    });
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker.onmessage = (event) => this.#hear(event.data as Report);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(event.message);
    };
    const setup: ThreadSetup = {
      port: port2,
      wake: this.wake,
      rest: this.rest.buffer,
      spinMicroseconds: options.spinMicroseconds,
      guard: this.#guard,
      held: options.held,
      settings: options.settings.map((one) => this.#withLanes(one)),
    };
    this.#worker.postMessage(setup, [port2]);
  }

  /** Gives a guest a number on this thread, which has heard nothing of it yet. */
  add(guest: ThreadGuest): number {
    const number = ++this.#lastGuest;
    this.#guests.set(number, guest);
    return number;
  }

  /** Forgets a guest; its reports are nobody's from now on. */
  remove(guest: number): void {
    this.#guests.delete(guest);
  }

  /** Sends a command of the guest with this number. */
  tell(guest: number, command: GuestCommand): void {
    this.#send({ ...command, guest });
  }

  /** The same; settled when it is carried out, with the ring's base. */
  ask(guest: number, command: AnsweredCommand): Promise<number> {
    if (this.#hasEnded) {
      return Promise.reject(new Error("The thread has ended"));
    }
    const { kind } = command;
    if (this.#isStuck && kind !== "leave") return Promise.resolve(STUCK);
    const sequence = ++this.#sequence;
    return new Promise((resolve, reject) => {
      this.#waiting.set(sequence, { kind, resolve, reject });
      this.#send({ ...command, guest, sequence });
    });
  }

  /** Has guests name settings by their number. */
  addSettings(number: number): void {
    const settings = this.#options.settings[number]!;
    this.#send({ kind: "settings", number, ...this.#withLanes(settings) });
  }

  #withLanes(settings: ThreadSettings): LanedSettings {
    const lanes = settings.backends.filter(({ onLane }) => onLane)
      .map((backend) => ({
        backend: backend.name,
        memory: this.#lane(backend).memory,
      }));
    return { settings, lanes, drained: [...this.#options.drained] };
  }

  /** Each queue thread has a lane of its own for what takes long. */
  #lane(backend: BackendSettings): Lane {
    const { lanes, number } = this.#options;
    return backend.onLane === "slow"
      ? lanes.lane(backend, number % navigator.hardwareConcurrency)
      : lanes.lane(backend);
  }

  #attach(number: number, name: string, end: ChannelEnd): void {
    const { backends } = this.#options.settings[number]!;
    const backend = backends.find((one) => one.name === name)!;
    this.#detachments.push(this.#lane(backend).attach(end, this.wake.fd));
  }

  /** Has a backend not be called, or called again. */
  hold(backend: string, reason: string | undefined): void {
    this.#send({ kind: "hold", backend, reason });
  }

  /** Whether it was given up in a call of a backend. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Whether it may still touch memory of guests that it had. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Gives the thread up where it is stuck in a call of a backend; the call. Its
   * guests are then to hear of it.
   */
  giveUp(nowMs: number, limitMs: number): StuckCall | undefined {
    const stuck = this.#calls.giveUp(nowMs, limitMs);
    if (!stuck) return undefined;
    this.#isStuck = true;
    for (const [sequence, { kind, resolve }] of this.#waiting) {
      // It may write to the guest's memory until its call returns.
      if (kind === "leave") continue;
      this.#waiting.delete(sequence);
      resolve(STUCK);
    }
    return stuck;
  }

  /** Has its guests go on elsewhere. */
  tellStuck(): void {
    for (const guest of [...this.#guests.values()]) guest.stuck();
  }

  /** Ends it where the call that it was stuck in has returned; whether it has. */
  release(): boolean {
    if (!this.#hasParked) return false;
    const guests = [...this.#guests.values()];
    this.#end();
    for (const guest of guests) guest.released();
    return true;
  }

  /** Keeps new sessions away from a backend, or no longer. */
  drain(backend: string, isDrained: boolean): void {
    this.#send({ kind: "drain", backend, isDrained });
  }

  /** Has the thread let its runtime do what waits for it. */
  pause(): void {
    this.#send({ kind: "pause" });
  }

  /** Tells the thread to end. */
  exit(): void {
    this.#send({ kind: "exit" });
  }

  #send(command: Command): void {
    if (this.#hasEnded) return;
    this.#port.postMessage(command); // model: put
    const { libc } = this.#options;
    countCommand(this.#words, () => libc.signal(this.wake.fd));
  }

  #hear(report: Report): void {
    switch (report.kind) {
      case "ended":
        return this.#end(report.reason);
      case "exited":
        return this.#end();
      case "parked":
        this.#hasParked = true;
        return;
      case "lane":
        return this.#attach(report.settings, report.backend, report.end);
      case "lane failure":
        return this.#options.laneFailed(report.failure);
      default:
        this.#hearFor(this.#guests.get(report.guest), report);
    }
  }

  #hearFor(guest: ThreadGuest | undefined, report: GuestReport): void {
    switch (report.kind) {
      case "done":
        this.#waiting.get(report.sequence)?.resolve(report.base);
        this.#waiting.delete(report.sequence);
        return;
      case "broken":
        return guest?.broken(report.index, report.reason);
      case "failed":
        return guest?.failed(report.reason);
      default:
        return guest?.told(report);
    }
  }

  #end(reason?: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const error = new Error(reason ?? "The thread has ended");
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#port.close();
    this.#worker.terminate();
    const { libc } = this.#options;
    // A lane that is busy may signal it still.
    void Promise.all(this.#detachments.map((detach) => detach()))
      .then(() => libc.close(this.wake.fd));
    if (reason !== undefined) {
      for (const guest of [...this.#guests.values()]) guest.failed(reason);
    }
    this.#options.ended(reason);
  }
}
