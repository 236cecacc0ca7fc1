/**
 * What the conformance kit found, as data and as a table.
 *
 * @module
 */

/** One check that a backend did not pass. */
export interface Failure {
  /** What was tried. */
  readonly check: string;
  /** What should have come, in words or hexadecimal. */
  readonly expected: string;
  /** What came. */
  readonly actual: string;
}

/** What became of an algorithm or a group. */
export type Outcome = "pass" | "fail" | "not offered" | "not examined";

/** One algorithm, or one of the groups `contract`, `chain` and `burst`. */
export interface AlgorithmReport {
  /** Qualified catalogue name, or the group. */
  readonly algorithm: string;
  /** What became of it. */
  readonly outcome: Outcome;
  /** Why it is not offered, in the backend's words, or not examined. */
  readonly reason: string;
  /** Checks that ran. */
  readonly checks: number;
  /** All that failed, of which `failures` holds the first. */
  readonly failureCount: number;
  /** The first of the checks that failed. */
  readonly failures: readonly Failure[];
}

/** A run of the kit. */
export interface ConformanceReport {
  /** Name of the backend. */
  readonly backend: string;
  /** What its probe said of itself. */
  readonly version: string;
  /** Give it again to repeat the run. */
  readonly seed: number;
  /** Nothing failed and something was offered. */
  readonly passed: boolean;
  /** Each algorithm of the catalogue, after the groups. */
  readonly algorithms: readonly AlgorithmReport[];
}

/** As wide as the longest name of the catalogue. */
const NAME_WIDTH = 22;

/** One algorithm or group as lines of text, as they are when all are shown. */
export const formatEntry = (entry: AlgorithmReport): string =>
  formatAlgorithm(entry, NAME_WIDTH).join("\n");

function formatAlgorithm(entry: AlgorithmReport, width: number): string[] {
  const name = entry.algorithm.padEnd(width);
  switch (entry.outcome) {
    case "pass":
      return [`${name}  pass  ${entry.checks} checks`];
    case "not offered":
    case "not examined":
      return [`${name}  ${entry.outcome}: ${entry.reason}`];
    case "fail": {
      const shown = entry.failures.map(({ check, expected, actual }) =>
        `    ${check}: expected ${expected}, got ${actual}`
      );
      // A note beside what failed is none of the checks.
      const more = entry.failureCount - shown.length;
      return [
        `${name}  FAIL  ${entry.failureCount} of ${entry.checks} checks`,
        ...shown,
        ...(more > 0 ? [`    and ${more} more`] : []),
      ];
    }
  }
}

/** Whether it is an algorithm, and no group. */
const isAlgorithm = ({ algorithm }: AlgorithmReport) => algorithm.includes(".");

/** What is not offered is counted; `probe` says why. */
export const isWorthALine = (entry: AlgorithmReport): boolean =>
  entry.outcome !== "not examined" &&
  (entry.outcome !== "not offered" || !isAlgorithm(entry));

/** The report as lines of text for a terminal. */
export function formatReport(report: ConformanceReport): string {
  const width = Math.max(
    ...report.algorithms.map(({ algorithm }) => algorithm.length),
  );
  return [
    headOf(report),
    ...report.algorithms
      .filter((entry) => report.algorithms.length === 1 || isWorthALine(entry))
      .flatMap((entry) => formatAlgorithm(entry, width)),
    countsOf(report),
  ].join("\n");
}

/** What a report says of all of it. */
export const formatSummary = (report: ConformanceReport): string =>
  `${headOf(report)}\n${countsOf(report)}`;

const headOf = ({ backend, version, seed }: ConformanceReport): string =>
  `${backend}: ${version} (seed ${seed})`;

function countsOf(report: ConformanceReport): string {
  const count = (outcome: Outcome) =>
    report.algorithms.filter((entry) => entry.outcome === outcome).length;
  const all = report.algorithms.filter(isAlgorithm);
  const offered = all.filter(({ outcome }) => outcome !== "not offered");
  const [first] = report.algorithms;
  if (offered.length === 0 && count("not offered") === all.length) {
    return `offers nothing: ${first?.reason}`;
  }
  const rest = report.algorithms
    .filter(({ outcome }) => outcome === "not examined");
  return `offers ${offered.length} of ${all.length}: ` +
    `${count("pass")} passed, ${count("fail")} failed` +
    (rest[0] ? `, ${rest.length} not examined: ${rest[0].reason}` : "");
}
