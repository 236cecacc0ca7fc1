/**
 * What the thread that the kit runs on asks the thread of an asynchronous
 * backend; all of it is structured-cloneable. It waits for each answer.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type {
  BackendOptions,
  OperationKind,
  Probe,
} from "../../backends/backend.ts";
import type { AlgorithmReport, ConformanceReport } from "../report.ts";

/** One operation, copied. */
export interface BridgedOperation {
  readonly number: number;
  readonly session: number;
  readonly kind: OperationKind;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly source: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array<ArrayBuffer>;
  readonly destinationBytes: number;
  /** What the digest holds, which is an input for some. */
  readonly digest: Uint8Array<ArrayBuffer>;
  readonly cipherStart: number;
  readonly cipherBytes: number;
  readonly hashStart: number;
  readonly hashBytes: number;
}

/** What came of one. */
export interface BridgedOutcome {
  readonly number: number;
  readonly status: number;
  readonly writtenBytes: number;
  readonly destination: Uint8Array<ArrayBuffer>;
  readonly digest: Uint8Array<ArrayBuffer>;
}

/** A question; `thread` is a number of what `open` gave. */
export type Question =
  | { readonly ask: "probe"; readonly options: BackendOptions }
  | { readonly ask: "open"; readonly options: BackendOptions }
  | {
    readonly ask: "openSession";
    readonly thread: number;
    readonly description: SessionDescription;
  }
  | {
    readonly ask: "closeSession";
    readonly thread: number;
    readonly session: number;
  }
  | {
    readonly ask: "run";
    readonly thread: number;
    readonly operations: readonly BridgedOperation[];
  }
  /** Answered when at least one operation has ended. */
  | { readonly ask: "poll"; readonly thread: number }
  | { readonly ask: "close"; readonly thread: number };

/** An answer: a value, or what was thrown. */
export type Answer =
  | {
    readonly value:
      | undefined
      | number
      | Probe
      | readonly BridgedOutcome[];
    /** What `openSession` left of the keys that it was given. */
    readonly keys?: readonly Uint8Array[];
  }
  | { readonly thrown: string; readonly isHopeless: boolean };

/** Given to the kit's thread. */
export interface BridgeSetup {
  readonly port: MessagePort;
  /** Counts the answers. */
  readonly answers: SharedArrayBuffer;
  readonly name: string;
  readonly contract: number;
  readonly options: {
    readonly backendOptions?: BackendOptions;
    readonly seed?: number;
    readonly only?: string;
  };
}

/** What the kit's thread tells. */
export type Told =
  | { readonly tell: "question"; readonly question: Question }
  | { readonly tell: "begins"; readonly name: string }
  | { readonly tell: "progress"; readonly entry: AlgorithmReport }
  | { readonly tell: "report"; readonly report: ConformanceReport }
  | { readonly tell: "error"; readonly reason: string };
