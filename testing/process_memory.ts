/**
 * Searches the memory of a running process for secrets.
 *
 * @module
 */

/** Something that must not lie in memory, in any of its forms. */
export interface Secret {
  readonly name: string;
  readonly forms: readonly {
    readonly name: string;
    readonly bytes: Uint8Array;
  }[];
}

/** Shorter numbers would be found by chance. */
const SHORTEST_BYTES = 8;
/** RFC 2104 §2: what HMAC adds to its key. */
const HMAC_PADS = [0x36, 0x5c];

const encoder = new TextEncoder();

/**
 * Bytes that are secret: as they are, turned round as libraries and BigInts have
 * numbers, as text, and as HMAC keeps them.
 */
export function secretOf(name: string, bytes: Uint8Array): Secret {
  const start = bytes.findIndex((byte) => byte !== 0);
  const plain = bytes.slice(start);
  if (plain.length < SHORTEST_BYTES) {
    throw new RangeError(`${name} is too short to be searched for`);
  }
  const hex = plain.toHex();
  return {
    name,
    forms: [
      { name: "bytes", bytes: plain },
      { name: "bytes turned round", bytes: plain.toReversed() },
      { name: "hexadecimal text", bytes: encoder.encode(hex) },
      { name: "hexadecimal text", bytes: encoder.encode(hex.toUpperCase()) },
      ...HMAC_PADS.map((pad) => ({
        name: "HMAC's padded key",
        bytes: plain.map((byte) => byte ^ pad),
      })),
    ],
  };
}

interface Needle {
  readonly what: string;
  readonly bytes: Uint8Array;
}

const PIECE_BYTES = 4 * 1024 * 1024;

/** Finds several byte strings in one pass: few places begin like one of them. */
class Search {
  /** By the first two bytes. */
  readonly #needles: (Needle[] | undefined)[] = new Array(0x10000);
  readonly #begins = new Uint8Array(0x10000);
  readonly #longestBytes: number;

  constructor(secrets: readonly Secret[]) {
    let longest = 0;
    for (const { name, forms } of secrets) {
      for (const form of forms) {
        const { bytes } = form;
        const start = bytes[0]! | bytes[1]! << 8;
        this.#begins[start] = 1;
        (this.#needles[start] ??= []).push({
          what: `${name} (${form.name})`,
          bytes,
        });
        longest = Math.max(longest, bytes.length);
      }
    }
    this.#longestBytes = longest;
  }

  /** Bytes that the end of one piece and the start of the next share. */
  get overlapBytes(): number {
    return this.#longestBytes - 1;
  }

  in(bytes: Uint8Array, found: (what: string, at: number) => void): void {
    const begins = this.#begins;
    const last = bytes.length - 1;
    for (let i = 0; i < last; i++) {
      const start = bytes[i]! | bytes[i + 1]! << 8;
      if (begins[start] === 0) continue;
      for (const needle of this.#needles[start]!) {
        if (matches(bytes, i, needle.bytes)) found(needle.what, i);
      }
    }
  }
}

function matches(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (at + wanted.length > bytes.length) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (bytes[at + i] !== wanted[i]) return false;
  }
  return true;
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** What the process can write to; `isForeign` names what others share. */
function writableMappings(
  pid: number,
  isForeign: (name: string) => boolean,
): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (.{4}) \S+ \S+ \S+ *(.*)$/.exec(
      line,
    );
    if (!match || !match[3]!.startsWith("rw")) continue;
    const name = match[4]!;
    if (isForeign(name)) continue;
    const [start, end] = [parseInt(match[1]!, 16), parseInt(match[2]!, 16)];
    mappings.push({ start, end, name });
  }
  return mappings;
}

/** The memory that a driver shares with its device. */
const isGuestMemory = (name: string): boolean =>
  name.includes("vhost-user-memory");

/**
 * Every copy of `secrets` in the memory of process `pid`, a line for each with
 * where it lies and the text before it. Memory of the guest is not the
 * process's.
 */
export function copiesIn(
  pid: number,
  secrets: readonly Secret[],
  isForeign = isGuestMemory,
): string[] {
  const search = new Search(secrets);
  const room = new Uint8Array(PIECE_BYTES + search.overlapBytes);
  const copies: string[] = [];
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  using pages = Deno.openSync(`/proc/${pid}/pagemap`);
  for (const { start, end, name } of usedRanges(pid, pages, isForeign)) {
    for (let at = start; at < end; at += PIECE_BYTES) {
      const bytes = room.subarray(0, Math.min(room.length, end - at));
      if (!readAt(memory, at, bytes)) continue;
      search.in(bytes, (what, offset) => {
        // What begins in the overlap is the next piece's.
        if (offset >= PIECE_BYTES) return;
        const before = textBefore(bytes, offset);
        const place = `0x${(at + offset).toString(16)} ${name || "anonymous"}`;
        copies.push(`${what} at ${place} after "${before}"`);
      });
    }
  }
  return copies;
}

const PAGE_BYTES = 4096;
const PAGE_ENTRY_BYTES = 8;
/** Present, or swapped out. */
const USED = 0xc0;

/** The ranges of writable mappings that have been written to. */
function* usedRanges(
  pid: number,
  pages: Deno.FsFile,
  isForeign: (name: string) => boolean,
): Generator<Mapping> {
  for (const mapping of writableMappings(pid, isForeign)) {
    const count = (mapping.end - mapping.start) / PAGE_BYTES;
    const entries = new Uint8Array(count * PAGE_ENTRY_BYTES);
    const at = mapping.start / PAGE_BYTES * PAGE_ENTRY_BYTES;
    if (!readAt(pages, at, entries)) continue;
    const isUsed = (page: number) =>
      (entries[page * PAGE_ENTRY_BYTES + PAGE_ENTRY_BYTES - 1]! & USED) !== 0;
    for (let page = 0; page < count; page++) {
      if (!isUsed(page)) continue;
      const start = mapping.start + page * PAGE_BYTES;
      while (page < count && isUsed(page)) page++;
      yield { ...mapping, start, end: mapping.start + page * PAGE_BYTES };
    }
  }
}

/** False for memory that cannot be read, or has gone meanwhile. */
function readAt(file: Deno.FsFile, at: number, bytes: Uint8Array): boolean {
  try {
    file.seekSync(at, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) {
      const count = file.readSync(bytes.subarray(done));
      if (!count) return false;
      done += count;
    }
    return true;
  } catch {
    return false;
  }
}

const CONTEXT_BYTES = 48;

const textBefore = (bytes: Uint8Array, at: number): string =>
  String.fromCharCode(...bytes.subarray(Math.max(0, at - CONTEXT_BYTES), at))
    .replaceAll(/[^ -~]/g, ".");
