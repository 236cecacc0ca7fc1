/**
 * Where the keys of the store lie: memory that the threads of the process share,
 * so that there is one copy of each key, which can be wiped. The main thread
 * writes it; a thread that reads meanwhile sees by a count that it has to begin
 * anew. Keys are read and written plainly, between two accesses of the count. Its
 * first load holds back the reads that follow, and its last change what was written
 * before; its first change would let writes pass, and its last load earlier reads,
 * so that a fence stands behind the one and before the other. Then whoever has read
 * anything of a writing finds the count odd, or greater, when it looks again.
 *
 * | word | what                                                            |
 * | ---- | --------------------------------------------------------------- |
 * | 0    | odd while it is written; another number after each time         |
 * | 1    | bytes of entries, which follow                                  |
 *
 * An entry is its length, a slot number, a kind, the lengths of name, public part
 * and secret, and then these three, each a multiple of 4 bytes.
 *
 * @module
 */

import { keyRoom } from "../../algorithms/key_bytes.ts";
import { Fence } from "../../memory/fence.ts";

/** What the secret of an entry is. */
export const enum KeyKind {
  /** The DER of the private key. */
  File = 1,
  /** The PKCS#11 URI of an object in the token of backend `pkcs11`. */
  Token = 2,
}

/** A key as it is put in. */
export interface VaultEntry {
  /** Numbers the key for counters. */
  readonly slot: number;
  readonly kind: KeyKind;
  readonly name: string;
  /** `publicPartName` of the key. */
  readonly part: string;
  readonly secret: Uint8Array;
}

/** A key as it is found; its secret is taken by itself. */
export type FoundKey = Omit<VaultEntry, "secret" | "part">;

const VERSION = 0;
const USED = 1;
const HEADER_WORDS = 2;
const ENTRY_WORDS = 6;
const LEAST_BYTES = 256 * 1024;

const encoder = new TextEncoder();

const aligned = (lengthBytes: number) => Math.ceil(lengthBytes / 4) * 4;

function entryBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce(
    (sum, part) => sum + aligned(part.length),
    4 * ENTRY_WORDS,
  );
}

function partsOf({ name, part, secret }: VaultEntry): Uint8Array[] {
  return [encoder.encode(name), encoder.encode(part), secret];
}

/** The main thread's side. */
export class KeyVault {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #fence = new Fence();

  /** With room for `entries`, and for more that a reload brings. */
  constructor(entries: readonly VaultEntry[]) {
    const needed = entries.reduce(
      (sum, entry) => sum + entryBytes(partsOf(entry)),
      4 * HEADER_WORDS,
    );
    this.memory = new SharedArrayBuffer(
      aligned(Math.max(LEAST_BYTES, 4 * needed)),
    );
    this.#words = new Int32Array(this.memory);
    this.#bytes = new Uint8Array(this.memory);
    this.replace(entries);
  }

  /** Puts `entries` where others were; throws, and changes nothing, for too many. */
  replace(entries: readonly VaultEntry[]): void {
    const all = entries.map((entry) => ({ entry, parts: partsOf(entry) }));
    const end = all.reduce(
      (sum, { parts }) => sum + entryBytes(parts),
      4 * HEADER_WORDS,
    );
    if (end > this.#bytes.length) {
      throw new RangeError(
        `Cannot hold keys of ${end} bytes: expected at most ` +
          `${this.#bytes.length}; start the device anew`,
      );
    }
    Atomics.add(this.#words, VERSION, 1);
    this.#fence.pass();
    try {
      this.#bytes.fill(0, 4 * HEADER_WORDS);
      let at = 4 * HEADER_WORDS;
      for (const { entry, parts } of all) at = this.#write(at, entry, parts);
      this.#words[USED] = at - 4 * HEADER_WORDS;
    } finally {
      // Readers wait for it.
      Atomics.add(this.#words, VERSION, 1);
    }
  }

  #write(
    at: number,
    { slot, kind }: VaultEntry,
    parts: readonly Uint8Array[],
  ): number {
    const word = at >> 2;
    const lengthBytes = entryBytes(parts);
    this.#words.set(
      [lengthBytes, slot, kind, ...parts.map(({ length }) => length)],
      word,
    );
    let place = at + 4 * ENTRY_WORDS;
    for (const part of parts) {
      this.#bytes.set(part, place);
      place += aligned(part.length);
    }
    return at + lengthBytes;
  }

  /** Wipes all keys. */
  close(): void {
    this.replace([]);
  }
}

/** Any thread's side. */
export class VaultReader {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #fence = new Fence();

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#bytes = new Uint8Array(memory);
  }

  /** The key with this public part. */
  find(part: string): FoundKey | undefined {
    return this.#consistently(() => {
      const at = this.#placeOf(part);
      return at === undefined ? undefined : this.#read(at);
    });
  }

  /** A copy of that key's secret, for the caller to wipe. */
  takeSecret(part: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#consistently(
      () => {
        const at = this.#placeOf(part);
        if (at === undefined) return undefined;
        const [, , secret] = this.#parts(at);
        const copy = keyRoom(secret!.length);
        copy.set(secret!);
        return copy;
      },
      (torn) => torn?.fill(0),
    );
  }

  /** What `read` gives while nobody writes. */
  #consistently<T>(read: () => T, discard: (torn: T) => void = () => {}): T {
    for (;;) {
      const version = Atomics.load(this.#words, VERSION);
      if ((version & 1) !== 0) continue;
      const result = read();
      this.#fence.pass();
      if (Atomics.load(this.#words, VERSION) === version) return result;
      discard(result);
    }
  }

  /** Whatever is there: lengths may be those of two writings. */
  #placeOf(part: string): number | undefined {
    const wanted = encoder.encode(part);
    let at = 4 * HEADER_WORDS;
    const end = Math.min(at + this.#words[USED]!, this.#bytes.length);
    while (at + 4 * ENTRY_WORDS <= end) {
      const lengthBytes = this.#words[at >> 2]!;
      if (lengthBytes < 4 * ENTRY_WORDS || lengthBytes > end - at) break;
      const [, found] = this.#parts(at);
      if (
        found!.length === wanted.length &&
        found!.every((byte, i) => byte === wanted[i])
      ) return at;
      at += aligned(lengthBytes);
    }
    return undefined;
  }

  #parts(at: number): Uint8Array<SharedArrayBuffer>[] {
    let place = at + 4 * ENTRY_WORDS;
    return [3, 4, 5].map((word) => {
      const lengthBytes = this.#words[(at >> 2) + word]! >>> 0;
      const part = this.#bytes.subarray(place, place + lengthBytes);
      place += aligned(lengthBytes);
      return part;
    });
  }

  #read(at: number): FoundKey {
    const word = at >> 2;
    const [name] = this.#parts(at);
    return {
      slot: this.#words[word + 1]!,
      kind: this.#words[word + 2]! as KeyKind,
      // A decoder takes no shared memory.
      name: new TextDecoder().decode(name!.slice()),
    };
  }
}
