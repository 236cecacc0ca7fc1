/**
 * Mappings of files that somebody else may shorten, or whose pages may run out:
 * touching a page that is gone raises SIGBUS, which would end the process. Where
 * a mapping is covered, zeros take its place, and its owner is told.
 *
 * A kernel that reads or writes such memory for this process answers EFAULT
 * instead, and raises nothing.
 *
 * @module
 */

import {
  type Libc,
  MAP_FAILED,
  type Mapping,
  nativeBuffer,
  PROT_READ_WRITE,
  regionAt,
} from "./libc.ts";
import { ENTRY, sigbusHandler, TABLE } from "./sigbus_code.ts";

const SYMBOLS = {
  mprotect: {
    parameters: ["usize", /* addr */ "usize", /* len */ "i32" /* prot */],
    result: "i32",
  },
  sigaction: {
    parameters: [
      "i32",
      /* signum */ "buffer",
      /* act */ "pointer", /* oldact */
    ],
    result: "i32",
  },
  syscall: {
    parameters: [
      "i64", /* number */
      "i32", /* signum */
      "pointer", /* act */
      "usize", /* oldact */
      "usize", /* sigsetsize */
    ],
    result: "isize",
  },
} as const;

const SIGBUS = 7;
const SYS_RT_SIGACTION = Deno.build.arch === "x86_64" ? 13n : 134n;
const SIGNAL_SET_BYTES = 8n;
/** struct sigaction of glibc: handler, mask, flags, restorer. */
const SIGACTION_BYTES = 152;
const SIGACTION_FLAGS_OFFSET = 136;
const SA_SIGINFO = 0x4;
const SA_ONSTACK = 0x0800_0000;
const SA_RESTART = 0x1000_0000;
const PROT_READ_EXEC = 0x5;
const MAP_PRIVATE_ANONYMOUS = 0x2 | 0x20;
/** As many as a process may have mappings by default; untouched ones cost nothing. */
const MAX_ENTRIES = 65_536;
const TABLE_BYTES = TABLE.ENTRIES + MAX_ENTRIES * ENTRY.BYTES;

