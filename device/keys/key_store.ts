/**
 * The key store of the process: reads its sources, keeps what they hold in shared
 * memory, and gives each guest what its rules allow.
 *
 * @module
 */

import { type PublicPart, publicPartName } from "../../algorithms/key_stub.ts";
import type { GuestKeySettings } from "./guest_keys.ts";
import { KEY_SLOTS, KeyCountsReader, makeKeyCounts } from "./key_counts.ts";
import { type KeySource, KeyStoreError, type StoredKey } from "./key_source.ts";
import type { KeyRule } from "./key_use.ts";
import {
  KeyKind,
  KeyVault,
  type VaultEntry,
  VaultReader,
} from "./key_vault.ts";

/** What a reload has changed, by the names of keys. */
export interface KeyChanges {
  /** Names of keys that were not there before. */
  readonly added: readonly string[];
  /** Names of keys that are no more. */
  readonly gone: readonly string[];
}

/** What one guest has of the store. */
export interface GuestKeyAccess {
  /** @internal What each thread of the device is told. */
  readonly settings: GuestKeySettings;
  /** @internal What the guest has done with each key. */
  readonly counts: KeyCountsReader;
  /** Calls `changed` after each reload; returns how to stop that. */
  observe(changed: () => void): () => void;
}

const NAME = /^\P{Cc}{1,64}$/u;

function readAll(sources: readonly KeySource[]): StoredKey[] {
  const all: StoredKey[] = [];
  try {
    for (const source of sources) {
      for (const key of source.read()) {
        all.push(key);
        // It stands in rules and in lines of a log.
        if (!NAME.test(key.name)) {
          throw new KeyStoreError(
            source.name,
            `${JSON.stringify(key.name)} is no name: expected 1 to 64 ` +
              "characters, none of them a control character",
          );
        }
        const same = all.find((other) =>
          other !== key && (other.name === key.name ||
            publicPartName(other.part) === publicPartName(key.part))
        );
        if (!same) continue;
        throw new KeyStoreError(
          source.name,
          same.name === key.name
            ? `"${key.name}" is there twice`
            : `"${key.name}" is the same key as "${same.name}"`,
        );
      }
    }
    return all;
  } catch (error) {
    wipe(all);
    throw error;
  }
}

function wipe(keys: readonly StoredKey[]): void {
  for (const { secret } of keys) secret.fill(0);
}

/** Keys of files and tokens that guests use by rules, and never have. */
export class KeyStore {
  readonly #sources: readonly KeySource[];
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #vault: KeyVault;
  /** By public part, of all keys that there have been. */
  readonly #slots = new Map<string, number>();
  /** By slot. */
  readonly #names: string[] = [];
  /** Public part by name, of the keys that there are. */
  #present: ReadonlyMap<string, string> = new Map();
  /** Of all keys of the sources, as they were last read. */
  #sourceNames: readonly string[] = [];
  readonly #observers = new Set<() => void>();

  /**
   * Reads all sources.
   *
   * @param sources where keys are, read in their order
   * @param wanted names of the keys that are kept, so that a process has those
   * alone that its guests may use; absent: all
   * @throws {KeyStoreError} for what cannot be used
   */
  constructor(sources: readonly KeySource[], wanted?: ReadonlySet<string>) {
    this.#sources = sources;
    this.#wanted = wanted;
    const keys = readAll(sources);
    try {
      this.#vault = new KeyVault(this.#entries(keys));
    } finally {
      wipe(keys);
    }
  }

  /** Names of the keys that the sources have, kept or not. */
  get names(): readonly string[] {
    return this.#sourceNames;
  }

  /** The key `name`, or undefined where there is none. */
  describe(
    name: string,
  ): { algorithm: PublicPart["algorithm"]; isInToken: boolean } | undefined {
    const part = this.#present.get(name);
    if (part === undefined) return undefined;
    const found = new VaultReader(this.#vault.memory).find(part);
    return {
      algorithm: part.startsWith("rsa ") ? "rsa" : "ecdsa",
      isInToken: found?.kind === KeyKind.Token,
    };
  }

  /** By slot: the name of each key that there has been. */
  get slotNames(): readonly string[] {
    return this.#names;
  }

  #entries(keys: readonly StoredKey[]): VaultEntry[] {
    const kept = keys.filter(({ name }) => this.#wanted?.has(name) ?? true);
    const entries = kept.map(({ name, part, kind, secret }): VaultEntry => {
      const text = publicPartName(part);
      return { slot: this.#slotOf(name, text), kind, name, part: text, secret };
    });
    this.#present = new Map(entries.map(({ name, part }) => [name, part]));
    this.#sourceNames = keys.map(({ name }) => name);
    return entries;
  }

  #slotOf(name: string, part: string): number {
    let slot = this.#slots.get(part);
    if (slot === undefined) {
      slot = this.#slots.size;
      if (slot >= KEY_SLOTS) {
        throw new RangeError(
          `Cannot count the uses of more than ${KEY_SLOTS} keys: ` +
            "start the device anew",
        );
      }
      this.#slots.set(part, slot);
    }
    this.#names[slot] = name;
    return slot;
  }

  /** Takes back the slots from `first` on. */
  #forgetSlots(first: number): void {
    this.#names.length = first;
    for (const [part, slot] of this.#slots) {
      if (slot >= first) this.#slots.delete(part);
    }
  }

  /**
   * Reads all sources anew, and has every guest's sessions end whose key is gone.
   * Throws, and changes nothing, where one of the sources cannot be used.
   */
  reload(): KeyChanges {
    const before = this.#present;
    const names = this.#sourceNames;
    const slots = this.#names.length;
    const keys = readAll(this.#sources);
    try {
      this.#vault.replace(this.#entries(keys));
    } catch (error) {
      this.#present = before;
      this.#sourceNames = names;
      this.#forgetSlots(slots);
      throw error;
    } finally {
      wipe(keys);
    }
    for (const changed of this.#observers) changed();
    const after = this.#present;
    const missingIn = (
      others: ReadonlyMap<string, string>,
      all: ReadonlyMap<string, string>,
    ) =>
      [...all].filter(([name, part]) => others.get(name) !== part)
        .map(([name]) => name);
    return { added: missingIn(before, after), gone: missingIn(after, before) };
  }

  /** What a guest may use, by its rules. */
  forGuest(rules: readonly KeyRule[]): GuestKeyAccess {
    const counts = makeKeyCounts();
    return {
      settings: { vault: this.#vault.memory, counts, rules },
      counts: new KeyCountsReader(counts),
      observe: (changed) => {
        this.#observers.add(changed);
        return () => this.#observers.delete(changed);
      },
    };
  }

  /** Wipes all keys. */
  close(): void {
    this.#vault.close();
  }
}
