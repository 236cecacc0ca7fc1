/**
 * The backend on one queue thread: requests go into slots and rings, answers
 * are polled for, and what the device does not answer is given up in time.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import { ProcessOrdinal } from "../../ffi/native_call.ts";
import type { CompletionCallback } from "../../ffi/qat_completion.ts";
import { CPA } from "../../ffi/qat_layout.ts";
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationStatus,
} from "../backend.ts";
import { isRefusedStatus, RefusedSession } from "./cpa_session.ts";
import type { Instance, QatDevice } from "./device.ts";
import { openSession } from "./open_session.ts";
import { RetiredSessions } from "./retired_sessions.ts";
import { type QatSession, type SessionContext, SETTLED } from "./session.ts";
import {
  endWithout,
  type Ring,
  type Slot,
  SlotPool,
  type SlotUser,
} from "./slots.ts";
import { WaitingList } from "./waiting_list.ts";

/** How often the library is asked for events of its devices. */
const EVENTS_MS = 1000;

/** How long `close` waits for requests that the device still has. */
const CLOSE_MS = 200;

/** When so many slots are lost, the device is not to be trusted. */
const MANY_LOST_SLOTS = 32;

const RINGS: readonly Ring[] = ["symmetric", "public-key"];

/** The backend opened on one thread. */
export class QatThread implements BackendThread {
  readonly #device: QatDevice;
  readonly #callback: CompletionCallback;
  readonly #deadlineMs: number;
  readonly #ordinal = new ProcessOrdinal();
  /** The instances that this thread polls. */
  readonly #polled: readonly Deno.PointerObject[];
  readonly #context: SessionContext;
  readonly #slots: SlotPool;
  readonly #sessions = new Set<QatSession>();
  readonly #retired = new RetiredSessions();
  readonly #waiting: Readonly<Record<Ring, WaitingList>> = {
    "symmetric": new WaitingList(),
    "public-key": new WaitingList(),
  };
  /** What the library has, in the order of submission. */
  #inFlight: Slot[] = [];
  /** Takes the place of `#inFlight`, to compact it without allocating. */
  #spare: Slot[] = [];
  #failure: string | undefined;
  /** Whether the device was seen to restart since it last worked. */
  #wasReset = false;
  #nextEventsAt = 0;

  constructor(
    device: QatDevice,
    callback: CompletionCallback,
    deadlineMs: number,
  ) {
    this.#device = device;
    this.#callback = callback;
    this.#deadlineMs = deadlineMs;
    this.#slots = new SlotPool(device.usdm);
    const symmetric = this.#choose(device.symmetric);
    const publicKey = this.#choose(device.publicKey);
    this.#polled = [...new Set([symmetric, publicKey])]
      .filter((handle) => handle !== null);
    this.#context = {
      symbols: device.qat.symbols,
      usdm: device.usdm,
      symmetric,
      publicKey,
      callback: callback.pointer,
      retired: this.#retired,
    };
  }

  /** Threads take turns at the instances. */
  #choose(instances: readonly Instance[]): Deno.PointerObject | null {
    const turn = Math.max(0, this.#ordinal.value) % instances.length;
    return instances[turn]?.handle ?? null;
  }

  openSession(description: SessionDescription): BackendSession {
    const session = openSession(this.#context, description);
    this.#sessions.add(session);
    return session;
  }

  closeSession(session: BackendSession): void {
    if (this.#sessions.delete(session as QatSession)) {
      (session as QatSession).close();
    }
  }

  run(operations: readonly Operation[], count: number): void {
    const now = performance.now();
    this.#pollEvents(now);
    for (let i = 0; i < count; i++) this.#accept(operations[i]!, now);
    for (const ring of RINGS) this.#submitWaiting(ring);
    this.#pollOnce(now);
  }

  #accept(operation: Operation, now: number): void {
    if (this.#failure !== undefined) {
      return endWithout(operation, OperationStatus.Unavailable);
    }
    operation.status = OperationStatus.Pending;
    this.#enqueue(operation, now + this.#deadlineMs);
  }

  #enqueue(operation: Operation, overdueAt: number): void {
    const session = operation.session as QatSession;
    const dataBytes = session.admit(operation);
    if (dataBytes === SETTLED) return;
    if (!this.#waiting[session.ring].add(operation, dataBytes, overdueAt)) {
      endWithout(operation, OperationStatus.Elsewhere);
    }
  }

  /** Hands on what waits, until slots or the ring's entries run out. */
  #submitWaiting(ring: Ring): void {
    const waiting = this.#waiting[ring];
    while (waiting.count > 0) {
      const operation = waiting.first;
      const slot = this.#slots.take(waiting.firstDataBytes);
      if (!slot) return;
      slot.operation = operation;
      slot.session = operation.session as SlotUser;
      slot.overdueAt = waiting.firstOverdueAt;
      const status = this.#fill(slot.session, operation, slot);
      if (status !== OperationStatus.Pending) {
        endWithout(operation, status);
        this.#slots.giveBack(slot);
        waiting.remove();
      } else if (!this.#submit(waiting, slot)) return;
    }
  }

  /** The library may refuse a session that a request needs. */
  #fill(
    session: SlotUser,
    operation: Operation,
    slot: Slot,
  ): OperationStatus {
    try {
      return session.fill(operation, slot);
    } catch (error) {
      return error instanceof RefusedSession && !error.isForGood
        ? OperationStatus.Unavailable
        : OperationStatus.Elsewhere;
    }
  }

  /** Hands on the first that waits; false where that has to stop. */
  #submit(waiting: WaitingList, slot: Slot): boolean {
    slot.clearCompletion();
    const status = slot.session!.submit(slot);
    if (status === CPA.CPA_STATUS_SUCCESS) {
      waiting.remove();
      this.#inFlight.push(slot);
      return true;
    }
    this.#slots.giveBack(slot);
    if (isRefusedStatus(status)) {
      endWithout(waiting.first, OperationStatus.Elsewhere);
      waiting.remove();
      return true;
    }
    // A full ring has room later.
    if (status !== CPA.CPA_STATUS_RETRY) this.#fail(this.#describe(status));
    return false;
  }

  poll(): number {
    const now = performance.now();
    this.#pollEvents(now);
    return this.#pollOnce(now);
  }

  /** Completes what the library has finished; returns how many. */
  #pollOnce(now: number): number {
    let completed = 0;
    if (this.#inFlight.length > 0) {
      const failure = this.#pollInstances();
      completed = this.#collect(now, failure === undefined);
      if (failure !== undefined) this.#fail(failure);
    }
    for (const ring of RINGS) this.#submitWaiting(ring);
    this.#expireWaiting(now);
    return completed;
  }

  /** Why an instance does not work, where one does not. */
  #pollInstances(): string | undefined {
    let failure: string | undefined;
    for (const instance of this.#polled) {
      const status = this.#device.qat.symbols.icp_sal_CyPollInstance(
        instance,
        0,
      );
      if (
        status === CPA.CPA_STATUS_SUCCESS || status === CPA.CPA_STATUS_RETRY
      ) continue;
      failure = this.#describe(status);
    }
    return failure;
  }

  #describe(status: number): string {
    if (status !== CPA.CPA_STATUS_RESTARTING) return `libqat answers ${status}`;
    this.#wasReset = true;
    return "the device restarts after an error";
  }

  /** Takes what is done or overdue out of the list, keeping its order. */
  #collect(now: number, isDeviceWell: boolean): number {
    const slots = this.#inFlight;
    const kept = this.#spare;
    let completed = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      if (slot.isDone) completed += this.#finish(slot, isDeviceWell);
      else if (now >= slot.overdueAt) this.#giveUp(slot);
      else kept.push(slot);
    }
    slots.length = 0;
    this.#spare = slots;
    this.#inFlight = kept;
    this.#slots.releaseAnswered();
    return completed;
  }

  /** 1 when the operation is over. */
  #finish(slot: Slot, isDeviceWell: boolean): number {
    const operation = slot.operation!;
    const session = slot.session!;
    if (slot.cpaStatus === CPA.CPA_STATUS_SUCCESS) {
      operation.status = session.finish(operation, slot);
    } else {
      session.dropped?.();
      endWithout(operation, statusOfFailure(session, isDeviceWell));
    }
    this.#slots.giveBack(slot);
    if (operation.status !== OperationStatus.Pending) return 1;
    // The hardware asks for other numbers: the request starts again.
    this.#enqueue(operation, slot.overdueAt);
    return 0;
  }

  /** The device may still write to the slot: nobody else gets it. */
  #giveUp(slot: Slot): void {
    endWithout(slot.operation!, OperationStatus.Unavailable);
    this.#slots.quarantine(slot);
  }

  #expireWaiting(now: number): void {
    for (const ring of RINGS) {
      const waiting = this.#waiting[ring];
      while (waiting.count > 0 && now >= waiting.firstOverdueAt) {
        endWithout(waiting.first, OperationStatus.Unavailable);
        waiting.remove();
      }
    }
  }

  /** Nothing that is under way can be trusted to end. */
  #fail(reason: string): void {
    this.#failure ??= reason;
    for (const slot of this.#inFlight) this.#giveUp(slot);
    this.#inFlight.length = 0;
    for (const ring of RINGS) {
      const waiting = this.#waiting[ring];
      for (; waiting.count > 0; waiting.remove()) {
        endWithout(waiting.first, OperationStatus.Unavailable);
      }
    }
  }

  /** Only this call makes the library notice that a device failed or works. */
  #pollEvents(now: number): void {
    if (now < this.#nextEventsAt) return;
    this.#nextEventsAt = now + EVENTS_MS;
    this.#device.qat.symbols.icp_sal_poll_device_events();
    const failure = this.#pollInstances();
    if (failure !== undefined) this.#fail(failure);
    this.#retired.remove();
  }

  health(): string | undefined {
    this.#device.qat.symbols.icp_sal_poll_device_events();
    const failure = this.#pollInstances();
    if (failure !== undefined) {
      this.#fail(failure);
      return failure;
    }
    if (this.#failure !== undefined) this.#recover();
    this.#slots.releaseAnswered();
    const lost = this.#slots.quarantinedCount;
    return lost >= MANY_LOST_SLOTS
      ? `${lost} requests have not been answered`
      : undefined;
  }

  /** After a reset the device knows nothing of what it had before. */
  #recover(): void {
    this.#failure = undefined;
    if (!this.#wasReset) return;
    this.#wasReset = false;
    this.#slots.releaseAll();
    this.#retired.abandon();
  }

  close(): void {
    this.#drain();
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    this.#retired.remove();
    const isQuiet = this.#slots.quarantinedCount === 0;
    this.#slots.close();
    this.#ordinal.release();
    this.#device.close();
    // What has not been answered may still be called back.
    if (isQuiet) this.#callback.close();
  }

  #drain(): void {
    const end = performance.now() + CLOSE_MS;
    while (this.#inFlight.length > 0 && performance.now() < end) {
      this.#pollOnce(performance.now());
    }
    this.#fail("the backend is closed");
  }
}

/**
 * Numbers alone can make a public-key request fail, so that a guest could: it
 * says something of the device only when the device says so too.
 */
function statusOfFailure(
  session: SlotUser,
  isDeviceWell: boolean,
): OperationStatus {
  return session.ring === "public-key" && isDeviceWell
    ? OperationStatus.Elsewhere
    : OperationStatus.Unavailable;
}
