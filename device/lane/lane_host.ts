/**
 * The lanes of a process, as its main thread knows them. All guests share them.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import { AnnouncementMemory } from "../session/announcement_memory.ts";
import type { FailureListener } from "../session/failure.ts";
import type { ChannelEnd } from "./channel.ts";
import {
  CallWatch,
  createWatchMemory,
  WATCHDOG_MS,
} from "../../backends/call_watch.ts";
import type { LaneBackend, LaneCommand, LaneReport } from "./lane_messages.ts";

const STUCK = "a call of the backend does not return";

/** Ends the use of a lane; settled when it does not wake its user any more. */
export type Detach = () => Promise<void>;

/** One lane: the thread of a backend, started when it is first needed. */
export class Lane {
  /** Of the lane's watch: its users make their channels with it. */
  readonly memory = createWatchMemory();
  readonly #backend: LaneBackend;
  #worker: Worker | undefined;
  readonly #records = new AnnouncementMemory();
  readonly #tried = new Map<number, (refusal: string | undefined) => void>();
  readonly #detached = new Map<number, () => void>();
  readonly #failed: FailureListener;
  readonly #watch = new CallWatch(this.memory);
  #looking: ReturnType<typeof setTimeout> | undefined;
  #questions = 0;
  #channels = 0;
  #ended: string | undefined;
  #markClosed = () => {};

  constructor(backend: LaneBackend, failed: FailureListener) {
    this.#backend = backend;
    this.#failed = failed;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./lane_worker.ts", import.meta.url), {
      type: "module",
    });
    worker.onmessage = ({ data }) => this.#hear(data as LaneReport);
    worker.onerror = (event) => {
      event.preventDefault();
      const reason = `its thread has ended: ${event.message}`;
      this.#end(reason);
      this.#failed({ of: "backend", backend: this.#backend.name, reason });
    };
    const { memory } = this;
    const backend = this.#backend;
    const start: LaneCommand = { kind: "start", backend, memory };
    worker.postMessage(start);
    return worker;
  }

  #tell(command: LaneCommand, transfer: Transferable[] = []): void {
    if (this.#ended !== undefined) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(command, transfer);
  }

  /** Serves the thread of rings at the other end, which `wakeFd` wakes. */
  attach(end: ChannelEnd, wakeFd: number): Detach {
    const channel = ++this.#channels;
    this.#tell({ kind: "attach", channel, end, wakeFd }, [end.port, end.bell]);
    return () => this.#detach(channel);
  }

  #detach(channel: number): Promise<void> {
    if (this.#ended !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#detached.set(channel, resolve);
      this.#tell({ kind: "detach", channel });
    });
  }

  /** Why the backend cannot have such a session; undefined where it can. */
  tryOpening(description: SessionDescription): Promise<string | undefined> {
    if (this.#ended !== undefined) return Promise.resolve(this.#ended);
    if (this.#watch.isStuck) return Promise.resolve(STUCK);
    const question = ++this.#questions;
    const place = this.#records.put({ id: question, description }, 1);
    return new Promise((resolve) => {
      this.#tried.set(question, resolve);
      this.#looking ??= setTimeout(() => this.#look(), WATCHDOG_MS);
      this.#tell({ kind: "try", question, place });
    });
  }

  /** Nobody waits for a thread that is stuck. */
  #look(): void {
    if (this.#watch.isStuck) {
      for (const answer of this.#tried.values()) answer(STUCK);
      this.#tried.clear();
    }
    this.#looking = this.#tried.size > 0
      ? setTimeout(() => this.#look(), WATCHDOG_MS)
      : undefined;
  }

  #hear(report: LaneReport): void {
    switch (report.kind) {
      case "detached":
        this.#detached.get(report.channel)?.();
        this.#detached.delete(report.channel);
        return;
      case "tried":
        this.#tried.get(report.question)?.(report.refusal);
        this.#tried.delete(report.question);
        if (this.#tried.size === 0) this.#stopLooking();
        return;
      case "failure":
        return this.#failed(report.failure);
      case "closed":
        return this.#end("the lane is closed");
    }
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const answer of this.#tried.values()) answer(reason);
    for (const answer of this.#detached.values()) answer();
    this.#tried.clear();
    this.#stopLooking();
    this.#detached.clear();
    this.#records.wipe();
    this.#worker?.terminate();
    this.#markClosed();
  }

  #stopLooking(): void {
    clearTimeout(this.#looking);
    this.#looking = undefined;
  }

  /** Closes the backend; one that takes longer than `deadlineMs` is left. */
  async close(deadlineMs: number): Promise<void> {
    if (this.#ended !== undefined || !this.#worker) return;
    const closed = new Promise<void>((resolve) => this.#markClosed = resolve);
    const timer = setTimeout(() => this.#end("the lane is closed"), deadlineMs);
    this.#tell({ kind: "close" });
    await closed;
    clearTimeout(timer);
  }
}

/** How long a lane may take to close its backend. */
const CLOSE_MS = 500;

/** The lanes of a process, by their backends. */
export class LaneHost {
  readonly #lanes = new Map<string, Lane>();
  readonly #failed: FailureListener;
  #guests = 0;

  /** `failed` hears what fails on lanes. */
  constructor(failed: FailureListener) {
    this.#failed = failed;
  }

  /** A number for a guest that no other has. */
  newGuest(): number {
    return ++this.#guests;
  }

  /**
   * The lane of a backend; it costs nothing before it is used. Work that one
   * thread is too slow for has several `parts`, which users share out.
   */
  lane(backend: LaneBackend, part = 0): Lane {
    const { specifier, options } = backend;
    const key = JSON.stringify([specifier, options, part]);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = new Lane(backend, this.#failed);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  async close(): Promise<void> {
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    await Promise.all(lanes.map((lane) => lane.close(CLOSE_MS)));
  }
}