/** The handler's table. It stays where it is until the process ends. */
class Table {
  readonly #words: BigUint64Array;
  readonly #halves: Uint32Array;
  readonly #free: number[] = [];
  #count = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const { buffer, byteOffset } = bytes;
    this.#words = new BigUint64Array(buffer, byteOffset, TABLE_BYTES / 8);
    this.#halves = new Uint32Array(buffer, byteOffset, TABLE_BYTES / 4);
    this.#words[TABLE.ONE / 8] = 1n;
  }

  /** Puts a range in; returns its entry, or undefined where there is none. */
  add(mapping: Mapping, wakeFd: number): number | undefined {
    const entry = this.#free.pop() ?? this.#count;
    if (entry >= MAX_ENTRIES) return undefined;
    const { mappedAddress, mappedBytes, pageBytes } = mapping;
    const word = wordOf(entry);
    this.#words[word + ENTRY.START / 8] = BigInt(mappedAddress);
    this.#words[word + ENTRY.PAGE_BYTES / 8] = BigInt(pageBytes);
    this.#halves[2 * word + ENTRY.WAKE / 4] = wakeFd;
    this.#halves[2 * word + ENTRY.FAULTS / 4] = 0;
    // Last: the handler looks at nothing of an entry whose end is 0.
    const end = BigInt(mappedAddress + mappedBytes);
    Atomics.store(this.#words, word + ENTRY.END / 8, end);
    if (entry === this.#count) {
      Atomics.store(this.#halves, TABLE.COUNT / 4, ++this.#count);
    }
    return entry;
  }

  remove(entry: number): void {
    Atomics.store(this.#words, wordOf(entry) + ENTRY.END / 8, 0n);
    this.#free.push(entry);
  }

  faults(entry: number): number {
    return Atomics.load(this.#halves, 2 * wordOf(entry) + ENTRY.FAULTS / 4);
  }
}

const wordOf = (entry: number): number =>
  (TABLE.ENTRIES + entry * ENTRY.BYTES) / 8;

let installed: Table | string | undefined;

/** Installs the handler once; a string says why that is impossible. */
function install(libc: Libc): Table | string {
  return installed ??= tryToInstall(libc);
}

function tryToInstall(libc: Libc): Table | string {
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  const anonymous = (lengthBytes: number): bigint =>
    libc.symbols.mmap(
      0n,
      BigInt(lengthBytes),
      PROT_READ_WRITE,
      MAP_PRIVATE_ANONYMOUS,
      -1,
      0n,
    );
  const tableAddress = anonymous(TABLE_BYTES);
  if (tableAddress === MAP_FAILED) return libc.describe(libc.check(-1));
  const handler = sigbusHandler(tableAddress);
  if (!handler) return `there is no handler for ${Deno.build.arch}`;
  const codeAddress = anonymous(handler.length);
  if (codeAddress === MAP_FAILED) return libc.describe(libc.check(-1));
  regionAt(Number(codeAddress), handler.length).bytes.set(handler);
  const action = nativeBuffer(SIGACTION_BYTES);
  const view = new DataView(action.buffer);
  view.setBigUint64(0, codeAddress, true);
  const flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  view.setInt32(SIGACTION_FLAGS_OFFSET, flags, true);
  const result = libc.check(
    Number(symbols.syscall(
      SYS_RT_SIGACTION,
      SIGBUS,
      null,
      tableAddress + BigInt(TABLE.BEFORE),
      SIGNAL_SET_BYTES,
    )) ||
      symbols.mprotect(codeAddress, BigInt(handler.length), PROT_READ_EXEC) ||
      symbols.sigaction(SIGBUS, action, null),
  );
  if (result < 0) return libc.describe(result);
  return new Table(regionAt(Number(tableAddress), TABLE_BYTES).bytes);
}

/** The covered mappings of one owner of an event loop. */
export class CoveredMemory {
  /** Readable when a page was gone, and then {@linkcode tellLosses} is due. */
  readonly wakeFd: number;
  readonly #libc: Libc;
  readonly #table: Table;
  readonly #losers = new Map<number, () => void>();

  private constructor(libc: Libc, table: Table, wakeFd: number) {
    this.#libc = libc;
    this.#table = table;
    this.wakeFd = wakeFd;
  }

  /** Installs the handler; a string says why that is impossible. */
  static open(libc: Libc): CoveredMemory | string {
    const table = install(libc);
    if (typeof table === "string") return table;
    const wakeFd = libc.eventfd();
    return wakeFd < 0
      ? libc.describe(wakeFd)
      : new CoveredMemory(libc, table, wakeFd);
  }

  /**
   * Covers a mapping until `uncover`; `lost` hears once that it is gone. Returns
   * what `uncover` takes, or undefined where there are too many.
   */
  cover(mapping: Mapping, lost: () => void): number | undefined {
    const entry = this.#table.add(mapping, this.wakeFd);
    if (entry !== undefined) this.#losers.set(entry, lost);
    return entry;
  }

  /** To be called before the mapping is given back; tells of a late loss. */
  uncover(entry: number): void {
    this.#tell(entry);
    this.#losers.delete(entry);
    this.#table.remove(entry);
  }

  /** Whether a page of a covered mapping was gone. */
  isLost(entry: number): boolean {
    return this.#table.faults(entry) > 0;
  }

  /** Tells the owners of mappings that are gone. */
  tellLosses(): void {
    this.#libc.clear(this.wakeFd);
    for (const entry of this.#losers.keys()) this.#tell(entry);
  }

  #tell(entry: number): void {
    const lost = this.#losers.get(entry);
    if (!lost || !this.isLost(entry)) return;
    this.#losers.delete(entry);
    lost();
  }

  /** Covers nothing any more; nothing may be mapped. */
  close(): void {
    this.#libc.close(this.wakeFd);
  }
}
