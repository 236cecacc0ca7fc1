/**
 * What the demo shows: a line that moves while it works, and a table.
 *
 * @module
 */

import type { Row } from "./run_operation.ts";

const BAR_WIDTH = 20;
const CLEAR_LINE = "\r\x1b[K";
/** Before, nobody can tell how long the rest takes. */
const FEWEST_SECONDS = 1;

const write = (text: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
};

/** One line on a terminal: what is done, how fast, and how long the rest takes. */
export class Progress {
  readonly #moves = Deno.stdout.isTerminal();
  readonly #start = performance.now();
  readonly #units: number;
  #done = 0;

  /** @param units how many operations there are on all backends */
  constructor(units: number) {
    this.#units = units;
  }

  /** An operation is at `fraction`, so fast. */
  update(what: string, fraction: number, megabytesPerSecond: number): void {
    if (!this.#moves) return;
    const text = progressLine(
      (this.#done + fraction) / this.#units,
      (performance.now() - this.#start) / 1000,
      what,
      megabytesPerSecond,
    );
    const { columns } = Deno.consoleSize();
    write(CLEAR_LINE + text.slice(0, columns - 1));
  }

  /** An operation has ended. */
  finish(): void {
    this.#done++;
    if (this.#moves) write(CLEAR_LINE);
  }
}

/** The line; `done` is of all that there is to do. */
export function progressLine(
  done: number,
  seconds: number,
  what: string,
  megabytesPerSecond: number,
): string {
  const filled = Math.round(done * BAR_WIDTH);
  const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
  const left = seconds >= FEWEST_SECONDS
    ? `, ${Math.ceil(seconds * (1 - done) / done)} s left`
    : "";
  return `[${bar}] ${what}, ${megabytesPerSecond.toFixed(0)} MB/s${left}`;
}

/** The final table: MB/s of each operation on each of the backends. */
export function tableOf(
  rows: readonly Row[],
  backends: readonly string[],
): string {
  const operations = [...new Set(rows.map(({ operation }) => operation))];
  const cells = operations.map((operation) => [
    operation,
    ...backends.map((backend) =>
      cellOf(
        rows.find((row) =>
          row.operation === operation && row.backend === backend
        ),
      )
    ),
  ]);
  const all = [["MB/s", ...backends], ...cells];
  const widths = all[0]!.map((_, column) =>
    Math.max(...all.map((row) => row[column]!.length))
  );
  return all.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[column]!)
        : cell.padStart(widths[column]!)
    ).join("  ")
  ).join("\n");
}

function cellOf(row: Row | undefined): string {
  if (row === undefined) return "-";
  return row.verified ? row.megabytesPerSecond.toFixed(0) : "WRONG";
}
