/**
 * The requests of a split ring that are under way, in the standard's layout.
 *
 * @module
 */

import {
  beginInflight,
  INFLIGHT_LAYOUT,
  type InflightFields,
  inflightFields,
  type InflightPart,
  inflightProblem,
  SIZE_WORD,
} from "./inflight_part.ts";
import type { SplitVirtqueue } from "./split_virtqueue.ts";

const { header: HEADER, entry: ENTRY } = INFLIGHT_LAYOUT.split;
/** 16-bit words of the header, and of an entry. */
const LAST_BATCH_HEAD = 6;
const USED_INDEX = 7;
const NEXT = 3;
/** The 64-bit word of an entry that is its counter. */
const COUNTER = 1;

const byteOf = (head: number): number => HEADER + ENTRY * head;
const wordOf = (head: number): number => byteOf(head) / 2;
const longOf = (head: number): number => byteOf(head) / 8;

/** Makes the part one of a ring with nothing under way; it stands at `usedIndex`. */
export function beginSplitInflight(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  usedIndex: number,
): void {
  const fields = inflightFields(bytes);
  beginInflight(fields, size, () => fields.words[USED_INDEX] = usedIndex);
}

/**
 * Brings what another process has written up to what the driver was shown, by the
 * used index, and returns how many requests are under way; a string says what is
 * wrong.
 */
export function recoverSplitInflight(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  usedIndex: number,
): number | string {
  const fields = inflightFields(bytes);
  const problem = inflightProblem(fields, size);
  if (problem !== undefined) return problem;
  const { words } = fields;
  // It ended between showing its last batch and writing that down. More than a
  // batch can be is another driver's ring.
  const batch = (usedIndex - words[USED_INDEX]!) & 0xffff;
  let head = batch > size ? 0 : words[LAST_BATCH_HEAD]!;
  for (let left = Math.min(batch, size); left > 0 && head < size; left--) {
    Atomics.store(bytes, byteOf(head), 0);
    head = batch > size ? head + 1 : words[wordOf(head) + NEXT]!;
  }
  Atomics.store(words, USED_INDEX, usedIndex);
  return headsUnderWay(fields, size).length;
}

/** Heads of requests under way, in the order in which they were taken. */
function headsUnderWay({ bytes, longs }: InflightFields, size: number) {
  const heads: { head: number; counter: bigint }[] = [];
  for (let head = 0; head < size; head++) {
    if (bytes[byteOf(head)] === 0) continue;
    heads.push({ head, counter: longs[longOf(head) + COUNTER]! });
  }
  return heads.sort((a, b) => Number(a.counter - b.counter));
}

/** The part of a split ring. */
export class SplitInflight implements InflightPart {
  readonly #ring: SplitVirtqueue;
  readonly #fields: InflightFields;
  readonly #left: number[];
  /** Heads in the order in which they are answered; undefined: in any. */
  readonly #order: number[] | undefined;
  #batch: number[] = [];
  #staged: number;
  #counter: bigint;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    ring: SplitVirtqueue,
    inOrder: boolean,
  ) {
    this.#ring = ring;
    this.#fields = inflightFields(bytes);
    const { words } = this.#fields;
    const under = headsUnderWay(
      this.#fields,
      Math.min(ring.size, words[SIZE_WORD]!),
    );
    this.#left = under.map(({ head }) => head);
    this.#order = inOrder ? [] : undefined;
    this.#counter = (under.at(-1)?.counter ?? 0n) + 1n;
    this.#staged = ring.usedPosition;
  }

  get left(): number {
    return this.#left.length;
  }

  takeAgain(): number {
    const head = this.#left.shift()!;
    this.#order?.push(head);
    return this.#ring.popHead(head);
  }

  taken(slots: Int32Array, count: number): void {
    const { heads } = this.#ring.slots;
    const { bytes, longs } = this.#fields;
    for (let i = 0; i < count; i++) {
      const head = heads[slots[i]!]!;
      longs[longOf(head) + COUNTER] = this.#counter++;
      Atomics.store(bytes, byteOf(head), 1);
      this.#order?.push(head);
    }
  }

  answered(slots: Int32Array, count: number): void {
    const { usedPosition, slots: { heads } } = this.#ring;
    const staged = (usedPosition - this.#staged) & 0xffff;
    this.#staged = usedPosition;
    const order = this.#order;
    if (order) {
      for (const head of order.splice(0, staged)) {
        this.#stage(head);
      }
    } else for (let i = 0; i < count; i++) this.#stage(heads[slots[i]!]!);
  }

  #stage(head: number): void {
    const { words } = this.#fields;
    words[wordOf(head) + NEXT] = words[LAST_BATCH_HEAD]!;
    Atomics.store(words, LAST_BATCH_HEAD, head);
    this.#batch.push(head);
  }

  showing(): void {
    // The used index tells all.
  }

  shown(): void {
    if (this.#batch.length === 0) return;
    const { bytes, words } = this.#fields;
    for (const head of this.#batch) Atomics.store(bytes, byteOf(head), 0);
    this.#batch = [];
    Atomics.store(words, USED_INDEX, this.#staged);
  }
}
