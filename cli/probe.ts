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
import { RSA_USUAL_PRIMES } from "../algorithms/rsa_primes.ts";
import { probeBackends, type ProbedBackend } from "../backends/probe.ts";
import { ipsecLines, ipsecSuites } from "./probe_ipsec.ts";
import { parseProbeOptions } from "./parse_options.ts";
import { probeNamed, requireOptions } from "./socket_device.ts";

/** One algorithm under one backend. */
interface Cell {
  readonly offered: boolean;
  /** Why it is not offered. */
  readonly reason?: string;
  /** Key lengths, where not all of the catalogue's. */
  readonly keyBytes?: readonly number[];
  /** RSA: the most primes of a private key. */
  readonly rsaPrimes?: number;
}

interface Row {
  readonly service: string;
  readonly algorithm: string;
  readonly number: number;
  /** Key lengths in bytes as the catalogue has them. */
  readonly keyBytes: string;
  readonly weakness?: string;
  /** Whether guests get it without `--allow-weak`. */
  readonly byDefault: boolean;
  readonly backends: Readonly<Record<string, Cell>>;
}

/** Its private keys have more than two primes on some backends only. */
const RSA = "akcipher.rsa";

/** More lengths than these are shown as a range. */
const MOST_LENGTHS_LISTED = 5;

function keyLengths(algorithm: Algorithm): string {
  return "keyBytes" in algorithm
    ? lengthsText(listLengths(algorithm.keyBytes))
    : "-";
}

/** Key lengths in ascending order. */
function lengthsText(lengths: readonly number[]): string {
  return lengths.length > MOST_LENGTHS_LISTED
    ? `${lengths[0]}..${lengths.at(-1)}`
    : lengths.join(",");
}

function cell({ probe }: ProbedBackend, algorithm: Algorithm): Cell {
  const name = qualifiedName(algorithm);
  const offer = probe.offers.find((entry) => entry.algorithm === name);
  if (offer) {
    const { keyBytes, rsaPrimes = RSA_USUAL_PRIMES } = offer;
    return {
      offered: true,
      ...(keyBytes && { keyBytes }),
      ...(name === RSA && { rsaPrimes }),
    };
  }
  const reason = probe.notOffered[name] ??
    (probe.ready ? "not implemented by this backend" : "backend not ready");
  return { offered: false, reason };
}

function rows(backends: readonly ProbedBackend[]): Row[] {
  return ALGORITHMS.map((algorithm) => {
    const cells = backends.map((probed) => cell(probed, algorithm));
    const { weakness } = algorithm;
    return {
      service: algorithm.service,
      algorithm: algorithm.name,
      number: algorithm.number,
      keyBytes: keyLengths(algorithm),
      ...(weakness ? { weakness } : {}),
      byDefault: !weakness && cells.some(({ offered }) => offered),
      backends: Object.fromEntries(
        backends.map(({ backend }, index) => [backend.name, cells[index]!]),
      ),
    };
  });
}

function defaultText({ backends, weakness }: Row): string {
  if (!Object.values(backends).some(({ offered }) => offered)) {
    return "no backend";
  }
  return weakness ? `only with --allow-weak: ${weakness}` : "yes";
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

function cellText({ offered, keyBytes, rsaPrimes }: Cell): string {
  if (!offered) return "no";
  if (rsaPrimes !== undefined) {
    return rsaPrimes > RSA_USUAL_PRIMES
      ? `${RSA_USUAL_PRIMES}..${rsaPrimes} primes`
      : `${RSA_USUAL_PRIMES} primes`;
  }
  return keyBytes ? `keys ${lengthsText(keyBytes)}` : "yes";
}

function backendLines(backends: readonly ProbedBackend[]): string {
  return backends.map(({ backend, probe }) => {
    const state = probe.ready ? "ready" : "not ready";
    const library = probe.library ? ` (${probe.library})` : "";
    const missing = probe.missing.map(({ what, remedy }) =>
      `\n  missing: ${what}; ${remedy}`
    );
    const found = probe.version ? `, ${probe.version}` : "";
    return `${backend.name}: ${state}${found}${library}${missing.join("")}`;
  }).join("\n");
}

/** Why a backend that is ready does not offer something. */
function reasonLines(
  backends: readonly ProbedBackend[],
  matrix: readonly Row[],
): string {
  const ready = backends.filter(({ probe }) => probe.ready);
  const lines = matrix.flatMap((row) =>
    ready.flatMap(({ backend }) => {
      const { offered, reason } = row.backends[backend.name]!;
      const name = `${row.service}.${row.algorithm}`;
      return offered ? [] : [`  ${name} on ${backend.name}: ${reason}`];
    })
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
      defaultText(row),
    ]),
  ]);
  return `${backendLines(backends)}\n\n${table}\n\n${ipsecLines(backends)}${
    reasonLines(backends, matrix)
  }`;
}

/** The matrix for programs. */
export function matrixAsJson(backends: readonly ProbedBackend[]): string {
  return JSON.stringify(
    {
      backends: backends.map((probed) => ({
        name: probed.backend.name,
        ready: probed.probe.ready,
        version: probed.probe.version,
        ...(probed.probe.library ? { library: probed.probe.library } : {}),
        missing: probed.probe.missing,
        ipsec: ipsecSuites(probed) ?? null,
      })),
      algorithms: rows(backends),
    },
    null,
    2,
  );
}

/**
 * Runs `probe [--json] [--backend LIST] [OPTION of a backend]...`.
 *
 * @throws {UsageError} for words and options that cannot be used
 */
export async function probeCommand(
  words: readonly string[],
  print: (text: string) => void,
): Promise<void> {
  const { json, backends: named, backendOptions } = parseProbeOptions(words);
  const backends = named
    ? await probeNamed(named, backendOptions)
    : await probeBackends(undefined, backendOptions);
  requireOptions(backends);
  print(json ? `${matrixAsJson(backends)}\n` : formatMatrix(backends));
}
