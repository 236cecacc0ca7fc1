/**
 * The security associations of a guest in memory that outlives the process, with
 * what their packets change: written by one process, read by the next, which
 * believes nothing of it. Sequence numbers, windows and the counter of IVs are used
 * where they lie here, so that whoever goes on finds them as they are.
 *
 * Words of 64 bits, little-endian:
 *
 * | word | what                                                             |
 * | ---- | ---------------------------------------------------------------- |
 * | 0    | magic number; version; how many associations have room           |
 * | 3    | the commands that the driver uses, as bits; who said so last     |
 * | 5    | its limits: inbound, outbound                                    |
 * | 7    | who had an association destroyed last                            |
 * | 8    | the counter of IVs                                               |
 * | 9    | the number of the last entry; bytes of the driver's capabilities |
 * | 16   | the driver's capabilities, as it sent them                       |
 * | 64   | numbers of administration commands (`request_numbers.ts`)        |
 *
 * Then entries follow, each: whether and what it is, the identifier, who had it
 * created, a number that counts up; two places for the resource object, of which
 * one holds by one store; the words of its state. Of two entries with the same
 * identifier the one with the greater number holds.
 *
 * @module
 */

import {
  decodeAssociationCapabilities,
  type DriverAgreement,
  encodeAssociationCapabilities,
  MAXIMUM_ASSOCIATION_CAPABILITY_BYTES,
} from "../wire/ipsec_capabilities.ts";
import { ASSOCIATION_BYTES } from "../wire/ipsec_readings.ts";
import { KeptWords } from "./kept_words.ts";
import { REQUEST_NUMBERS_BYTES, RequestNumbers } from "./request_numbers.ts";

/** "vdcassn" in ASCII, from its end. */
const MAGIC = Number(0x6e_7373_6163_6476n & (2n ** 53n - 1n));
const VERSION = 1;
const MAGIC_WORD = 0;
const VERSION_WORD = 1;
const ROOMS = 2;
const LIST = 3;
const LIST_ORIGIN = 4;
const INBOUND_LIMIT = 5;
const OUTBOUND_LIMIT = 6;
const LAST_REMOVAL = 7;
const IV_COUNTER = 8;
const LAST_NUMBER = 9;
const CAPABILITY_BYTES = 10;
const CAPABILITIES_AT = 8 * 16;
const MOST_CAPABILITY_BYTES = 8 * 48;
const NUMBERS_AT = 8 * 64;

/** Words of an entry. */
const KIND = 0;
const ID = 1;
const ORIGIN = 2;
const NUMBER = 3;
const OBJECT_WORDS = Math.ceil(ASSOCIATION_BYTES / 8);
const OBJECTS = 4;
const STATE = OBJECTS + 2 * OBJECT_WORDS;
/** Of `KIND`. */
const LIVE = 1;
const OUTBOUND = 2;
const SECOND_OBJECT = 4;
const KINDS = 8;

/** The words of a state: those of a window of 4096 packets, and some. */
export const STATE_WORDS = 262;

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;
const ENTRIES_AT = align(NUMBERS_AT + REQUEST_NUMBERS_BYTES);
const ENTRY_BYTES = align(8 * (STATE + STATE_WORDS));

/** Bytes of a log with room for so many associations. */
export const associationLogBytes = (rooms: number): number =>
  ENTRIES_AT + rooms * ENTRY_BYTES;

/** An association as it is read back. */
export interface LoggedAssociation {
  readonly isOutbound: boolean;
  readonly id: number;
  readonly origin: number;
  /** A copy of the object, keys included. */
  readonly object: Uint8Array<ArrayBuffer>;
  /** Number of its entry. */
  readonly entry: number;
}

/** A stretch of the log's words, and where that begins. */
export interface LoggedWords {
  readonly words: BigUint64Array;
  readonly offsetBytes: number;
}

/** Wipes what was read of associations that nobody goes on with. */
export function wipeObjects(
  logged: Iterable<Pick<LoggedAssociation, "object">>,
): void {
  for (const { object } of logged) object.fill(0);
}

/** Associations that outlive the process. */
export class AssociationLog {
  readonly requestNumbers: RequestNumbers;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #header: KeptWords;
  #lastEntry = -1;

