/**
 * Tables in Markdown, and how numbers are shown in them.
 *
 * @module
 */

/** A table; its cells are text. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")
    } |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** 64, 1 KiB, 1 MiB. */
export function sizeText(bytes: number): string {
  if (bytes >= 1 << 20) return `${bytes / (1 << 20)} MiB`;
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

/** Thousands of requests per second. */
export function thousands(rate: number): string {
  return rate >= 1e5 ? (rate / 1e3).toFixed(0) : (rate / 1e3).toFixed(2);
}
