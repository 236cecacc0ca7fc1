/**
 * How a data queue that is kept protects requests that write over their own
 * inputs: what they overwrite is written down before they run.
 *
 * @module
 */

import { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import type { RequestFormat } from "./request_format.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import { RingPositions } from "./ring/ring_positions.ts";
import type { UndoLog } from "./ring/undo_log.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { Status } from "./wire/status.ts";

/** Where such requests are written down. */
export interface UndoJournal {
  readonly log: UndoLog;
  /** Whether the process before has written down all that it began. */
  readonly isComplete: boolean;
}

/** The requests of one data queue, in the order of its ring. */
export class RequestUndo {
  readonly #log: UndoLog;
  readonly #virtqueue: Virtqueue;
  readonly #memory: GuestMemory;
  readonly #format: RequestFormat;
  readonly #positions: RingPositions;
  readonly #overwritten = new OverwrittenRanges();
  /** What another process has begun: whether that was undone, by position. */
  readonly #begun: Map<number, boolean>;
  readonly #isComplete: boolean;
  /** Of the request that comes next. */
  #position = 0;

  constructor(
    { log, isComplete }: UndoJournal,
    virtqueue: Virtqueue,
    memory: GuestMemory,
    format: RequestFormat,
  ) {
    this.#log = log;
    this.#virtqueue = virtqueue;
    this.#memory = memory;
    this.#format = format;
    this.#positions = new RingPositions(virtqueue.size, virtqueue.isPacked);
    const begun = log.read();
    this.#begun = new Map(
      (typeof begun === "string" ? [] : begun).map((
        { position, isSaved },
      ) => [position, isSaved]),
    );
    this.#isComplete = isComplete;
  }

  /** Whether nothing more is to be taken before what is out has been shown. */
  get isFull(): boolean {
    return !this.#log.isEmpty && this.#log.isFull;
  }

  /** Bytes that the next requests may have. */
  get roomBytes(): number {
    return this.#log.roomBytes;
  }

  /** Requests are taken from now on. */
  begin(): void {
    this.#position = this.#virtqueue.base & 0xffff;
  }

  /**
   * Follows the ring by one request, which was prepared just now with `status`, and
   * protects it where it is to run. `isAgain`: another process may have begun it.
   * Returns what it is refused with, or `status`.
   */
  take(slot: number, status: Status, isAgain: boolean): Status {
    const position = this.#position;
    const descriptors = this.#virtqueue.slots.ringDescriptors[slot]!;
    this.#position = this.#positions.after(position, descriptors);
    if (status !== Status.Ok) return status;
    const overwritten = this.#overwritten;
    this.#format.findOverwritten(slot, overwritten);
    if (!overwritten.any) return Status.Ok;
    if (isAgain) {
      const isUndone = this.#begun.get(position);
      if (isUndone === true) return Status.Ok;
      if (isUndone === false || !this.#isComplete) return Status.Error;
    }
    this.#log.add(position, overwritten, this.#memory);
    return Status.Ok;
  }

  /** Gives up what was written down of requests that the driver has seen. */
  shown(): void {
    if (this.#log.isEmpty) return;
    this.#log.free(this.#positions, this.#virtqueue.shown);
  }
}
