/**
 * A queue thread: commands, rings in turn, and waiting for kicks. It blocks its
 * thread in epoll_wait(2); only waiting costs no time. `docs/models/` has what
 * keeps a kick from being lost; comments here name its steps.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { monotonicClock } from "../../../ffi/monotonic_clock.ts";
import type { LaneChannels } from "../../lane/lane_channels.ts";
import { REVIEW_MS } from "../../backend_health.ts";
import { reasonOf } from "../../session/failure.ts";
import { WakeWord } from "../../thread_wake.ts";
import { GuestSeat, type SeatThread } from "./guest_seat.ts";
import { IdleSpin } from "./idle_spin.ts";
import type { KickWatch } from "./kick_watch.ts";
import type { LoadedSettings } from "./loaded_settings.ts";
import type { QueueRing } from "./queue_ring.ts";
import type { ThreadCommands } from "./thread_commands.ts";
import type { Announcement } from "./thread_seat.ts";
import { noteSleep, noteWaking } from "./thread_rest.ts";
import type {
  Command,
  GuestCommand,
  GuestReport,
  GuestStart,
  PauseCommand,
  Report,
  SettingsCommand,
} from "./thread_messages.ts";

/** Idle turns between two looks at the clock, and at the kicks of others. */
const TURNS_PER_CLOCK = 16;
/** Idle turns after which a ring sleeps though others keep the thread busy. */
const TURNS_TO_SLEEP = 16;
/** Bursts of a ring's turn where the thread has others. */
const BURSTS_OF_TURN = 1;
/** Requests between two looks for kicks of rings that sleep … */
const REQUESTS_PER_KICKS = 64;
/** … and how many a turn counts for by itself. */
const REQUESTS_OF_TURN = 8;

/** What a loop works with. */
export interface QueueLoopOptions {
  readonly libc: Libc;
  readonly kicks: KickWatch;
  /** To the lanes that the thread uses. */
  readonly channels: LaneChannels;
  readonly commands: ThreadCommands;
  /** Indexed by `WakeWord`. */
  readonly words: Int32Array;
  /** Indexed by `RestWord`. */
  readonly rest: Float64Array;
  readonly spinMicroseconds: number;
  report(report: Report): void;
  /** A backend is not to be called, or may be again. */
  hold(backend: string, reason: string | undefined): void;
}

/** Serves rings of many guests until it is told to exit. */
export class QueueLoop implements SeatThread {
  readonly libc: Libc;
  readonly clock: () => number;
  readonly #options: QueueLoopOptions;
  readonly #settings = new Map<number, LoadedSettings | string>();
  readonly #seats = new Map<number, GuestSeat>();
  /** Those that have their turns. */
  readonly #awake: QueueRing[] = [];
  /** Those that are to have one next. */
  readonly #woken: QueueRing[] = [];
  readonly #spinMs: number;
  readonly #spin: IdleSpin;
  /** Turns of the whole thread since there was something to do. */
  #idleTurns = 0;
  #requests = 0;
  /** What turns have cost since the last look for kicks. */
  #sinceKicks = 0;
  #wanted: SettingsCommand | PauseCommand | undefined;
  #exiting = false;

  constructor(options: QueueLoopOptions) {
    this.#options = options;
    this.libc = options.libc;
    this.clock = monotonicClock(options.libc);
    this.#spinMs = options.spinMicroseconds / 1000;
    this.#spin = new IdleSpin(this.#spinMs, options.rest);
  }

  /** Guests may name these settings from now on, or hear why they cannot. */
  addSettings(number: number, settings: LoadedSettings | string): void {
    this.#settings.set(number, settings);
    this.#wanted = undefined;
  }

