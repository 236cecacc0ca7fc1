/**
 * "Did you mean": the name that a person most likely had in mind.
 *
 * @module
 */

/** More wrong letters than this are another name. */
const MAXIMUM_DISTANCE = 2;

/** A name as others write it, without what this project's names leave out. */
export const plainName = (name: string): string =>
  name.toLowerCase()
    // AES-256-CBC: the length of the key says it.
    .replace(/(aes|rsa)[-_]?(?:128|192|256|1024|2048|3072|4096)/, "$1")
    .replaceAll(/[^a-z0-9]/g, "")
    .replace(/^sha2(?=224|256|384|512)/, "sha");

/** The name of `names` that `name` most likely is meant to be. */
export function closestName<Name extends string>(
  name: string,
  names: readonly Name[],
): Name | undefined {
  const wanted = plainName(name);
  const same = names.find((one) => plainName(one) === wanted);
  if (same !== undefined) return same;
  let best: Name | undefined;
  let least = MAXIMUM_DISTANCE + 1;
  for (const one of names) {
    const distance = distanceBetween(wanted, plainName(one));
    if (distance < least && distance < plainName(one).length / 2) {
      best = one;
      least = distance;
    }
  }
  return best;
}

/** Letters to insert, delete or change (Levenshtein). */
function distanceBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
