/**
 * A lane in the program's own event loop: for devices in process.
 *
 * @module
 */

import {
  copyDescription,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../../backends/backend.ts";
import { copyJob, jobBytes } from "./copies.ts";
import { type JobData, wipeJob } from "./job.ts";
import type { LaneEntry, LaneHandle, LaneWay } from "./lane_thread.ts";
import type { LaneSession } from "./lane_session.ts";
import type { Scheduler } from "./scheduler.ts";

/** What may be under way at a time. */
const ENTRIES = 256;
const BYTES = 64 * 1024 * 1024;

/** One device is one guest. */
const GUEST = 0;

interface Ended {
  readonly entry: LaneEntry;
  readonly data: JobData;
}

interface LocalHandle extends LaneHandle {
  readonly session: LaneSession;
}

/** Brings operations to a scheduler on the same thread. */
export class LocalWay implements LaneWay {
  readonly #scheduler: Scheduler;
  readonly #wake: () => void;
  #ended: Ended[] = [];
  #entries = 0;
  #bytes = 0;
  #wakes = false;
  #health: string | undefined = "it has not been asked yet";

  /** `wake` hears, once for many, that something has ended. */
  constructor(scheduler: Scheduler, wake: () => void) {
    this.#scheduler = scheduler;
    this.#wake = wake;
  }

  openSession(description: SessionDescription): LocalHandle {
    const own = copyDescription(description);
    return {
      isAead: description.service === "aead",
      session: this.#scheduler.open(GUEST, own),
    };
  }

  closeSession(handle: LaneHandle): void {
    void this.#scheduler.close((handle as LocalHandle).session);
  }

  tryOpening(description: SessionDescription): Promise<string | undefined> {
    return this.#scheduler.tryOpening(copyDescription(description));
  }

  begin(entry: LaneEntry): boolean {
    const operation = entry.operation!;
    const bytes = jobBytes(operation);
    if (
      this.#entries > 0 &&
      (this.#entries >= ENTRIES || this.#bytes + bytes > BYTES)
    ) return false;
    this.#entries++;
    this.#bytes += bytes;
    this.#submit(entry, operation, bytes);
    return true;
  }

  #submit(entry: LaneEntry, operation: Operation, bytes: number): void {
    const { session } = entry.session as LocalHandle;
    const data = copyJob(operation, entry.readsTag);
    this.#scheduler.submit({
      session,
      data,
      ended: (status, writtenBytes) => {
        entry.status = status;
        entry.writtenBytes = writtenBytes;
        this.#entries--;
        this.#bytes -= bytes;
        if (status === OperationStatus.Unavailable) this.#askHealth();
        if (!entry.operation) return wipeJob(data);
        entry.destination = data.destination;
        entry.digest = data.digest;
        this.#ended.push({ entry, data });
        this.#wakeSoon();
      },
    });
  }

  #wakeSoon(): void {
    if (this.#wakes) return;
    this.#wakes = true;
    queueMicrotask(() => {
      this.#wakes = false;
      this.#wake();
    });
  }

  flush(): void {}

  collect(ended: (entry: LaneEntry) => void): void {
    const entries = this.#ended;
    if (entries.length === 0) return;
    this.#ended = [];
    for (const { entry, data } of entries) {
      ended(entry);
      wipeJob(data);
    }
  }

  /** What it said the last time; asks anew for the next. */
  health(): string | undefined {
    const known = this.#health;
    this.#askHealth();
    return known;
  }

  #askHealth(): void {
    void this.#scheduler.health().then((health) => this.#health = health);
  }

  close(): void {
    void this.#scheduler.closeAll();
  }
}
