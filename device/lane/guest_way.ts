/**
 * One guest's part of the channel that the guests of a thread share.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import { OperationStatus } from "../../backends/backend.ts";
import type { LaneEntry, LaneHandle, LaneWay } from "./lane_thread.ts";

/** What one guest may have on the way at a time, so that others find room. */
const SLOTS_OF_GUEST = 192;
/** What the copies of a guest may take; one operation may have more. */
const BYTES_OF_GUEST = 16 * 1024 * 1024;

/** A session of the channel, by its number there. */
export interface SharedHandle extends LaneHandle {
  readonly number: number;
}

/** The channel, as its guests use it. */
export interface SharedChannel {
  openSession(guest: number, description: SessionDescription): SharedHandle;
  closeSession(session: SharedHandle): void;
  /** Sends an operation; false: there is no room for it now. */
  begin(entry: LaneEntry, way: GuestWay): boolean;
  /** Has the lane look at what was sent. */
  ring(): void;
  /** Gives each guest what has ended of its own. */
  collect(): void;
  /** Hears that a guest was given what had ended of its own. */
  collected(): void;
  /** Why the backend cannot work, as it said the last time; asks anew. */
  health(): string | undefined;
}

/** The way of one guest. */
export class GuestWay implements LaneWay {
  readonly #channel: SharedChannel;
  readonly #guest: number;
  readonly #handles = new Set<SharedHandle>();
  #ended: { entry: LaneEntry; release: () => void }[] = [];
  #closed = false;
  #entries = 0;
  #bytes = 0;

  constructor(channel: SharedChannel, guest: number) {
    this.#channel = channel;
    this.#guest = guest;
  }

  openSession(description: SessionDescription): LaneHandle {
    const handle = this.#channel.openSession(this.#guest, description);
    this.#handles.add(handle);
    return handle;
  }

  closeSession(session: LaneHandle): void {
    const handle = session as SharedHandle;
    if (this.#handles.delete(handle)) this.#channel.closeSession(handle);
  }

  tryOpening(): Promise<string | undefined> {
    return Promise.reject(new Error("The thread of rings opens no sessions"));
  }

  /** An operation that does not come back counts as unavailable. */
  giveUp(entry: LaneEntry): void {
    if (!entry.operation || entry.status !== OperationStatus.Pending) return;
    entry.status = OperationStatus.Unavailable;
    this.#ended.push({ entry, release: () => {} });
  }

  isFull(bytes: number): boolean {
    return this.#entries >= SLOTS_OF_GUEST ||
      (this.#bytes > 0 && this.#bytes + bytes > BYTES_OF_GUEST);
  }

  sent(bytes: number): void {
    this.#entries++;
    this.#bytes += bytes;
  }

  ended(entry: LaneEntry, bytes: number, release: () => void): void {
    this.#entries--;
    this.#bytes -= bytes;
    // Nobody collects any more, and what it holds is everybody's.
    if (this.#closed) return release();
    this.#ended.push({ entry, release });
  }

  begin(entry: LaneEntry): boolean {
    return this.#channel.begin(entry, this);
  }

  flush(): void {
    this.#channel.ring();
  }

  collect(ended: (entry: LaneEntry) => void): void {
    this.#channel.collect();
    const list = this.#ended;
    if (list.length === 0) return;
    this.#ended = [];
    for (const { entry, release } of list) {
      ended(entry);
      release();
    }
    this.#channel.collected();
  }

  health(): string | undefined {
    return this.#channel.health();
  }

  /** Operations that are under way come back to nobody. */
  close(): void {
    this.#closed = true;
    for (const { release } of this.#ended.splice(0)) release();
    for (const handle of this.#handles) this.#channel.closeSession(handle);
    this.#handles.clear();
  }
}
