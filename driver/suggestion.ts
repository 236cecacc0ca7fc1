/**
 * "Did you mean": the name that a person most likely had in mind.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  type Service,
} from "../algorithms/catalogue.ts";

/** More wrong letters than this are another name. */
const MAXIMUM_DISTANCE = 2;

/** Names that others use, without what this project's names leave out. */
const plain = (name: string): string =>
  name.toLowerCase()
    // AES-256-CBC: the length of the key says it.
    .replace(/(aes|rsa)[-_]?(?:128|192|256|1024|2048|3072|4096)/, "$1")
    .replaceAll(/[^a-z0-9]/g, "")
    .replace(/^sha2(?=224|256|384|512)/, "sha");

/** The name of `names` that `name` most likely is meant to be. */
export function closest<Name extends string>(
  name: string,
  names: readonly Name[],
): Name | undefined {
  const wanted = plain(name);
  const same = names.find((one) => plain(one) === wanted);
  if (same !== undefined) return same;
  let best: Name | undefined;
  let least = MAXIMUM_DISTANCE + 1;
  for (const one of names) {
    const distance = distanceBetween(wanted, plain(one));
    if (distance < least && distance < plain(one).length / 2) {
      best = one;
      least = distance;
    }
  }
  return best;
}

/** What a name that service `service` does not have may be meant to be, as a tail. */
export function suggestion(service: Service, name: string): string {
  const ofService = ALGORITHMS.filter((one) => one.service === service);
  const wanted = plain(name);
  const isMeant = (one: Algorithm) =>
    plain(one.name) === wanted || plain(`aes-${one.name}`) === wanted;
  const here = ofService.find(isMeant);
  const elsewhere = here ? undefined : ALGORITHMS.find(isMeant);
  if (elsewhere) {
    return `; did you mean "${elsewhere.name}" of ${elsewhere.service}?`;
  }
  const near = here?.name ?? closest(name, ofService.map((one) => one.name));
  return near === undefined ? "" : `; did you mean "${near}"?`;
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
