/**
 * What the guests of one socket have had, one front-end after another: the
 * threads count in flat memory of a ring or a seat, and the main thread adds up.
 *
 * @module
 */

import { Counter, COUNTERS } from "../../queue_counts.ts";
import {
  SERIES_BYTES,
  SERIES_WORDS,
  type WorkKind,
} from "../../session/work_series.ts";

/** Where a data ring counts, indexed by `Counter`. */
export type QueueCounters = Float64Array<SharedArrayBuffer>;

/** What a guest does on one thread, by kind. */
export class SeatWork {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(SERIES_BYTES);
  /** By index; the thread tells of each. */
  readonly kinds: WorkKind[] = [];
}

/** Work of one kind; indexed by `SeriesField`. */
export interface Work {
  readonly kind: WorkKind;
  readonly counters: Float64Array;
}

/** Counts of one socket from the start of the process on. */
export class GuestUsage {
  readonly #live = new Map<QueueCounters, number>();
  readonly #past = new Map<number, Float64Array>();
  readonly #seats = new Set<SeatWork>();
  readonly #pastWork = new Map<string, Work>();

  /** Counters for a ring that a guest begins to have. */
  addQueue(index: number): QueueCounters {
    const counters = new Float64Array(new SharedArrayBuffer(8 * COUNTERS));
    this.#live.set(counters, index);
    return counters;
  }

  /** The ring is gone: nobody counts there any more. */
  endQueue(counters: QueueCounters): void {
    const index = this.#live.get(counters);
    if (index === undefined) return;
    this.#live.delete(counters);
    counters[Counter.InFlight] = 0;
    addTo(this.#past, index, counters);
  }

  /** Counters for a guest that begins to have rings on a thread. */
  addSeat(): SeatWork {
    const seat = new SeatWork();
    this.#seats.add(seat);
    return seat;
  }

  /** The guest has left the thread: nobody counts there any more. */
  endSeat(seat: SeatWork): void {
    if (!this.#seats.delete(seat)) return;
    addWork(this.#pastWork, seat);
  }

  /** All that data queues have counted, by queue; indexed by `Counter`. */
  queues(): ReadonlyMap<number, Float64Array> {
    const sums = new Map<number, Float64Array>();
    for (const [index, counters] of this.#past) addTo(sums, index, counters);
    for (const [counters, index] of this.#live) addTo(sums, index, counters);
    return sums;
  }

  /** All work, each kind once. */
  work(): readonly Work[] {
    const sums = new Map<string, Work>();
    for (const [name, { kind, counters }] of this.#pastWork) {
      sums.set(name, { kind, counters: counters.slice() });
    }
    for (const seat of this.#seats) addWork(sums, seat);
    return [...sums.values()];
  }
}

function addTo(
  sums: Map<number, Float64Array>,
  index: number,
  counters: Float64Array,
): void {
  const sum = sums.get(index) ?? new Float64Array(COUNTERS);
  sums.set(index, sum);
  for (let i = 0; i < COUNTERS; i++) sum[i]! += counters[i]!;
}

function addWork(sums: Map<string, Work>, { memory, kinds }: SeatWork): void {
  const all = new Float64Array(memory);
  for (const [index, kind] of kinds.entries()) {
    const { backend, service, algorithm } = kind;
    const name = `${backend} ${service} ${algorithm}`;
    const sum = sums.get(name) ??
      { kind, counters: new Float64Array(SERIES_WORDS) };
    sums.set(name, sum);
    for (let i = 0; i < SERIES_WORDS; i++) {
      sum.counters[i]! += all[SERIES_WORDS * index + i]!;
    }
  }
}
