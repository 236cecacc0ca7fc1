/**
 * The guest of one front-end: its rings and its memory.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import type { Libc } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import type { Device } from "../../device.ts";
import { logBytesFor } from "../../ring/dirty_log.ts";
import { STATUS_NEEDS_RESET } from "../../wire/device_status.ts";
import { F_LOG_ALL } from "../../wire/features.ts";
import {
  type FrontEndState,
  isGeneric,
  isSuspended,
  newFrontEndState,
} from "./front_end_state.ts";
import type {
  FrontEndRecord,
  KeptLog,
  KeptNumber,
} from "./front_end_record.ts";
import { GuestSignals } from "./guest_signals.ts";
import type { GuestUsage } from "./guest_usage.ts";
import type { KeptGuest } from "./kept_guest.ts";
import type { Log } from "./log.ts";
import { InflightMemory } from "./inflight_memory.ts";
import { type LogMemory, mapLog } from "./log_memory.ts";
import { type MappedPlace, unmapFile } from "./mapped_file.ts";
import type { MemoryGuard } from "./memory_guard.ts";
import { MemoryTable } from "./memory_table.ts";
import type { LogDescription } from "./payloads.ts";
import { QueueRunners } from "./queue_runners.ts";
import type { QueueThreads } from "./queue_threads.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import { Rings } from "./rings.ts";
import type { Vring } from "./vring.ts";

/** How long the next front-end waits for threads of the last one. */
const CLOSE_MS = 500;

/** What is kept of a guest itself. */
export type GuestRecord = Pick<
  FrontEndRecord,
  | "state"
  | "rings"
  | "regions"
  | "log"
  | "inflight"
  | "offeredInflight"
  | "newestSession"
>;

/** What a guest is made with. */
export interface GuestOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly log: Log;
  readonly threads: QueueThreads;
  readonly memoryGuard: MemoryGuard;
  readonly maximumMemoryBytes?: number | undefined;
  /** Where it is counted what the guest has. */
  readonly usage: GuestUsage;
  /** Where the guest outlives this process; absent: it does not. */
  readonly kept?: KeptGuest | undefined;
  /** Hears that rings have started otherwise than by a message. */
  changed?(): void;
  /** Hears why the guest cannot be served any longer. */
  failed(reason: string): void;
}

/** Rings, memory and queue threads of one front-end. */
export class Guest {
  readonly rings: Rings;
  readonly memory: MemoryTable;
  readonly inflight: InflightMemory;
  /** What the front-end has said. */
  readonly state: FrontEndState;
  /** Settled when everything of a closed guest has been given back. */
  readonly finished: Promise<void>;
  readonly #options: GuestOptions;
  /** The number of a descriptor that is kept; 0 for one that is not. */
  readonly #numberOf: (fd: number) => KeptNumber;
  readonly #signals: GuestSignals;
  readonly #runners: QueueRunners;
  /** What the front-end has shared to be marked, whether it is or not. */
  #log: LogMemory | undefined;
  /** Those before it that somebody may still mark something in. */
  readonly #oldLogs: LogMemory[] = [];
  #toldShortLog = false;
  #markFinished = () => {};
  #ended = false;

