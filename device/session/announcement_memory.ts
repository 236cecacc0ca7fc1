/**
 * The way of sessions to queue threads: records in memory that the threads of
 * the process share. A key goes by no message, which would leave a copy that
 * nobody can wipe; the thread that takes a record last wipes it.
 *
 * A chunk begins with the number of its records that somebody has not taken yet.
 * Each record has the number of its takers before it. The message that names a
 * record's place makes the record visible to a taker; the counters, which takers
 * lower after they have read, make their reading visible to who wipes or reuses
 * the memory ("Memory order" in docs/architecture.md).
 *
 * @module
 */

import { keyRoom } from "../../algorithms/key_bytes.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeSessionRecord,
  encodeSessionRecord,
  type SessionRecord,
  sessionRecordBytes,
} from "./session_record.ts";
import type { SessionAnnouncement } from "./session_table.ts";

/** Where a thread finds an announcement; structured-cloneable. */
export interface AnnouncementPlace {
  readonly memory: SharedArrayBuffer;
  readonly at: number;
  /**
   * Where a key of the store lies in its token. No record has it: one that comes
   * from elsewhere must not name a key.
   */
  readonly tokenKey?: string;
}

const CHUNK_BYTES = 64 * 1024;
/** Room for a chunk's or record's counter; what follows is aligned. */
const COUNTER_BYTES = 8;

class Chunk {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array<SharedArrayBuffer>;
  #used = COUNTER_BYTES;

  constructor(lengthBytes: number) {
    this.memory = new SharedArrayBuffer(lengthBytes);
    this.words = new Int32Array(this.memory);
  }

  /** Whether every record in it has been taken. */
  get isFree(): boolean {
    return Atomics.load(this.words, 0) === 0;
  }

  /** Where `lengthBytes` are free, or -1. */
  reserve(lengthBytes: number): number {
    if (this.isFree) this.#used = COUNTER_BYTES;
    const at = this.#used;
    if (lengthBytes > this.memory.byteLength - at) return -1;
    this.#used += lengthBytes;
    return at;
  }
}

/** Records on their way to the queue threads of one guest. */
export class AnnouncementMemory {
  /** The last is in use; those before it wait for their takers. */
  #chunks: Chunk[] = [];

  /** Puts an announcement where each of `takers` threads takes it once. */
  put(record: SessionRecord, takers: number): AnnouncementPlace {
    let place: AnnouncementPlace | undefined;
    encodeSessionRecord(record, (lengthBytes) => {
      const made = this.#place(lengthBytes, takers);
      place = made.place;
      return made.room;
    });
    const tokenKey = tokenKeyOf(record);
    return tokenKey === undefined ? place! : { ...place!, tokenKey };
  }

  /** The same for bytes that `write` writes. */
  putBytes(
    lengthBytes: number,
    takers: number,
    write: (room: Uint8Array) => void,
  ): AnnouncementPlace {
    const { place, room } = this.#place(lengthBytes, takers);
    write(room);
    return place;
  }

  #place(lengthBytes: number, takers: number) {
    const { chunk, at } = this.#reserve(COUNTER_BYTES + lengthBytes);
    Atomics.store(chunk.words, at >> 2, takers);
    Atomics.add(chunk.words, 0, 1);
    const { memory } = chunk;
    const room = new Uint8Array(memory, at + COUNTER_BYTES, lengthBytes);
    return { place: { memory, at }, room };
  }

  /** `put` for a thread that starts: each when the thread is told of it. */
  *putAll(
    announcements: Iterable<SessionAnnouncement>,
  ): Generator<AnnouncementPlace> {
    for (const announcement of announcements) yield this.put(announcement, 1);
  }

  #reserve(lengthBytes: number): { chunk: Chunk; at: number } {
    const current = this.#chunks.at(-1);
    const at = current?.reserve(lengthBytes) ?? -1;
    if (current && at >= 0) return { chunk: current, at };
    this.#chunks = this.#chunks.filter((chunk) => !chunk.isFree);
    const chunk = new Chunk(Math.max(CHUNK_BYTES, COUNTER_BYTES + lengthBytes));
    this.#chunks.push(chunk);
    return { chunk, at: chunk.reserve(lengthBytes) };
  }

  /** Wipes what nobody has taken; for the time when no thread takes any more. */
  wipe(): void {
    for (const { memory } of this.#chunks) new Uint8Array(memory).fill(0);
    this.#chunks = [];
  }
}

/**
 * The announcement at a place where the calling thread has not taken it yet. Its
 * keys are the thread's own.
 */
export function takeAnnouncement(
  announced: AnnouncementPlace,
): SessionAnnouncement {
  const { id, description, placement } = takeRecord(announced);
  if (!placement) throw new Error(`Cannot take session ${id} without a place`);
  return { id, description, placement };
}

/** The same of a session that is for one backend. */
export function takeRecord(
  { memory, at, tokenKey }: AnnouncementPlace,
): SessionRecord {
  const shared = new Uint8Array(memory, at + COUNTER_BYTES);
  const bytes = takeBytes({ memory, at }, sessionRecordBytes(shared));
  const decoded = decodeSessionRecord(bytes);
  bytes.fill(0);
  if (typeof decoded === "string") throw new Error(`Cannot take ${decoded}`);
  if (tokenKey === undefined) return decoded;
  const { description } = decoded;
  return { ...decoded, description: withTokenKey(description, tokenKey) };
}

/** As many bytes as have been put at a place, to be wiped by the caller. */
export function takeBytes(
  { memory, at }: AnnouncementPlace,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  const bytes = keyRoom(lengthBytes);
  const room = new Uint8Array(memory, at + COUNTER_BYTES, lengthBytes);
  bytes.set(room);
  const words = new Int32Array(memory);
  if (Atomics.sub(words, at >> 2, 1) === 1) {
    room.fill(0);
    Atomics.sub(words, 0, 1);
  }
  return bytes;
}

function tokenKeyOf({ description }: SessionRecord): string | undefined {
  return description.service === "akcipher" ? description.tokenKey : undefined;
}

function withTokenKey(
  description: SessionDescription,
  tokenKey: string,
): SessionDescription {
  return description.service === "akcipher"
    ? { ...description, tokenKey }
    : description;
}
