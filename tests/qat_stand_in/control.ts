/**
 * Settings of the stand-in for one test, and its faults on command.
 *
 * @module
 */

import type { Libraries } from "./parts.ts";

/** Settings by the names in control.c, without their prefix. */
export type Settings = Readonly<Record<string, string | number>>;

const PREFIX = "QAT_STAND_IN_";

/** Faults that `qat_stand_in_fault` knows; the number says how many requests. */
export type Fault =
  | "retry"
  | "fail"
  | "lose"
  | "bad-verify"
  | "fatal"
  | "restart"
  | "latency-us"
  | "null";

const QAT_SYMBOLS = {
  qat_stand_in_fault: {
    parameters: ["buffer", /* name */ "i64" /* count */],
    result: "void",
  },
  qat_stand_in_reset: { parameters: [], result: "void" },
  qat_stand_in_violations: { parameters: [], result: "i64" },
  qat_stand_in_executed: { parameters: [], result: "i64" },
} as const;

const USDM_SYMBOLS = {
  qat_stand_in_blocks: { parameters: [], result: "i64" },
} as const;

/** The stand-in as one test has set it. */
export class StandIn implements Disposable {
  readonly #qat: Deno.DynamicLibrary<typeof QAT_SYMBOLS>;
  readonly #usdm: Deno.DynamicLibrary<typeof USDM_SYMBOLS>;
  readonly #names: string[] = [];
  readonly #violations: bigint;
  readonly #blocks: bigint;

  /** No backend is open on the stand-in: it is started anew with the settings. */
  constructor({ library, usdm }: Libraries, settings: Settings = {}) {
    // In the order in which the backend loads them.
    this.#usdm = Deno.dlopen(usdm, USDM_SYMBOLS);
    this.#qat = Deno.dlopen(library, QAT_SYMBOLS);
    for (const [name, value] of Object.entries(settings)) {
      Deno.env.set(`${PREFIX}${name}`, String(value));
      this.#names.push(`${PREFIX}${name}`);
    }
    this.#qat.symbols.qat_stand_in_reset();
    this.#violations = this.#qat.symbols.qat_stand_in_violations();
    this.#blocks = this.#usdm.symbols.qat_stand_in_blocks();
  }

  fault(name: Fault, count = 1): void {
    this.#qat.symbols.qat_stand_in_fault(
      new TextEncoder().encode(`${name}\0`),
      BigInt(count),
    );
  }

  /** Misuse of memory that the stand-in has seen in this test. */
  get violations(): number {
    return Number(
      this.#qat.symbols.qat_stand_in_violations() - this.#violations,
    );
  }

  /** Requests that it has carried out, in all tests. */
  get executed(): number {
    return Number(this.#qat.symbols.qat_stand_in_executed());
  }

  /** Pinned blocks that this test has not given back. */
  get blocks(): number {
    return Number(this.#usdm.symbols.qat_stand_in_blocks() - this.#blocks);
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) Deno.env.delete(name);
    this.#qat.close();
    this.#usdm.close();
  }
}
