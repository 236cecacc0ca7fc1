/**
 * What fits beside an option in a list.
 *
 * @module
 */

const MOST_CHARACTERS = 60;
/** With fewer, the words before a colon are one value of several. */
const FEWEST_CHARACTERS = 10;

/** The first thing that `help` says. */
export function shortHelp(help: string): string {
  const [first] = help.split(/[;:(]| for example/);
  const part = first!.trim().replace(/,$/, "");
  const text = part.length < FEWEST_CHARACTERS ? help : part;
  if (text.length <= MOST_CHARACTERS) return text;
  return `${text.slice(0, text.lastIndexOf(" ", MOST_CHARACTERS - 1))} …`;
}
