/**
 * What a person may have meant.
 *
 * @module
 */

/** With fewer, too many names begin so. */
const FEWEST_LETTERS = 2;
/** How many letters may be wrong, missing or too many. */
const MOST_SLIPS = 2;

/** How many letters make `b` of `a`: Levenshtein's distance. */
function distance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const now = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = before[column - 1]! +
        (a[row - 1] === b[column - 1] ? 0 : 1);
      now.push(Math.min(replaced, before[column]! + 1, now[column - 1]! + 1));
    }
    before = now;
  }
  return before[b.length]!;
}

/** The one of `names` that `name` begins, or else is a slip of the keyboard away from. */
export function nearestName(
  name: string,
  names: readonly string[],
): string | undefined {
  if (name.length < FEWEST_LETTERS) return undefined;
  const begun = names.find((other) => other.startsWith(name));
  if (begun !== undefined) return begun;
  const [nearest] = names
    .map((other) => ({ other, slips: distance(name, other) }))
    .filter(({ slips }) => slips <= MOST_SLIPS)
    .toSorted((one, two) => one.slips - two.slips);
  return nearest?.other;
}
