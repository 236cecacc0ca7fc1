/**
 * What a data queue counts of its requests, where others see it.
 *
 * @module
 */

import { BURST_WORDS, BurstField } from "../backends/request_burst.ts";
import { LATENCY_WORDS, LatencySamples } from "./latency.ts";
import {
  NOBODY,
  type RequestSlots,
  SLOT_WORDS,
  SlotField,
} from "./request_slots.ts";
import type { ChainSlots } from "./ring/chain_slots.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { ThreadSessions } from "./session/thread_sessions.ts";
import { SERIES_WORDS, SeriesField } from "./session/work_series.ts";
import { Status } from "./wire/status.ts";

// The engine folds constants of a module of its own only.
const FIELDS = BURST_WORDS;
const STATUS = BurstField.Status;
const ROUTE = BurstField.Session;
const WORDS = SLOT_WORDS;
const SESSION = SlotField.Session;
const BACKEND = SlotField.Backend;
const NONE = NO_SESSION;
const NO_BACKEND = NOBODY;
const SERIES = SERIES_WORDS;
const SERIES_REQUESTS = SeriesField.Requests;
const SERIES_BYTES = SeriesField.Bytes;
const SERIES_FAILURES = SeriesField.Failures;
const OK: number = Status.Ok;
/** Above every slot; the engine knows what a masked number cannot be. */
const MASK = 0xffff;

/** Indices of a queue's counters. */
export const enum Counter {
  Requests = 0,
  /** Requests whose status was not OK. */
  Failures = 1,
  /** Bytes of their chains, headers and status included. */
  Bytes = 2,
  /** Operations that another backend took over. */
  MovedOn = 3,
  /** Milliseconds that requests have waited for the guest's rates. */
  WaitedMs = 4,
  /** Where the ring stands, behind all that has been taken: its base. */
  Base = 5,
  /** Requests that were taken and are not answered yet. */
  InFlight = 6,
  /** Requests by the status that they were answered with: eight words. */
  ByStatus = 7,
  /** The words of `LatencySamples`. */
  Latency = 15,
}

/** A status takes one of eight words; there are no more. */
const STATUS_MASK = 7;

/** Length of a queue's counters. */
export const COUNTERS = Counter.Latency + LATENCY_WORDS;

/** Counts what has ended of one data queue. */
export class QueueCounts {
  readonly #counters: Float64Array;
  readonly #requests: RequestSlots;
  readonly #chains: ChainSlots;
  readonly #sessions: ThreadSessions;
  /** How long some of them have taken. */
  readonly latency: LatencySamples;

  /** `counters` are indexed by {@linkcode Counter}. */
  constructor(
    counters: Float64Array,
    requests: RequestSlots,
    chains: ChainSlots,
    sessions: ThreadSessions,
  ) {
    this.#counters = counters;
    this.#requests = requests;
    this.#chains = chains;
    this.#sessions = sessions;
    this.latency = new LatencySamples(counters.subarray(Counter.Latency));
  }

  /**
   * Counts requests that went one route, as that of `slot` did, by what was done and
   * by whom.
   */
  alike(slot: number, requests: number, bytes: number): void {
    const { fields } = this.#requests.burst;
    const route = fields[FIELDS * (slot & MASK) + ROUTE]!;
    const { work, backends } = this.#sessions;
    const at = SERIES * backends.table.series[route]!;
    work.counters[at + SERIES_REQUESTS]! += requests;
    work.counters[at + SERIES_BYTES]! += bytes;
  }

  /**
   * The same for the first `count` of `slots`, which went several routes, or were
   * refused in part.
   */
  each(slots: Int32Array<ArrayBuffer>, count: number): void {
    const { burst, words } = this.#requests;
    const { fields } = burst;
    const { work, backends } = this.#sessions;
    const { series } = backends.table;
    const { counters } = work;
    const { readableBytes, writableBytes } = this.#chains;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]! & MASK;
      const status = fields[FIELDS * slot + STATUS]!;
      if (status !== OK) {
        this.#counters[Counter.ByStatus + (status & STATUS_MASK)]!++;
        if (words[WORDS * slot + BACKEND] === NO_BACKEND) continue;
      }
      const at = SERIES * series[fields[FIELDS * slot + ROUTE]!]!;
      if (status !== OK) {
        counters[at + SERIES_FAILURES]!++;
        continue;
      }
      counters[at + SERIES_REQUESTS]!++;
      counters[at + SERIES_BYTES]! += readableBytes[slot]! +
        writableBytes[slot]!;
    }
  }

  /** Notes how long the request of `slot` has taken, or waits for its end. */
  time(slot: number): void {
    const { burst, words } = this.#requests;
    if (words[WORDS * slot + SESSION] !== NONE) {
      return this.latency.waitsFor(slot);
    }
    const { work, backends } = this.#sessions;
    const at = FIELDS * slot;
    const isServed = burst.fields[at + STATUS] === OK;
    const series = backends.table.series[burst.fields[at + ROUTE]!];
    this.latency.ended(isServed ? work.kinds[series!]?.service : undefined);
  }

  /** Counts requests that have ended, however they did. */
  all(ended: number, refused: number, endedBytes: number): void {
    const counters = this.#counters;
    counters[Counter.Requests]! += ended;
    counters[Counter.Failures]! += refused;
    counters[Counter.Bytes]! += endedBytes;
  }
}
