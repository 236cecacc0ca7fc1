/**
 * The conformance kit: a suite of checks that is a function of a backend.
 *
 * @module
 */

import {
  type Algorithm,
  algorithmByName,
  ALGORITHMS,
  type CipherAlgorithm,
  type HashAlgorithm,
  type MacAlgorithm,
  qualifiedName,
} from "../algorithms/catalogue.ts";
import { RSA_USUAL_PRIMES } from "../algorithms/rsa_primes.ts";
import {
  type AsynchronousBackend,
  type Backend,
  type BackendOptions,
  type BurstsBackend,
  CONTRACT_VERSION,
  type OperationsBackend,
  type Probe,
} from "../backends/backend.ts";
import { asWritten, CONTRACT_VERSIONS } from "../backends/contract_check.ts";
import { openOperations } from "../backends/burst_operations.ts";
import { Examiner, type Reference } from "./examiner.ts";
import { checkAead } from "./check_aead.ts";
import { checkBursts } from "./check_burst.ts";
import { type ChainParts, chainRefusal, checkChains } from "./check_chain.ts";
import { checkCipher } from "./check_cipher.ts";
import { checkContract, examineProbe } from "./check_contract.ts";
import { checkHash, checkMac } from "./check_digest.ts";
import { checkEcdsa } from "./check_ecdsa.ts";
import { checkMultiPrime } from "./check_multi_prime.ts";
import { checkRsa } from "./check_rsa.ts";
import type { RegionMaker } from "./guarded_memory.ts";
import { checkKnownAnswers } from "./known_answers.ts";
import { sampleKeyLengths } from "./lengths.ts";
import type { ConformanceOptions } from "./options.ts";
import { Hopeless } from "./hopeless.ts";
import { checkAsynchronousBackend } from "./asynchronous/bridge.ts";
import { addressedRegion, plainRegion } from "./operations.ts";
import { Random } from "./random.ts";
import { StandByThread } from "./stand_by.ts";
import {
  type AlgorithmReport,
  type ConformanceReport,
  formatEntry,
  formatReport,
  formatSummary,
  isWorthALine,
} from "./report.ts";

export { formatEntry, formatReport, formatSummary, isWorthALine };
export type { ConformanceOptions } from "./options.ts";
export type {
  AlgorithmReport,
  ConformanceReport,
  Failure,
  Outcome,
} from "./report.ts";

/** Groups of checks that are no algorithm. */
const GROUPS = ["contract", "chain", "burst"] as const;

type Part = CipherAlgorithm | HashAlgorithm | MacAlgorithm;

/** One run over one opened backend. */
class Run {
  readonly #backend: Backend;
  readonly #options: BackendOptions;
  readonly #probe: Probe;
  readonly #thread: StandByThread;
  readonly #seed: number;
  readonly #reference: Reference | undefined;
  readonly #regionMakers: readonly RegionMaker[];

  constructor(
    backend: Backend,
    options: BackendOptions,
    probe: Probe,
    seed: number,
    reference: Reference | undefined,
  ) {
    this.#backend = backend;
    this.#options = options;
    this.#probe = probe;
    this.#thread = new StandByThread(openOperations(backend, options));
    this.#seed = seed;
    this.#reference = reference;
    this.#regionMakers = regionMakers();
  }

