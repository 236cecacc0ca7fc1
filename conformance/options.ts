/**
 * Settings of a run of the kit.
 *
 * @module
 */

import type { Backend, BackendOptions } from "../backends/backend.ts";
import type { AlgorithmReport } from "./report.ts";

/** Settings of a run; all have defaults. */
export interface ConformanceOptions {
  /** What the backend is probed and opened with; default: nothing. */
  readonly backendOptions?: BackendOptions;
  /**
   * A second backend to compare with, besides the kit's own opinion; not with an
   * asynchronous one.
   */
  readonly reference?: Backend;
  /** Repeats a run; random where it is absent. */
  readonly seed?: number;
  /** One qualified algorithm name, or `contract`, `chain` or `burst`. */
  readonly only?: string;
  /** Hears the name of each algorithm or group when it begins. */
  readonly begins?: (name: string) => void;
  /** Hears of each algorithm or group when it is done with. */
  readonly progress?: (entry: AlgorithmReport) => void;
}
