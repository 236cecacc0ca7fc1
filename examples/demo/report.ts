/**
 * What the demo shows: a line that moves while it works, and a table.
 *
 * @module
 */

import type { Row } from "./run_operation.ts";

const BAR_WIDTH = 24;
const CLEAR_LINE = "\r\x1b[K";

const write = (text: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
};

/** A progress line on a terminal; one line for each operation elsewhere. */
export class Progress {
  readonly #moves = Deno.stdout.isTerminal();

  update(backend: string, operation: string, fraction: number): void {
    if (!this.#moves) return;
    const done = Math.round(fraction * BAR_WIDTH);
    const bar = "#".repeat(done).padEnd(BAR_WIDTH, ".");
    write(`${CLEAR_LINE}[${bar}] ${backend}: ${operation}`);
  }

  /** An operation has ended. */
  finish(rows: readonly Row[]): void {
    if (this.#moves) write(CLEAR_LINE);
    for (const row of rows) write(`${sentence(row)}\n`);
  }
}

function sentence(row: Row): string {
  const rate = row.megabytesPerSecond.toFixed(0);
  const verdict = row.verified ? "results are right" : "RESULTS ARE WRONG";
  return `${row.backend}: ${row.operation}, ${rate} MB/s, ${verdict}`;
}

const HEADINGS = ["backend", "operation", "MB/s", "requests/s", "verified"];

/** The final table. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.backend,
    row.operation,
    row.megabytesPerSecond.toFixed(1),
    row.requestsPerSecond.toFixed(0),
    row.verified ? "yes" : "NO",
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]!.length))
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) =>
      column === 2 || column === 3
        ? cell.padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width));
  return [HEADINGS, rule, ...cells].map(line).join("\n");
}
