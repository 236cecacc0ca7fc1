/**
 * Text that fits a terminal.
 *
 * @module
 */

/** Where nobody says how wide it is. */
const USUAL_COLUMNS = 80;
/** Below this, lines would be longer than the words that they have. */
const FEWEST_COLUMNS = 40;
/** Longer lines are hard to read. */
const MOST_COLUMNS = 100;

/** How wide the text on standard output may be. */
export function outputColumns(): number {
  const columns = Deno.stdout.isTerminal()
    ? Deno.consoleSize().columns
    : USUAL_COLUMNS;
  return Math.min(Math.max(columns, FEWEST_COLUMNS), MOST_COLUMNS);
}

/**
 * `text` in lines of at most `columns` characters, each with `indent` before it;
 * only a word that is longer by itself makes a longer line.
 */
export function wrapText(text: string, columns: number, indent = ""): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    const isFirst = line === indent;
    if (!isFirst && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
