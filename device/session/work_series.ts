/**
 * What a guest's sessions have done on one thread, by backend, service and
 * algorithm: numbers in flat memory, which another thread may read meanwhile.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { needsOf, serviceOfSession } from "./session_needs.ts";

/** What is counted together. */
export interface WorkKind {
  readonly backend: string;
  readonly service: Service;
  /** Those of a chain with a plus sign. */
  readonly algorithm: string;
}

/** Words of a series. */
export const SERIES_WORDS = 3;

/** The words of a series. */
export const enum SeriesField {
  /** Requests that were answered with OK. */
  Requests = 0,
  /** Bytes of their chains. */
  Bytes = 1,
  /** Requests that were answered otherwise. */
  Failures = 2,
}

/** Series of a guest on a thread; what is more has the last one together. */
export const MOST_SERIES = 64;
/** What the last series is called: a guest decides how many kinds there are. */
export const OTHER_ALGORITHMS = "other";

/** Length of the memory of all series. */
export const SERIES_BYTES = 8 * SERIES_WORDS * MOST_SERIES;

/** The algorithms of a session, without their service. */
function algorithmsOf(session: SessionDescription): string {
  const names = needsOf(session).map(({ algorithm }) =>
    algorithm.slice(algorithm.indexOf(".") + 1)
  );
  return names.join("+");
}

/** Counts by kind; who counts knows kinds by their index. */
export class WorkSeries {
  /** Indexed by {@linkcode SERIES_WORDS} and {@linkcode SeriesField}. */
  readonly counters: Float64Array;
  /** By index. */
  readonly kinds: WorkKind[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #began: (index: number, kind: WorkKind) => void;

  /** `memory` has {@linkcode SERIES_BYTES}; `began` hears of each new kind. */
  constructor(
    memory: ArrayBufferLike = new ArrayBuffer(SERIES_BYTES),
    began: (index: number, kind: WorkKind) => void = () => {},
  ) {
    this.counters = new Float64Array(memory);
    this.#began = began;
  }

  /** The index of what `backend` does for `session`. */
  indexOf(backend: string, session: SessionDescription): number {
    const algorithm = algorithmsOf(session);
    const name = `${backend} ${session.service} ${algorithm}`;
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const last = MOST_SERIES - 1;
    if (this.kinds.length > last) return last;
    const index = this.kinds.length;
    const service = serviceOfSession(session);
    const kind = {
      backend,
      service,
      algorithm: index === last ? OTHER_ALGORITHMS : algorithm,
    };
    this.kinds.push(kind);
    if (index < last) this.#indexes.set(name, index);
    this.#began(index, kind);
    return index;
  }
}
