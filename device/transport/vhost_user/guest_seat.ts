/**
 * A guest on a queue thread: its sessions, its memory and its rings there.
 *
 * @module
 */

import { takeAnnouncement } from "../../session/announcement_memory.ts";
import { FailureNotes, reasonOf } from "../../session/failure.ts";
import { ThreadSessions } from "../../session/thread_sessions.ts";
import { WorkSeries } from "../../session/work_series.ts";
import type { GuestMemory } from "../../ring/guest_memory.ts";
import { addRange, guestMemoryOf, type MemoryRange } from "./memory_table.ts";
import { QueueRing, type RingGuest, type RingThread } from "./queue_ring.ts";
import { SeatAssociations } from "./seat_associations.ts";
import type { LoadedSettings } from "./loaded_settings.ts";
import type {
  CountersPlace,
  GuestCommand,
  GuestReport,
  GuestStart,
  RingStart,
  SharedMemory,
} from "./thread_messages.ts";
import type { Announcement } from "./thread_seat.ts";

const memoryOf = ({ ranges, log }: SharedMemory): GuestMemory | string =>
  guestMemoryOf(ranges, log);

type SeatCommand = Exclude<GuestCommand, { kind: "join" }>;

/** What a guest does with the thread that it is on. */
export interface SeatThread extends RingThread {
  /** Has kicks of the ring waited for. */
  watch(ring: QueueRing): void;
  /** The ring is gone; its descriptors may be closed. */
  forget(ring: QueueRing): void;
  /** Takes announcements that have come since. */
  takeAnnouncements(): void;
}

/** One guest with rings on this thread. */
export class GuestSeat implements RingGuest {
  readonly sessions: ThreadSessions;
  readonly associations: SeatAssociations | undefined;
  readonly settings: RingGuest["settings"];
  throttle: RingGuest["throttle"];
  readonly #thread: SeatThread;
  readonly #report: (report: GuestReport) => void;
  readonly #rings = new Map<number, QueueRing>();
  readonly #taken: Int32Array;
  readonly #unobserve: () => void;
  #memory: GuestMemory | string;
  #failed = false;