  constructor(options: GuestOptions) {
    const { libc, device } = options;
    this.#options = options;
    this.#numberOf = (fd) => options.kept?.descriptors.numberOf(fd) ?? 0;
    this.finished = new Promise((resolve) => this.#markFinished = resolve);
    this.memory = new MemoryTable({
      ...options,
      numberOf: this.#numberOf,
      lost: options.failed,
    });
    this.inflight = new InflightMemory({
      ...options,
      keep: (fd) => options.kept?.descriptors.keep(fd) ?? 0,
      numberOf: this.#numberOf,
      lost: options.failed,
    });
    this.state = newFrontEndState(device.queueCount);
    this.#signals = new GuestSignals(libc);
    const broken = (index: number, reason: string) =>
      this.#broken(index, reason);
    const { memory, state } = this;
    const signals = this.#signals;
    this.#runners = new QueueRunners({
      ...options,
      memory,
      signals,
      broken,
      stuck: (index, base) => this.rings.stuck.leaveThread(index, base),
      released: (index) => void this.rings.stuck.threadReleased(index),
    });
    const runners = this.#runners;
    this.rings = new Rings({
      ...options,
      memory,
      state,
      runners,
      inflight: this.inflight,
      journalOf: options.kept && ((ring) => options.kept!.journalOf(ring)),
      broken,
    });
  }

  /** Whether the front-end has stopped all rings. */
  get suspended(): boolean {
    return isSuspended(this.state);
  }

  /** All that the next process has to know of it, but for its sessions. */
  get record(): GuestRecord {
    return {
      state: this.state,
      rings: this.rings.keep(this.#numberOf),
      regions: this.memory.kept,
      log: this.#log,
      inflight: this.inflight.kept,
      offeredInflight: this.inflight.offeredNumber,
      newestSession: this.rings.drivers.newestSession,
    };
  }

  /**
   * Goes on as the process before has left it; a string says why that is
   * impossible.
   */
  async resume(
    record: GuestRecord,
    kept: KeptGuest,
  ): Promise<string | undefined> {
    const { rings, regions, log, state, newestSession } = record;
    const { inflight, offeredInflight } = record;
    if (rings.length !== this.state.rings.length) {
      return `it has ${rings.length} queues, and this device ` +
        `${this.state.rings.length}`;
    }
    const descriptorOf = (number: KeptNumber) => kept.descriptors.claim(number);
    const files = regions.map(({ file }) => descriptorOf(file));
    const problem = this.memory.replace(regions, files);
    for (const fd of new Set(files)) {
      if (fd >= 0) closeForeign(this.#options.libc, fd);
    }
    if (problem !== undefined) return problem;
    Object.assign(this.state, state, { rings: this.state.rings });
    const untracked = this.inflight.resume(
      inflight,
      offeredInflight,
      descriptorOf,
    );
    if (untracked !== undefined) return untracked;
    const logged = log && await this.#resumeLog(log, descriptorOf(log.file));
    if (logged !== undefined) return logged;
    await this.rings.resume(rings, newestSession, descriptorOf);
    return await this.rings.startAgain();
  }

  /** Device status as the driver sees it. */
  get status(): number {
    const { status } = this.state;
    const { needsReset } = this.#options.device;
    return needsReset ? status | STATUS_NEEDS_RESET : status;
  }

  /** Counters of the data queues that have a thread, by queue. */
  get counters(): ReadonlyMap<number, Float64Array> {
    return this.#runners.counters;
  }

  /** Back to the state before the driver; memory and descriptors stay. */
  async reset(): Promise<void> {
    const { device, log } = this.#options;
    await this.rings.reset();
    Object.assign(this.state, { status: 0, featuresTold: false });
    this.rings.drivers.begins("reset", "the device is reset");
    device.awaitDriver();
    log("info", "device reset");
  }

  /**
   * Device status 0. QEMU writes it after it has stopped the rings, when the
   * driver resets the device and when the guest only pauses; sessions then wait
   * for the rings to tell which it was.
   */
  async clearStatus(): Promise<void> {
    if (this.suspended && this.rings.drivers.isInDoubt) {
      Object.assign(this.state, { status: 0, featuresTold: false });
      this.#options.device.ringsRenewed();
    } else await this.reset();
  }

  /**
   * Takes the protocol features; returns why they cannot be had. They tell
   * whether the front-end has a control ring.
   */
  async changeProtocolFeatures(features: bigint): Promise<string | undefined> {
    const { state, rings } = this;
    if (isGeneric(features) !== isGeneric(state.protocolFeatures)) {
      if (rings.running) return "CONFIG comes or goes while rings run";
      await this.newOwner();
    }
    state.protocolFeatures = features;
    return undefined;
  }

  /**
   * Another device of the front-end has the connection from now on; QEMU's
   * `device_add` after `device_del` says so. Protocol features and the back-end's
   * channel stay: QEMU has sent those of the new device before.
   */
  async newOwner(): Promise<void> {
    const { device } = this.#options;
    const { sessions, administration } = device;
    const isNew = sessions.size === 0 && (administration?.isEmpty ?? true);
    if (!this.rings.used && isNew) return;
    await this.rings.stopAll();
    for (const { callFd, errorFd } of this.rings.all) {
      this.#signals.forget(callFd);
      this.#signals.forget(errorFd);
    }
    this.rings.renew();
    this.rings.drivers.begins("owner", "the connection has a new owner");
    device.awaitDriver();
    const { protocolFeatures, rings } = this.state;
    Object.assign(this.state, {
      ...newFrontEndState(rings.length),
      protocolFeatures,
      rings,
    });
    this.memory.log = undefined;
    this.memory.clear();
    await this.memoryChanged();
    this.inflight.renew();
    this.#dropLogs();
  }

  /** Notifies a ring's driver through another descriptor, -1 for none. */
  async changeCall(ring: Vring, fd: number): Promise<void> {
    const old = ring.callFd;
    ring.callFd = fd;
    // The thread may signal the old descriptor until it has heard of the new.
    await this.#runners.get(ring.index)?.changeCall(fd).catch(() => {});
    this.#discard(old);
  }

  /** Tells a ring's driver of errors through another descriptor, -1 for none. */
  changeError(ring: Vring, fd: number): void {
    const old = ring.errorFd;
    ring.errorFd = fd;
    this.#discard(old);
  }

  #discard(fd: number): void {
    if (fd < 0) return;
    this.#signals.forget(fd);
    closeForeign(this.#options.libc, fd);
  }

  /** Makes everybody use the memory as it is now, and unmaps the rest. */
  async memoryChanged(): Promise<void> {
    await this.#runners.changeMemory();
    if (!this.#runners.pinsMemory) this.memory.unmapRetired();
    await this.#memoryKnown();
  }

  /**
   * Has writes logged elsewhere; a string says why that cannot be. Settled when
   * nobody marks anything in the log before.
   */
  async changeLog(
    description: LogDescription,
    fd: number,
  ): Promise<string | undefined> {
    const { failed, ...options } = this.#options;
    const log = mapLog(description, fd, this.memory.end, {
      ...options,
      numberOf: this.#numberOf,
      lost: (what) => failed(`${what} is gone: its file was shortened`),
    });
    if (typeof log === "string") return log;
    const before = this.#log;
    this.#log = log;
    this.#toldShortLog = false;
    if (before) this.#oldLogs.push(before);
    await this.logChanged();
    this.#dropOldLogs();
    return undefined;
  }

  async #resumeLog(log: KeptLog, fd: number): Promise<string | undefined> {
    const problem = await this.changeLog(log, fd);
    if (fd >= 0) closeForeign(this.#options.libc, fd);
    return problem;
  }

  /** Has writes logged as the features have it, if there is a log. */
  async logChanged(): Promise<void> {
    const { memory, state } = this;
    const wanted = (state.features & F_LOG_ALL) === 0n ? undefined : this.#log;
    this.#checkLog(wanted);
    if (memory.log?.address === wanted?.address) return;
    memory.log = wanted && {
      address: wanted.address,
      lengthBytes: wanted.lengthBytes,
    };
    await this.#runners.changeMemory();
  }

  /** Makes everybody know of memory that was added; all rings go on. */
  async memoryGrew(): Promise<void> {
    await this.#runners.growMemory();
    await this.#memoryKnown();
  }

  /** What is past the end of the log is marked nowhere. */
  #checkLog(log: MappedPlace | undefined): void {
    if (!log || this.#toldShortLog) return;
    const neededBytes = logBytesFor(this.memory.end);
    if (log.lengthBytes >= neededBytes) return;
    this.#toldShortLog = true;
    this.#options.log(
      "warn",
      `a dirty log of ${log.lengthBytes} bytes for memory that needs ` +
        `${neededBytes}: what is written past its end is not marked`,
    );
  }

  async #memoryKnown(): Promise<void> {
    this.#checkLog(this.memory.log);
    await this.rings.memoryChanged();
    const { length } = this.memory.ranges;
    const mebibytes = Math.round(this.memory.totalBytes / 2 ** 20);
    this.#options.log(
      "info",
      `memory mapped: ${length} regions, ${mebibytes} MiB`,
    );
  }

  /**
   * Ends all threads and gives back memory and descriptors, once the message
   * under way is done with, too. A thread that is busy for long is left to
   * finish; what it uses is given back after that.
   */
  async close(underWay: Promise<void> | undefined): Promise<void> {
    this.#ended = true;
    this.rings.close();
    const ended = this.#runners.exit();
    this.#options.device.reset();
    const exited = Promise
      .all([underWay, ended, this.#signals.finished()])
      .then(() => this.#giveBack());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), CLOSE_MS);
    });
    if (await Promise.race([exited, late]) === "late") {
      this.#options.log("warn", "a queue thread is still busy");
    }
    clearTimeout(timer);
  }

  #giveBack(): void {
    this.memory.clear();
    this.memory.unmapRetired();
    this.#dropLogs();
    this.inflight.close();
    for (const ring of this.rings.all) ring.close();
    this.#markFinished();
  }

  /** Gives all logs back; nobody may have a view of them. */
  #dropLogs(): void {
    if (this.#log) this.#oldLogs.push(this.#log);
    this.#log = undefined;
    this.#dropOldLogs();
  }

  #dropOldLogs(): void {
    for (const log of this.#oldLogs.splice(0)) {
      unmapFile(this.#options.libc, log);
    }
  }

  #broken(index: number, reason: string): void {
    // A ring in memory that is gone is no ring.
    this.#options.memoryGuard.tellLosses();
    this.#signals.send(this.rings.all[index]!.errorFd);
    if (this.#ended) return;
    this.#options.device.ringBroken();
    this.#options.log("warn", `queue ${index} is broken: ${reason}`, {
      queue: index,
      reason,
    });
  }
}
