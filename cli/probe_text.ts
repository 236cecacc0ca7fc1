/**
 * What `probe` found, for people: text that fits a terminal.
 *
 * @module
 */

import { RSA_USUAL_PRIMES } from "../algorithms/rsa_primes.ts";
import type { ProbedBackend } from "../backends/probe.ts";
import { ipsecLines } from "./probe_ipsec.ts";
import { type Cell, lengthsText, type Row, rows } from "./probe_rows.ts";
import { wrapText } from "./wrap_text.ts";

const NOT_OFFERED = "-";
/** Behind the name of an algorithm that guests get with `--allow-weak` only. */
const WEAK = "*";

/** A paragraph whose lines but the first are indented. */
function hanging(text: string, columns: number): string {
  const [first, ...others] = wrapText(text, columns - 4).split("\n");
  return [`  ${first}`, ...others.map((line) => `    ${line}`)].join("\n");
}

function backendLines(
  backends: readonly ProbedBackend[],
  columns: number,
): string {
  return backends.flatMap(({ backend, probe }) => {
    const state = probe.ready ? "ready" : "not ready";
    const found = probe.version ? `, ${probe.version}` : "";
    const library = probe.library ? ` (${probe.library})` : "";
    const line = `${backend.name}: ${state}${found}${library}`;
    const missing = probe.missing.map(({ what, remedy }) =>
      hanging(`missing: ${what}; ${remedy}`, columns)
    );
    return [hanging(line, columns).slice(2), ...missing];
  }).join("\n");
}

/** A column for each backend that is ready. */
function table(names: readonly string[], matrix: readonly Row[]): string {
  const all = [
    ["algorithm", ...names],
    ...matrix.map((row) => [
      row.name + (row.weakness === undefined ? "" : WEAK),
      ...names.map((name) => cellText(row.backends[name]!)),
    ]),
  ];
  const widths = all[0]!.map((_, column) =>
    Math.max(...all.map((line) => line[column]!.length))
  );
  return all.map((line) =>
    line.map((text, column) => text.padEnd(widths[column]!)).join(" ").trimEnd()
  ).join("\n");
}

function cellText(cell: Cell): string {
  if (!cell.offered) return NOT_OFFERED;
  return cell.keyBytes === undefined ? "yes" : "part";
}

/** What is said besides of an algorithm that a backend offers. */
function limitOf({ keyBytes, rsaPrimes }: Cell): string | undefined {
  if (keyBytes) return `keys of ${lengthsText(keyBytes)} bytes`;
  return rsaPrimes !== undefined && rsaPrimes > RSA_USUAL_PRIMES
    ? `keys of ${RSA_USUAL_PRIMES} to ${rsaPrimes} primes`
    : undefined;
}

/** All that is told of the algorithms of each backend in the same words. */
function lines(
  title: string,
  names: readonly string[],
  matrix: readonly Row[],
  columns: number,
  tell: (cell: Cell) => string | undefined,
): string {
  const told = names.flatMap((name) => {
    const byWords = new Map<string, string[]>();
    for (const row of matrix) {
      const words = tell(row.backends[name]!);
      if (words === undefined) continue;
      byWords.set(words, [...byWords.get(words) ?? [], row.name]);
    }
    return [...byWords].map(([words, algorithms]) =>
      hanging(`${name}, ${words}: ${algorithms.join(", ")}`, columns)
    );
  });
  return told.length > 0 ? `\n${title}\n${told.join("\n")}` : "";
}

/** The matrix as a table, at most `columns` wide where the names let it. */
export function formatMatrix(
  backends: readonly ProbedBackend[],
  columns: number,
): string {
  const ready = backends.filter(({ probe }) => probe.ready);
  const names = ready.map(({ backend }) => backend.name);
  const matrix = rows(backends);
  const weak = wrapText(
    `${WEAK} weak: guests get it with --allow-weak only; --help says why`,
    columns,
  );
  const ipsec = ipsecLines(backends, (text) => hanging(text, columns));
  return [
    backendLines(backends, columns),
    "",
    table(names, matrix),
    "",
    weak,
    lines(
      "Keys:",
      names,
      matrix,
      columns,
      (cell) => cell.offered ? limitOf(cell) : undefined,
    ),
    ipsec,
    lines("Not offered:", names, matrix, columns, (cell) => cell.reason),
  ].filter((part, index) => part !== "" || index < 4).join("\n")
    .trimEnd() + "\n";
}