  /**
   * Returns what takes an event loop: settings that are to be loaded, or a pause;
   * undefined after the exit command.
   */
  run(): SettingsCommand | PauseCommand | undefined {
    if (this.#wanted?.kind === "pause") this.#wanted = undefined;
    for (;;) {
      this.turn();
      if (this.#exiting || this.#wanted) break;
      if (this.#idleTurns > 0 && !this.#spins()) this.#sleep();
    }
    return this.#wanted;
  }

  /** Tells what is not answered: the thread has been given up. */
  reportLeft(): void {
    for (const seat of this.#seats.values()) seat.reportLeft();
  }

  /** Closes all sessions, and ends the use of lanes. */
  close(): void {
    for (const seat of this.#seats.values()) seat.close();
    for (const settings of this.#settings.values()) {
      if (typeof settings !== "string") settings.close();
    }
  }

  /** Settings of which a backend is down. */
  #down(): LoadedSettings[] {
    const found: LoadedSettings[] = [];
    for (const one of this.#settings.values()) {
      if (typeof one !== "string" && one.areDown) found.push(one);
    }
    return found;
  }

  /** Takes commands, and gives every ring that is awake a turn. */
  turn(): void {
    const { commands, kicks } = this.#options;
    if (commands.haveCome) this.#takeCommands();
    if (this.#woken.length > 0) this.#giveTurns(0);
    const awake = this.#awake;
    let isBusy = false;
    for (let i = 0; i < awake.length; i++) {
      const ring = awake[i]!;
      if (!this.#giveTurn(ring)) continue;
      isBusy = true;
      if (kicks.size > 1) this.#lookAround(ring, i);
    }
    if (!isBusy) {
      this.#idleTurns++;
      return;
    }
    this.#idleTurns = 0;
    if (awake.length > 1) this.#layIdleToSleep();
  }

  #giveTurn(ring: QueueRing): boolean {
    try {
      const isAlone = this.#options.kicks.size === 1;
      if (ring.turn(isAlone ? undefined : BURSTS_OF_TURN)) {
        ring.idleTurns = 0;
        return true;
      }
    } catch (error) {
      // What is wrong with one guest's ring is no other guest's matter.
      ring.fail(reasonOf(error));
    }
    ring.idleTurns++;
    return false;
  }

  /** After a ring's turn: neither commands nor kicks wait for all the others. */
  #lookAround(ring: QueueRing, index: number): void {
    const { commands, kicks } = this.#options;
    const requests = ring.takeCount();
    this.#requests += requests;
    if (this.#awake.length > 1 && commands.haveCome) this.#takeCommands();
    if (kicks.size > this.#awake.length) {
      this.#sinceKicks += requests + REQUESTS_OF_TURN;
      if (this.#sinceKicks >= REQUESTS_PER_KICKS) this.#lookForKicks();
    }
    if (this.#woken.length > 0) this.#giveTurns(index + 1);
  }

  #lookForKicks(): void {
    this.#sinceKicks = 0;
    this.#options.kicks.wait(0, this.#kicked);
  }

  /** Rings that have woken have their turn next. */
  #giveTurns(index: number): void {
    this.#awake.splice(index, 0, ...this.#woken);
    this.#woken.length = 0;
  }

  wake(ring: QueueRing): void {
    if (ring.isAwake || ring.isGone) return;
    ring.isAwake = true;
    ring.idleTurns = 0;
    this.#woken.push(ring);
  }

  readonly #kicked = (ring: QueueRing) => this.wake(ring);

  watch(ring: QueueRing): void {
    this.#options.kicks.add(ring);
  }

  forget(ring: QueueRing): void {
    ring.isGone = true;
    this.#options.kicks.remove(ring);
  }

  /** Rings that are quiet cost no turns while others are busy. */
  #layIdleToSleep(): void {
    this.#keepAwake((ring) =>
      ring.idleTurns < TURNS_TO_SLEEP || ring.lookAgainMs >= 0 ||
      ring.fallAsleep()
    );
  }

  /** Leaves out of `#awake` what need not have turns. */
  #keepAwake(needsTurns: (ring: QueueRing) => boolean): void {
    let kept = 0;
    for (const ring of this.#awake) {
      if (!ring.isGone && needsTurns(ring)) {
        this.#awake[kept++] = ring;
        continue;
      }
      ring.isAwake = false;
      this.#requests += ring.takeCount();
    }
    this.#awake.length = kept;
  }

  /**
   * Whether to look again before waiting. The clock costs more than a look, so
   * it is read at the first idle turn and then now and again.
   */
  #spins(): boolean {
    if (this.#spinMs === 0 || this.#awake.length === 0) return false;
    if (this.#idleTurns === 1) return this.#beginsSpin();
    if (this.#idleTurns % TURNS_PER_CLOCK !== 0) return true;
    if (this.#spin.isOver(performance.now())) return false;
    if (this.#options.kicks.size > this.#awake.length) this.#lookForKicks();
    return true;
  }

  #beginsSpin(): boolean {
    let waitsForLane = false;
    for (const ring of this.#awake) {
      this.#requests += ring.takeCount();
      if (ring.waitsForLane) waitsForLane = true;
    }
    // A lane that is to answer may need this processor.
    if (waitsForLane && this.#options.channels.shareProcessor) return false;
    return this.#spin.begins(performance.now(), this.#requests, waitsForLane);
  }

  #sleep(): void {
    this.#idleTurns = 0;
    let hasMore = this.#woken.length > 0;
    let timeoutMs = this.#down().length > 0 ? REVIEW_MS : -1;
    this.#keepAwake((ring) => {
      if (ring.fallAsleep()) return hasMore = true;
      const { lookAgainMs } = ring;
      if (lookAgainMs < 0) return false;
      timeoutMs = timeoutMs < 0
        ? lookAgainMs
        : Math.min(timeoutMs, lookAgainMs);
      return true;
    });
    if (!hasMore) this.#wait(timeoutMs);
  }

  #wait(timeoutMs: number): void {
    const { words, rest, commands, channels, kicks } = this.#options;
    Atomics.store(words, WakeWord.Asleep, 1); // model: asleep
    const haveEnded = channels.fallAsleep();
    // Rings that had their turn before that look once more.
    const haveCollected = channels.takeCollected() && this.#awake.length > 1;
    // model: last look
    if (!haveEnded && !haveCollected && !commands.haveCome) {
      noteSleep(rest);
      kicks.wait(timeoutMs, this.#kicked); // model: wait
      noteWaking(rest);
    }
    channels.stayAwake();
    Atomics.store(words, WakeWord.Asleep, 0); // model: awake
    for (const settings of this.#down()) settings.review();
  }

  /** Carries out all commands that have come since the last time. */
  #takeCommands(): void {
    const { commands } = this.#options;
    while (!this.#exiting && !this.#wanted && commands.haveCome) {
      this.#carryOut(commands.next());
    }
  }

  takeAnnouncements(): void {
    this.#options.commands.takeSome((command) => {
      if (!isAnnouncement(command)) return false;
      const seat = this.#seats.get(command.guest);
      seat?.carryOut(command);
      return seat !== undefined;
    });
  }

  #carryOut(command: Command): void {
    switch (command.kind) {
      case "settings":
      case "pause":
        this.#wanted = command;
        return;
      case "hold":
        return this.#options.hold(command.backend, command.reason);
      case "drain":
        for (const settings of this.#settings.values()) {
          if (typeof settings === "string") continue;
          settings.placement.drain(command.backend, command.isDrained);
        }
        return;
      case "exit":
        this.#exiting = true;
        return;
      case "join":
        return this.#join(command.guest, command.start);
      default: {
        const seat = this.#seats.get(command.guest);
        if (!seat) return this.#answerAbsent(command);
        if (command.kind === "leave") this.#seats.delete(command.guest);
        seat.carryOut(command);
      }
    }
  }

  /** A guest that could not join waits for answers all the same. */
  #answerAbsent(command: GuestCommand & { readonly guest: number }): void {
    if (!("sequence" in command)) return;
    const { guest, sequence } = command;
    this.#options.report({ kind: "done", guest, sequence, base: 0 });
  }

  #join(guest: number, start: GuestStart): void {
    const report = (report: GuestReport) =>
      this.#options.report({ ...report, guest });
    const settings = this.#settings.get(start.settings)!;
    if (typeof settings === "string") {
      return report({ kind: "failed", reason: settings });
    }
    this.#seats.set(guest, new GuestSeat(start, settings, this, report));
  }
}

/** Associations come in the order of their sessions, or would lose them. */
const isAnnouncement = (
  command: Command,
): command is Announcement & { readonly guest: number } =>
  command.kind === "opened" || command.kind === "closed" ||
  command.kind === "association" || command.kind === "association removed";
