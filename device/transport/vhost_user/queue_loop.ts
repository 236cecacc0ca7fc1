/**
 * A queue thread: commands, bursts, and waiting for kicks. It blocks its thread
 * in poll(2); only waiting costs no time.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import {
  EAGAIN,
  type Libc,
  nativeBuffer,
  POLLFD_BYTES,
  POLLIN,
} from "../../../ffi/libc.ts";
import { clearForeign } from "../../../ffi/libc_foreign.ts";
import { REVIEW_MS } from "../../backend_health.ts";
import { Counter } from "../../data_queue.ts";
import { takeAnnouncement } from "../../session/announcement_memory.ts";
import type { ThreadSessions } from "../../session/thread_sessions.ts";
import { QueueRing, type RingContext } from "./queue_ring.ts";
import { SpinPolicy } from "./spin_policy.ts";
import {
  type Command,
  COMMANDS_SENT,
  COMMANDS_TAKEN,
  type Report,
  RingCommand,
  ThreadSetup,
} from "./thread_messages.ts";

/** How often a ring without a kick descriptor is looked at. */
const POLLING_MS = 1;
/** Idle turns between two looks at the clock. */
const TURNS_PER_CLOCK = 16;
const WAKE = 0;
const KICK = 1;
const EVENTS_OFFSET = 4;
const RESULT_OFFSET = 6;

type ReportTo = (report: Report) => void;
type NodePort = Parameters<typeof receiveMessageOnPort>[0];

/** Serves one data queue until it is told to exit. */
export class QueueLoop {
  readonly #libc: Libc;
  readonly #setup: ThreadSetup;
  readonly #sessions: ThreadSessions;
  readonly #down: ReadonlySet<string>;
  readonly #report: ReportTo;
  readonly #context: RingContext;
  readonly #generation: Int32Array;
  readonly #fds = nativeBuffer(2 * POLLFD_BYTES);
  readonly #fdsView = new DataView(this.#fds.buffer);
  readonly #spinMs: number;
  /** Commands met while only announcements were wanted. */
  readonly #postponed: Command[] = [];
  #seen = 0;
  #ring: QueueRing | undefined;
  #spinUntil = 0;
  /** Turns since there was something to do. */
  #idleTurns = 0;
  readonly #spinPolicy = new SpinPolicy();
  #notificationsEnabled = true;
  #exiting = false;