  /** Key lengths to try, of those that the backend offers. */
  #keyLengths(algorithm: Part | Algorithm): readonly number[] {
    if (!("keyBytes" in algorithm)) return [];
    return this.#offer(algorithm)?.keyBytes ??
      sampleKeyLengths(algorithm.keyBytes);
  }

  #offer(algorithm: Algorithm) {
    const name = qualifiedName(algorithm);
    return this.#probe.offers.find((offer) => offer.algorithm === name);
  }

  /** Each group has random numbers of its own, whatever ran before. */
  examiner(name: string): Examiner {
    const salt = [...name].reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7);
    return new Examiner(
      this.#thread,
      new Random(this.#seed + salt),
      this.#regionMakers,
      this.#reference,
    );
  }

  /** Why the rest is not examined: the backend cannot pass. */
  stopped: string | undefined;

  /** One algorithm or group, unless the run has been stopped. */
  part(name: string): AlgorithmReport {
    const group = GROUPS.find((one) => one === name);
    if (this.stopped !== undefined) {
      return group || this.#offer(byQualifiedName(name))
        ? unexamined("not examined", name, this.stopped)
        : this.#notOffered(name);
    }
    const examiner = this.examiner(name);
    try {
      return group
        ? this.#group(group, examiner)
        : this.#algorithm(byQualifiedName(name), examiner);
    } catch (error) {
      if (!(error instanceof Hopeless)) throw error;
      this.stopped = error.message;
      if (examiner.failureCount === 0) {
        examiner.fail(name, "an end", error.message);
      }
      return finished(name, examiner);
    }
  }

  #notOffered(name: string): AlgorithmReport {
    const reason = this.#probe.notOffered[name];
    return notOffered(name, reason ?? "The backend gives no reason");
  }

  #algorithm(algorithm: Algorithm, examiner: Examiner): AlgorithmReport {
    const name = qualifiedName(algorithm);
    if (!this.#offer(algorithm)) return this.#notOffered(name);
    const { answered } = this.#thread;
    const keyLengths = this.#keyLengths(algorithm);
    const offered = this.#offer(algorithm)!.keyBytes;
    checkKnownAnswers(examiner, name, (n) => offered?.includes(n) ?? true);
    switch (algorithm.service) {
      case "cipher":
        checkCipher(examiner, algorithm, keyLengths);
        break;
      case "hash":
        checkHash(examiner, algorithm);
        break;
      case "mac":
        checkMac(examiner, algorithm, keyLengths);
        break;
      case "aead":
        checkAead(examiner, algorithm, keyLengths);
        break;
      case "akcipher":
        if (algorithm.name === "ecdsa") checkEcdsa(examiner);
        else {
          checkRsa(examiner);
          const { rsaPrimes } = this.#offer(algorithm)!;
          checkMultiPrime(examiner, rsaPrimes ?? RSA_USUAL_PRIMES);
        }
        break;
    }
    examiner.assert(
      this.#thread.answered > answered || examiner.failureCount > 0,
      `requests of ${name}`,
      "an answer to some of them",
      "all left to another backend",
    );
    return finished(name, examiner);
  }

  #chainParts(): ChainParts {
    const offered = ALGORITHMS.filter((algorithm) => this.#offer(algorithm));
    return {
      ciphers: offered.filter(({ service }) =>
        service === "cipher"
      ) as CipherAlgorithm[],
      digests: offered.filter(({ service }) =>
        service === "hash" || service === "mac"
      ) as (HashAlgorithm | MacAlgorithm)[],
      keyLengths: (algorithm) => this.#keyLengths(algorithm),
    };
  }

  #group(
    name: typeof GROUPS[number],
    examiner: Examiner,
  ): AlgorithmReport {
    const parts = this.#chainParts();
    if (name === "contract") {
      examineProbe(examiner, this.#backend, this.#probe);
      checkContract(examiner, this.#backend, this.#options, this.#probe);
    } else if (name === "chain") {
      const refusal = chainRefusal(examiner, parts);
      if (refusal !== undefined) return notOffered(name, refusal);
      const { answered } = this.#thread;
      checkChains(examiner, parts);
      if (this.#thread.answered === answered && examiner.failureCount === 0) {
        return notOffered(name, "All requests were left to another backend");
      }
    } else {
      const offered = ALGORITHMS.filter((one) => this.#offer(one));
      checkBursts(examiner, offered, (one) => this.#keyLengths(one));
    }
    return finished(name, examiner);
  }

  /** A backend that hangs may do so here, too. */
  close(): void {
    if (this.stopped === undefined) this.#thread.close();
  }
}

const notOffered = (algorithm: string, reason: string): AlgorithmReport =>
  unexamined("not offered", algorithm, reason);

const unexamined = (
  outcome: "not offered" | "not examined",
  algorithm: string,
  reason: string,
): AlgorithmReport => ({
  algorithm,
  outcome,
  reason,
  checks: 0,
  failureCount: 0,
  failures: [],
});

const finished = (algorithm: string, examiner: Examiner): AlgorithmReport => ({
  algorithm,
  outcome: examiner.failureCount > 0 ? "fail" : "pass",
  reason: "",
  checks: examiner.checks,
  failureCount: examiner.failureCount,
  failures: examiner.failures,
});

/** Memory with addresses too, where this process may make it. */
function regionMakers(): RegionMaker[] {
  if (!("Deno" in globalThis)) return [plainRegion];
  const { state } = Deno.permissions.querySync({ name: "ffi" });
  return state === "granted" ? [plainRegion, addressedRegion] : [plainRegion];
}

/** Names that `only` may have. */
export const CHECK_NAMES: readonly string[] = [
  ...GROUPS,
  ...ALGORITHMS.map(qualifiedName),
];

function unreadyReport(
  backend: Backend,
  probe: Probe,
  seed: number,
  names: readonly string[],
): ConformanceReport {
  const lacks = probe.missing.map(({ what, remedy }) => `${what} (${remedy})`);
  const reason = lacks.join("; ") || "The backend is not ready";
  return {
    backend: backend.name,
    version: probe.version,
    seed,
    passed: false,
    algorithms: names.map((name) => notOffered(name, reason)),
  };
}

/**
 * Runs the whole suite, or one part of it, over `backend` on this thread. A
 * backend that is not ready, or offers nothing, does not pass.
 */
export function checkBackend(
  backend: OperationsBackend | BurstsBackend,
  options?: ConformanceOptions,
): ConformanceReport;
/** The same over an asynchronous backend, which stays on this thread. */
export function checkBackend(
  backend: AsynchronousBackend,
  options?: ConformanceOptions,
): Promise<ConformanceReport>;
/** The same over any backend. */
export function checkBackend(
  backend: Backend,
  options?: ConformanceOptions,
): ConformanceReport | Promise<ConformanceReport>;
export function checkBackend(
  given: Backend,
  options: ConformanceOptions = {},
): ConformanceReport | Promise<ConformanceReport> {
  const backend = asWritten(given);
  return backend.runs === "asynchronous"
    ? checkAsynchronousBackend(backend, options)
    : checkAtOnce(backend, options);
}

function checkAtOnce(
  backend: Backend,
  options: ConformanceOptions,
): ConformanceReport {
  const { backendOptions = {}, reference, only, begins, progress } = options;
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  if (only !== undefined && !CHECK_NAMES.includes(only)) {
    throw new RangeError(`Cannot check "${only}": no such algorithm or group`);
  }
  if (!CONTRACT_VERSIONS.has(backend.contract)) {
    throw new TypeError(
      `Backend "${backend.name}" has contract ${backend.contract}, ` +
        `expected ${CONTRACT_VERSION}`,
    );
  }
  const names = only === undefined ? CHECK_NAMES : [only];
  const probe = backend.probe(backendOptions);
  if (!probe.ready) return unreadyReport(backend, probe, seed, names);
  const second = reference && {
    name: reference.name,
    thread: openOperations(reference),
  };
  const run = new Run(backend, backendOptions, probe, seed, second);
  const algorithms = names.map((name) => {
    begins?.(name);
    const entry = run.part(name);
    progress?.(entry);
    return entry;
  });
  run.close();
  second?.thread.close();
  return {
    backend: backend.name,
    version: probe.version,
    seed,
    passed: algorithms.every(({ outcome }) => outcome !== "fail") &&
      algorithms.some(({ outcome }) => outcome === "pass"),
    algorithms,
  };
}

function byQualifiedName(name: string): Algorithm {
  const [service, short] = name.split(".") as [Algorithm["service"], string];
  return algorithmByName(service, short)!;
}

/**
 * Registers the suite with `Deno.test`, one step for each algorithm. What the
 * backend does not offer is an ignored step that names the reason; a backend
 * that is not ready fails.
 */
export function conformanceTests(
  backend: Backend,
  reference?: Backend,
): void {
  Deno.test(`backend "${backend.name}" conforms`, async (test) => {
    const { ready, missing } = backend.probe({});
    if (!ready) {
      const lacks = missing.map(({ what, remedy }) => `${what} (${remedy})`);
      throw new Error(`Backend is not ready: ${lacks.join("; ")}`);
    }
    const seed = Math.floor(Math.random() * 2 ** 32);
    const common = reference ? { seed, reference } : { seed };
    for (const only of CHECK_NAMES) {
      const report = await checkBackend(backend, { ...common, only });
      const [entry] = report.algorithms;
      const offered = entry!.outcome !== "not offered";
      await test.step({
        name: offered ? only : `${only}: ${entry!.reason}`,
        ignore: !offered,
        fn() {
          if (!report.passed) throw new Error(formatReport(report));
        },
      });
    }
  });
}