  constructor(
    start: GuestStart,
    loaded: LoadedSettings,
    thread: SeatThread,
    report: (report: GuestReport) => void,
  ) {
    this.#thread = thread;
    this.#report = report;
    this.settings = loaded.settings;
    this.throttle = start.throttle;
    this.associations = start.ivCounter &&
      new SeatAssociations(start.ivCounter);
    this.#taken = new Int32Array(start.taken);
    this.#memory = memoryOf(start.memory);
    const { note } = new FailureNotes((failure) =>
      report({ kind: "failure", failure })
    );
    this.#unobserve = loaded.shared.states.observe((backend, failure) =>
      report({ kind: "health", backend, failure })
    );
    this.sessions = new ThreadSessions(
      loaded.backendsOf(start),
      loaded.placement,
      note,
      () => thread.takeAnnouncements(),
      new WorkSeries(
        start.work,
        (index, work) => report({ kind: "work", index, work }),
      ),
    );
  }

  /**
   * Carries out a command for this guest, but for the first. What goes wrong at
   * that is its matter and no other guest's.
   */
  carryOut(command: SeatCommand): void {
    try {
      this.#carryOut(command);
    } catch (error) {
      const reason = reasonOf(error);
      for (const ring of this.#rings.values()) ring.fail(reason);
      this.failed(reason);
      if ("sequence" in command) this.#done(command.sequence);
    }
  }

  #carryOut(command: SeatCommand): void {
    switch (command.kind) {
      case "opened":
      case "closed":
      case "association":
      case "association removed":
        this.#hear(command);
        Atomics.add(this.#taken, 0, 1);
        return;
      case "keys":
        return this.sessions.keysChanged();
      case "throttle":
        this.throttle = command.throttle;
        for (const ring of this.#rings.values()) ring.changeThrottle();
        return;
      case "start":
        return this.#start(command.index, command.ring);
      case "look": {
        const ring = this.#rings.get(command.index);
        if (ring) this.#thread.wake(ring);
        return;
      }
      case "fail left":
        return this.#rings.get(command.index)?.failLeft(command.chains);
      case "stop":
        return this.#stop(command.index, command.sequence);
      case "call":
        this.#rings.get(command.index)?.changeCall(command.fd);
        return this.#done(command.sequence);
      case "memory":
        return this.#changeMemory(command.memory, command.sequence);
      case "grow":
        return this.#growMemory(command.range, command.sequence);
      case "leave":
        return this.#leave(command.sequence);
    }
  }

  #hear(announcement: Announcement): void {
    const { index, ownIndex } = this.sessions;
    switch (announcement.kind) {
      case "opened": {
        const { place, own } = announcement;
        const session = takeAnnouncement(place);
        return this.sessions.opened(session, own ? ownIndex : index);
      }
      case "closed": {
        const { id, own } = announcement;
        return this.sessions.closed(id, own ? ownIndex : index);
      }
      case "association":
        return this.associations!.set(announcement.association);
      case "association removed":
        return this.associations!.remove(announcement);
    }
  }

  throttled(index: number): void {
    this.#report({ kind: "throttled", index });
  }

  broken(index: number, reason: string): void {
    this.#report({ kind: "broken", index, reason });
  }

  failed(reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#report({ kind: "failed", reason });
  }

  #done(sequence: number, base = 0): void {
    this.#report({ kind: "done", sequence, base });
  }

  #start(index: number, start: RingStart & CountersPlace): void {
    const ring = new QueueRing(index, start, this, this.#thread);
    this.#rings.set(index, ring);
    this.#thread.watch(ring);
    this.#open(ring);
  }

  #open(ring: QueueRing): void {
    if (typeof this.#memory === "string") this.failed(this.#memory);
    else ring.open(this.#memory);
  }

  #stop(index: number, sequence: number): void {
    const ring = this.#rings.get(index);
    if (!ring) return this.#done(sequence);
    ring.stop(() => {
      this.#forget(ring);
      this.#done(sequence, ring.base);
    });
  }

  #forget(ring: QueueRing): void {
    this.#thread.forget(ring);
    this.#rings.delete(ring.index);
  }

  /** Has every ring stop; `then` is called when the last of them has. */
  #stopAll(then: () => void): void {
    let left = this.#rings.size;
    if (left === 0) return then();
    for (const ring of this.#rings.values()) {
      ring.stop(() => {
        if (--left === 0) then();
      });
    }
  }

  /** Goes on in another map of the guest's memory, or waits for a better one. */
  #changeMemory(memory: SharedMemory, sequence: number): void {
    this.#stopAll(() => {
      this.#memory = memoryOf(memory);
      for (const ring of this.#rings.values()) this.#open(ring);
      this.#done(sequence);
    });
  }

  /** Rings go on, and those that waited for this memory begin. */
  #growMemory(range: MemoryRange, sequence: number): void {
    if (typeof this.#memory !== "string") {
      const problem = addRange(this.#memory, range);
      if (problem !== undefined) this.failed(problem);
      for (const ring of this.#rings.values()) {
        if (!ring.isOpen) this.#open(ring);
      }
    }
    this.#done(sequence);
  }

  #leave(sequence: number): void {
    this.#stopAll(() => {
      for (const ring of [...this.#rings.values()]) this.#forget(ring);
      this.close();
      this.#done(sequence);
    });
  }

  /** Tells what of its rings is not answered: the thread does nothing more. */
  reportLeft(): void {
    for (const { index, left } of this.#rings.values()) {
      if (left.length > 0) this.#report({ kind: "left", index, chains: left });
    }
  }

  /** Closes all sessions; no ring of it may run. */
  close(): void {
    this.#unobserve();
    this.associations?.clear();
    this.sessions.clear();
  }
}