  /** `down` names the backends of `sessions` that do not work at present. */
  constructor(
    libc: Libc,
    setup: ThreadSetup,
    sessions: ThreadSessions,
    down: ReadonlySet<string>,
    report: ReportTo,
  ) {
    this.#libc = libc;
    this.#setup = setup;
    this.#sessions = sessions;
    this.#down = down;
    this.#report = report;
    this.#generation = new Int32Array(setup.generation);
    this.#spinMs = setup.spinMicroseconds / 1000;
    this.#context = {
      libc,
      sessions,
      settings: setup.settings,
      counters: new Float64Array(setup.counters),
      broken: (reason) => report({ kind: "broken", reason }),
    };
  }

  /** Returns after the exit command, with no view of guest memory left. */
  run(): void {
    while (!this.#exiting) {
      this.#takeCommands();
      if (this.#exiting) break;
      if (this.#burst()) this.#idleTurns = 0;
      else if (!this.#spins()) {
        this.#idleTurns = 0;
        this.#wait();
      }
    }
    this.#ring?.stop();
  }

  #burst(): boolean {
    const ring = this.#ring;
    if (!ring?.alive) return false;
    if (this.#notificationsEnabled) {
      ring.disableNotifications();
      this.#notificationsEnabled = false;
    }
    return ring.burst();
  }

  /**
   * Whether to look again before waiting. The clock costs more than a look, so
   * it is read at the first idle turn and then now and again.
   */
  #spins(): boolean {
    if (this.#spinMs === 0 || !this.#ring?.alive) return false;
    const turn = this.#idleTurns++;
    if (turn === 0) return this.#beginsSpin();
    return turn % TURNS_PER_CLOCK !== TURNS_PER_CLOCK - 1 ||
      performance.now() < this.#spinUntil;
  }

  #beginsSpin(): boolean {
    const now = performance.now();
    const requests = this.#context.counters[Counter.Requests]!;
    this.#spinUntil = now + this.#spinMs;
    return this.#spinPolicy.decide(now, requests);
  }

  #wait(): void {
    const ring = this.#ring;
    if (ring?.alive) {
      this.#notificationsEnabled = true;
      if (ring.enableNotifications()) return;
    }
    this.#poll(ring?.alive ? ring.kickFd : -1, this.#timeoutMs(ring));
    if (this.#down.size > 0) this.#sessions.backends.review();
  }

  #timeoutMs(ring: QueueRing | undefined): number {
    if (ring?.alive && ring.kickFd < 0) return POLLING_MS;
    return this.#down.size > 0 || ring?.waits ? REVIEW_MS : -1;
  }

  /** Waits for a wake-up or a kick; a descriptor of -1 is not waited for. */
  #poll(kickFd: number, timeoutMs: number): void {
    this.#prepare(WAKE, this.#setup.wakeFd);
    this.#prepare(KICK, kickFd);
    const ready = this.#libc.poll(this.#fds, 2, timeoutMs);
    if (ready <= 0) return;
    if (this.#result(WAKE) !== 0) this.#libc.clear(this.#setup.wakeFd);
    const result = this.#result(KICK);
    if (result !== 0 && !this.#clearKick(kickFd, result) && this.#ring) {
      // No eventfd, or nobody holds the other end: poll would not wait again.
      this.#ring.kickFd = -1;
    }
  }

  /** Whether poll waits for the descriptor again; others may have emptied it. */
  #clearKick(fd: number, result: number): boolean {
    if ((result & POLLIN) === 0) return false;
    const read = clearForeign(this.#libc, fd);
    return read > 0 || read === -EAGAIN;
  }

  #prepare(index: number, fd: number): void {
    const at = index * POLLFD_BYTES;
    this.#fdsView.setInt32(at, fd, true);
    this.#fdsView.setInt16(at + EVENTS_OFFSET, POLLIN, true);
    this.#fdsView.setInt16(at + RESULT_OFFSET, 0, true);
  }

  #result(index: number): number {
    return this.#fdsView.getInt16(index * POLLFD_BYTES + RESULT_OFFSET, true);
  }

  /** Carries out all commands that have come since the last time. */
  #takeCommands(): void {
    while (this.#postponed.length > 0) this.#carryOut(this.#postponed.shift()!);
    if (!this.#hasNews()) return;
    for (;;) {
      const command = this.#nextCommand();
      if (!command) return;
      this.#carryOut(command);
    }
  }

  #hasNews(): boolean {
    const generation = Atomics.load(this.#generation, COMMANDS_SENT);
    if (generation === this.#seen) return false;
    this.#seen = generation;
    return true;
  }

  #nextCommand(): Command | undefined {
    const port = this.#setup.port as unknown as NodePort;
    const received = receiveMessageOnPort(port);
    if (received) Atomics.add(this.#generation, COMMANDS_TAKEN, 1);
    return received?.message as Command | undefined;
  }

  /**
   * The guest may name a session that was opened, or destroyed, after the burst
   * began. It heard of that from the main thread, which had counted its command
   * before: the count, loaded after the chains were popped, shows it. Other commands wait: the burst under way needs the rest as it is.
   */
  takeAnnouncements(): void {
    if (!this.#hasNews()) return;
    for (;;) {
      const command = this.#nextCommand();
      if (!command) return;
      if (command.kind === "opened" || command.kind === "closed") {
        this.#carryOut(command);
      } else this.#postponed.push(command);
    }
  }

  #carryOut(command: Command): void {
    switch (command.kind) {
      case "opened":
        return this.#sessions.opened(takeAnnouncement(command.place));
      case "closed":
        return this.#sessions.closed(command.id);
      case "keys":
        return this.#sessions.keysChanged();
      case "look":
        return;
      case "exit":
        this.#exiting = true;
        return;
      default: {
        const base = this.#change(command);
        this.#report({ kind: "done", sequence: command.sequence, base });
      }
    }
  }

  /** Changes the ring; returns where it stands. */
  #change(command: RingCommand): number {
    switch (command.kind) {
      case "start":
        this.#notificationsEnabled = true;
        this.#ring = new QueueRing(command.ring, command.ranges, this.#context);
        return command.ring.base;
      case "stop": {
        const ring = this.#ring;
        this.#ring = undefined;
        ring?.stop();
        return ring?.base ?? 0;
      }
      case "memory":
        this.#notificationsEnabled = true;
        this.#ring?.changeMemory(command.ranges);
        return this.#ring?.base ?? 0;
      case "call":
        this.#ring?.changeCall(command.fd);
        return this.#ring?.base ?? 0;
    }
  }
}
