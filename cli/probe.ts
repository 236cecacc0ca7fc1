/**
 * `probe`: which algorithms each backend offers on this machine, or why not.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  listLengths,
  qualifiedName,
} from "../algorithms/catalogue.ts";
import { probeBackends, type ProbedBackend } from "../backends/probe.ts";
import { UsageError } from "./parse_options.ts";

/** One algorithm under one backend. */
interface Cell {
  readonly offered: boolean;
  /** Why it is not offered. */
  readonly reason?: string;
  /** Key lengths, where not all of the catalogue's. */
  readonly keyBytes?: readonly number[];
}

interface Row {
  readonly service: string;
  readonly algorithm: string;
  readonly number: number;
  /** Key lengths in bytes as the catalogue has them. */
  readonly keyBytes: string;
  readonly weakness?: string;
  readonly backends: Readonly<Record<string, Cell>>;
}

function keyLengths(algorithm: Algorithm): string {
  if (!("keyBytes" in algorithm)) return "-";
  const { minimum, maximum, step } = algorithm.keyBytes;
  return (maximum - minimum) / step > 4
    ? `${minimum}..${maximum}`
    : listLengths(algorithm.keyBytes).join(",");
}

function cell({ probe }: ProbedBackend, algorithm: Algorithm): Cell {
  const name = qualifiedName(algorithm);
  const offer = probe.offers.find((entry) => entry.algorithm === name);
  if (offer) {
    return offer.keyBytes
      ? { offered: true, keyBytes: offer.keyBytes }
      : { offered: true };
  }
  const reason = probe.notOffered[name] ??
    (probe.ready ? "not implemented by this backend" : "backend not ready");
  return { offered: false, reason };
}

function rows(backends: readonly ProbedBackend[]): Row[] {
  return ALGORITHMS.map((algorithm) => ({
    service: algorithm.service,
    algorithm: algorithm.name,
    number: algorithm.number,
    keyBytes: keyLengths(algorithm),
    ...(algorithm.weakness ? { weakness: algorithm.weakness } : {}),
    backends: Object.fromEntries(
      backends.map((probed) => [probed.backend.name, cell(probed, algorithm)]),
    ),
  }));
}

function pad(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length))
  );
  return lines.map((line) =>
    line.map((text, column) => text.padEnd(widths[column]!)).join("  ")
      .trimEnd()
  ).join("\n");
}

function cellText({ offered, keyBytes }: Cell): string {
  if (!offered) return "no";
  return keyBytes ? `keys ${keyBytes.join(",")}` : "yes";
}

function backendLines(backends: readonly ProbedBackend[]): string {
  return backends.map(({ backend, probe }) => {
    const state = probe.ready ? "ready" : "not ready";
    const library = probe.library ? ` (${probe.library})` : "";
    const missing = probe.missing.map(({ what, remedy }) =>
      `\n  missing: ${what}; ${remedy}`
    );
    return `${backend.name}: ${state}, ${probe.version}${library}${
      missing.join("")
    }`;
  }).join("\n");
}

function reasonLines(matrix: readonly Row[]): string {
  const lines = matrix.flatMap((row) =>
    Object.entries(row.backends).filter(([, entry]) => !entry.offered)
      .map(([backend, { reason }]) =>
        `  ${row.service}.${row.algorithm} on ${backend}: ${reason}`
      )
  );
  return lines.length > 0 ? `Not offered:\n${lines.join("\n")}\n` : "";
}

/** The matrix as a table for people. */
export function formatMatrix(backends: readonly ProbedBackend[]): string {
  const names = backends.map(({ backend }) => backend.name);
  const matrix = rows(backends);
  const table = pad([
    ["service", "algorithm", "no.", "key bytes", ...names, "by default"],
    ...matrix.map((row) => [
      row.service,
      row.algorithm,
      `${row.number}`,
      row.keyBytes,
      ...names.map((name) => cellText(row.backends[name]!)),
      row.weakness ? `only with --allow-weak: ${row.weakness}` : "yes",
    ]),
  ]);
  return `${backendLines(backends)}\n\n${table}\n\n${reasonLines(matrix)}`;
}

/** The matrix for programs. */
export function matrixAsJson(backends: readonly ProbedBackend[]): string {
  return JSON.stringify(
    {
      backends: backends.map(({ backend, probe }) => ({
        name: backend.name,
        ready: probe.ready,
        version: probe.version,
        ...(probe.library ? { library: probe.library } : {}),
        missing: probe.missing,
      })),
      algorithms: rows(backends),
    },
    null,
    2,
  );
}

/** Runs `probe [--json]`. */
export async function probeCommand(
  words: readonly string[],
  print: (text: string) => void,
): Promise<void> {
  const wrong = words.find((word) => word !== "--json");
  if (wrong !== undefined) {
    throw new UsageError(
      `Cannot use option ${JSON.stringify(wrong)}: expected --json or nothing`,
    );
  }
  const backends = await probeBackends();
  print(
    words.includes("--json")
      ? `${matrixAsJson(backends)}\n`
      : formatMatrix(backends),
  );
}
