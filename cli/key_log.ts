/**
 * What the log says of keys of the store: who has used which how often.
 *
 * @module
 */

import type { KeyCounts, KeyCountsReader } from "../device/keys/key_counts.ts";
import type { KeyChanges, KeyStore } from "../device/keys/key_store.ts";
import type { KeyRule } from "../device/keys/key_use.ts";
import type { Log } from "./log.ts";

/** How often uses are told: so many lines a key at most, whatever a guest does. */
const TELL_MS = 10_000;

const WORDS = [
  ["signature", "signatures"],
  ["decryption", "decryptions"],
  ["operation that no rule permits", "operations that no rule permits"],
  ["operation beyond its rate", "operations beyond its rate"],
] as const;

/** `3 signatures, 1 operation beyond its rate`; undefined for nothing. */
function countsInWords(counts: KeyCounts): string | undefined {
  const parts = counts.flatMap((count, i) => {
    if (count === 0) return [];
    const [one, many] = WORDS[i]!;
    return [`${count} ${count === 1 ? one : many}`];
  });
  return parts.length > 0 ? parts.join(", ") : undefined;
}

/** What a guest may do, in words. */
export function ruleInWords({ key, uses, usesPerSecond }: KeyRule): string {
  const rate = usesPerSecond === undefined
    ? ""
    : `, ${usesPerSecond} times in a second`;
  return `key ${key}: may be used to ${uses.join(", ")}${rate}`;
}

/** What a reload has changed, in words. */
export function changesInWords({ added, gone }: KeyChanges): string {
  const parts = [
    ...(added.length > 0 ? [`new: ${added.join(", ")}`] : []),
    ...(gone.length > 0
      ? [`gone, and their sessions end: ${gone.join(", ")}`]
      : []),
  ];
  return `keys read anew; ${parts.join("; ") || "they are the same"}`;
}

/** Tells of the uses of one guest. */
export class KeyLog {
  readonly #store: KeyStore;
  readonly #counts: KeyCountsReader;
  readonly #log: Log;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(store: KeyStore, counts: KeyCountsReader, log: Log) {
    this.#store = store;
    this.#counts = counts;
    this.#log = log;
    this.#timer = setInterval(() => this.tellNew(), TELL_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Tells of what has come since the last time. */
  tellNew(): void {
    this.#store.slotNames.forEach((name, slot) => {
      const words = countsInWords(this.#counts.takeNew(slot));
      if (words) this.#log("info", `key ${name} used: ${words}`);
    });
  }

  /** Tells of all uses so far. */
  tellTotals(): void {
    this.tellNew();
    this.#store.slotNames.forEach((name, slot) => {
      const words = countsInWords(this.#counts.totals(slot));
      if (words) this.#log("info", `counted: key ${name}, ${words}`);
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.tellNew();
  }
}
