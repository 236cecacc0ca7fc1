/**
 * One operation of the demo: pushes the data through the device, then compares
 * every result with the independent implementation's.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Driver } from "../../mod.ts";
import { type Expected, ivOfRequest, type Operation } from "./operations.ts";

/** Data of one request. */
export const REQUEST_BYTES = 64 * 1024;
/** Requests in flight: enough to keep the device busy. */
const DEPTH = 16;
/** Requests between two looks at the results. */
const WINDOW = 256;
/** Watching the ring this long is cheaper than to sleep and be woken. */
const SPIN_MS = 1;
/** A fast device goes over the data again until this much time has passed. */
const MEASURED_MS = 250;

/** One operation on one backend, in both directions where it has two. */
export interface Row {
  readonly backend: string;
  readonly operation: string;
  readonly megabytesPerSecond: number;
  readonly verified: boolean;
}

type Direction = "encrypt" | "decrypt";

/** What one request carries and what must come back. */
interface Job {
  readonly iv: Uint8Array;
  readonly source: Uint8Array;
  /** The tag to verify, of an AEAD decryption. */
  readonly tag: Uint8Array | undefined;
  readonly output: Uint8Array;
  readonly digest: Uint8Array | undefined;
}

function jobOf(
  operation: Operation,
  direction: Direction,
  iv: Uint8Array,
  plain: Uint8Array,
  expected: Expected,
): Job {
  if (direction === "encrypt") {
    return { iv, source: plain, tag: undefined, ...expected };
  }
  const authenticated = operation.encrypt.service === "aead";
  return {
    iv,
    source: expected.output,
    tag: authenticated ? expected.digest : undefined,
    output: plain,
    digest: authenticated ? undefined : expected.digest,
  };
}

/** What came back for one request. */
interface Result {
  readonly output: Uint8Array;
  readonly digest: Uint8Array;
}

const emptyResult = (job: Job): Result => ({
  output: new Uint8Array(job.output.length),
  digest: new Uint8Array(job.digest?.length ?? 0),
});

function agrees(job: Job, result: Result): boolean {
  return isEqual(job.output, result.output) &&
    isEqual(job.digest ?? NOTHING, result.digest);
}

/** How often the jobs were run, how long that took, and whether all agree. */
interface Measurement {
  readonly passes: number;
  readonly elapsedMs: number;
  readonly verified: boolean;
}

/** Runs jobs of equal length, each at least once. */
async function runJobs(
  driver: Driver,
  operation: Operation,
  direction: Direction,
  jobs: readonly Job[],
  measuredMs: number,
  finished: () => void,
): Promise<Measurement> {
  const session = await driver.createSession(operation[direction]!);
  const burst = driver.burst(session, {
    depth: Math.min(DEPTH, jobs.length),
    dataBytes: jobs[0]!.source.length,
    ivBytes: operation.ivBytes,
  });
  const results = jobs.map(emptyResult);
  const pass = () =>
    burst.run(jobs.length, (slot, index) => {
      const job = jobs[index]!;
      slot.iv.set(job.iv);
      slot.source.set(job.source);
      if (job.tag) slot.digest.set(job.tag);
    }, (slot, index) => {
      const result = results[index]!;
      result.output.set(slot.destination);
      if (result.digest.length > 0) result.digest.set(slot.digest);
      finished();
    }, SPIN_MS);
  let passes = 0;
  let elapsedMs = 0;
  let verified = true;
  do {
    for (const { output, digest } of results) {
      output.fill(0);
      digest.fill(0);
    }
    const begin = performance.now();
    await pass();
    elapsedMs += performance.now() - begin;
    passes++;
    verified &&= jobs.every((job, index) => agrees(job, results[index]!));
  } while (elapsedMs < measuredMs);
  burst.close();
  await session.close();
  return { passes, elapsedMs, verified };
}

const NOTHING = new Uint8Array(0);

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The pieces of `data` that requests carry, the last one maybe shorter. */
function piecesOf(data: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += REQUEST_BYTES) {
    pieces.push(data.subarray(at, at + REQUEST_BYTES));
  }
  return pieces;
}

/** Stretches of up to `WINDOW` indices whose pieces have the same length. */
function windowsOf(pieces: readonly Uint8Array[]): [number, number][] {
  const windows: [number, number][] = [];
  let start = 0;
  for (let end = 1; end <= pieces.length; end++) {
    const same = pieces[end]?.length === pieces[start]!.length;
    if (same && end - start < WINDOW) continue;
    windows.push([start, end]);
    start = end;
  }
  return windows;
}

/** What the runs of an operation came to. */
class Total {
  #bytes = 0;
  #elapsedMs = 0;
  #verified = true;

  add(jobs: readonly Job[], measured: Measurement): void {
    this.#bytes += measured.passes * jobs.length * jobs[0]!.source.length;
    this.#elapsedMs += measured.elapsedMs;
    this.#verified &&= measured.verified;
  }

  row(backend: string, operation: string): Row {
    return {
      backend,
      operation,
      megabytesPerSecond: this.#bytes / 1000 / this.#elapsedMs,
      verified: this.#verified,
    };
  }
}

/** Hears how much is done, and how fast that went. */
export type ProgressListener = (
  fraction: number,
  megabytesPerSecond: number,
) => void;

/** Runs an operation in each of its directions over all of `data`. */
export async function runOperation(
  driver: Driver,
  backend: string,
  operation: Operation,
  data: Uint8Array,
  progress: ProgressListener,
  measuredMs = MEASURED_MS,
): Promise<Row> {
  const directions: Direction[] = operation.decrypt
    ? ["encrypt", "decrypt"]
    : ["encrypt"];
  const pieces = piecesOf(data);
  const total = new Total();
  const windows = windowsOf(pieces);
  for (const [window, [start, end]] of windows.entries()) {
    const references = pieces.slice(start, end).map((plain, i) => {
      const iv = ivOfRequest(operation, start + i);
      return { iv, plain, expected: operation.reference(iv, plain) };
    });
    for (const [i, direction] of directions.entries()) {
      const jobs = references.map(({ iv, plain, expected }) =>
        jobOf(operation, direction, iv, plain, expected)
      );
      const begin = performance.now();
      let finished = 0;
      const count = (): void => {
        finished++;
        if (finished % 32 !== 0) return;
        const part = (i + Math.min(finished / jobs.length, 1)) /
          directions.length;
        const bytes = finished * jobs[0]!.source.length;
        progress(
          (window + part) / windows.length,
          bytes / 1000 / (performance.now() - begin),
        );
      };
      total.add(
        jobs,
        await runJobs(driver, operation, direction, jobs, measuredMs, count),
      );
    }
  }
  return total.row(backend, operation.name);
}