  /** `bytes` are zeros, or what another log has left. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#header = new KeptWords(bytes.subarray(0, CAPABILITIES_AT));
    this.requestNumbers = new RequestNumbers(bytes.subarray(NUMBERS_AT));
  }

  /** Begins a log for so many associations. */
  begin(rooms: number): void {
    this.#header.set(ROOMS, rooms);
    this.#header.set(VERSION_WORD, VERSION);
    this.#header.set(MAGIC_WORD, MAGIC);
  }

  get #rooms(): number {
    return this.#header.get(ROOMS);
  }

  /** The counter of IVs, one word. */
  get ivCounter(): LoggedWords {
    return this.#words(8 * IV_COUNTER, 1);
  }

  /** The state of an association. */
  stateOf(entry: number): LoggedWords {
    return this.#words(
      ENTRIES_AT + ENTRY_BYTES * entry + 8 * STATE,
      STATE_WORDS,
    );
  }

  #words(offsetBytes: number, count: number): LoggedWords {
    const { buffer, byteOffset } = this.#bytes;
    const words = new BigUint64Array(buffer, byteOffset + offsetBytes, count);
    return { words, offsetBytes };
  }

  #entry(entry: number): KeptWords {
    const at = ENTRIES_AT + ENTRY_BYTES * entry;
    return new KeptWords(this.#bytes.subarray(at, at + 8 * OBJECTS));
  }

  #object(entry: number, kind: number): Uint8Array<ArrayBuffer> {
    const which = (kind & SECOND_OBJECT) === 0 ? 0 : OBJECT_WORDS;
    const at = ENTRIES_AT + ENTRY_BYTES * entry + 8 * (OBJECTS + which);
    return this.#bytes.subarray(at, at + ASSOCIATION_BYTES);
  }

  /**
   * Reads what is there, once, before anything is written; a string says why
   * nothing of it can be used.
   */
  read(): LoggedAssociation[] | string {
    const header = this.#header;
    if (header.get(MAGIC_WORD) !== MAGIC) return "no log of associations";
    const version = header.get(VERSION_WORD);
    if (version !== VERSION) return `a log of associations, version ${version}`;
    const rooms = this.#rooms;
    if (!(rooms >= 0) || associationLogBytes(rooms) > this.#bytes.length) {
      return `a log of ${rooms} associations in ${this.#bytes.length} bytes`;
    }
    const found = new Map<string, LoggedAssociation & { number: number }>();
    for (let entry = 0; entry < rooms; entry++) {
      const read = this.#read(entry);
      if (typeof read === "string") {
        wipeObjects(found.values());
        return read;
      }
      if (!read) continue;
      const key = `${read.isOutbound} ${read.id}`;
      const other = found.get(key);
      // The process ended while it replaced the one by the other.
      const older = other && (other.number < read.number ? other : read);
      if (older) {
        this.#wipe(older.entry);
        older.object.fill(0);
      }
      if (older !== read) found.set(key, read);
    }
    return [...found.values()];
  }

  #read(
    entry: number,
  ): LoggedAssociation & { number: number } | string | undefined {
    const words = this.#entry(entry);
    const kind = words.get(KIND);
    if (!(kind < KINDS)) return `an association of kind ${kind}`;
    if ((kind & LIVE) === 0) {
      this.#wipe(entry);
      return undefined;
    }
    const [id, origin, number] = [ID, ORIGIN, NUMBER].map((at) =>
      words.get(at)
    ) as [number, number, number];
    if (!(id < 2 ** 32) || Number.isNaN(origin + number)) {
      return "an association whose numbers are none";
    }
    // What is not in use may be of the object before.
    this.#object(entry, kind ^ SECOND_OBJECT).fill(0);
    const object = this.#object(entry, kind).slice();
    const isOutbound = (kind & OUTBOUND) !== 0;
    return { isOutbound, id, origin, object, entry, number };
  }

  #wipe(entry: number): void {
    this.#entry(entry).set(KIND, 0);
    this.#object(entry, 0).fill(0);
    this.#object(entry, SECOND_OBJECT).fill(0);
  }

  /**
   * Adds an association with a state of zeros; returns its entry, or -1 where
   * there is no room. An entry is used again only after all others: a packet may
   * be under way that was the association's before.
   */
  add(
    isOutbound: boolean,
    id: number,
    object: Uint8Array,
    origin: number,
  ): number {
    const entry = this.#findFree();
    if (entry < 0) return -1;
    const words = this.#entry(entry);
    this.stateOf(entry).words.fill(0n);
    this.#object(entry, 0).set(object);
    const number = (this.#header.get(LAST_NUMBER) || 0) + 1;
    this.#header.set(LAST_NUMBER, number);
    words.set(ID, id);
    words.set(ORIGIN, origin);
    words.set(NUMBER, number);
    words.set(KIND, isOutbound ? LIVE | OUTBOUND : LIVE);
    return entry;
  }

  #findFree(): number {
    const rooms = this.#rooms;
    for (let i = 1; i <= rooms; i++) {
      const entry = (this.#lastEntry + i) % rooms;
      if (this.#entry(entry).get(KIND) !== 0) continue;
      this.#lastEntry = entry;
      return entry;
    }
    return -1;
  }

  /** Has another object hold, with the same state. */
  set(entry: number, object: Uint8Array): void {
    const words = this.#entry(entry);
    const kind = words.get(KIND);
    this.#object(entry, kind ^ SECOND_OBJECT).set(object);
    words.set(KIND, kind ^ SECOND_OBJECT);
    this.#object(entry, kind).fill(0);
  }

  /** Wipes an association. */
  remove(entry: number, origin: number): void {
    this.#header.set(LAST_REMOVAL, origin);
    this.#wipe(entry);
  }

  /** Who had an association destroyed last. */
  get lastRemoval(): number {
    return this.#header.get(LAST_REMOVAL) || 0;
  }

  /** What the driver has agreed on; a string says what is wrong with it. */
  get agreement(): DriverAgreement | string {
    const header = this.#header;
    const list = header.get(LIST);
    const listOrigin = header.get(LIST_ORIGIN);
    const inboundLimit = header.get(INBOUND_LIMIT);
    const outboundLimit = header.get(OUTBOUND_LIMIT);
    const lengthBytes = header.get(CAPABILITY_BYTES);
    const sum = list + listOrigin + inboundLimit + outboundLimit;
    if (Number.isNaN(sum) || !(lengthBytes <= MOST_CAPABILITY_BYTES)) {
      return "an agreement that cannot be";
    }
    const room = new Uint8Array(MAXIMUM_ASSOCIATION_CAPABILITY_BYTES);
    room.set(this.#capabilities.subarray(0, lengthBytes));
    return {
      list: Array.from({ length: 53 }, (_, bit) => bit)
        .filter((bit) => Math.floor(list / 2 ** bit) % 2 === 1),
      listOrigin,
      limits: { inboundLimit, outboundLimit },
      capabilities: decodeAssociationCapabilities(new DataView(room.buffer)),
    };
  }

  /** Notes what the driver has agreed on. */
  set agreed({ list, listOrigin, limits, capabilities }: DriverAgreement) {
    const header = this.#header;
    // First: who asks again for a list that leaves itself out is known by it.
    header.set(LIST_ORIGIN, listOrigin);
    header.set(LIST, list.reduce((sum, bit) => sum + 2 ** bit, 0));
    header.set(INBOUND_LIMIT, limits.inboundLimit);
    header.set(OUTBOUND_LIMIT, limits.outboundLimit);
    const bytes = encodeAssociationCapabilities(capabilities);
    const before = this.#capabilities.subarray(0, bytes.length);
    if (
      header.get(CAPABILITY_BYTES) === bytes.length &&
      bytes.every((byte, i) => byte === before[i])
    ) return;
    header.set(CAPABILITY_BYTES, 0);
    before.set(bytes);
    header.set(CAPABILITY_BYTES, bytes.length);
  }

  get #capabilities(): Uint8Array<ArrayBuffer> {
    const end = CAPABILITIES_AT + MOST_CAPABILITY_BYTES;
    return this.#bytes.subarray(CAPABILITIES_AT, end);
  }
}
