/**
 * What a front-end keeps of the requests of one ring that are under way (vhost-user,
 * "Inflight I/O tracking"): the part of its in-flight region that is the ring's.
 * Process after process writes it, and each believes nothing of it.
 *
 * @module
 */

/** What both forms begin with: features, and then 16-bit words. */
const VERSION_WORD = 4;
/** How many descriptors the part is for. */
export const SIZE_WORD = 5;
const VERSION = 1;
const SPLIT_HEADER_BYTES = 16;
const SPLIT_ENTRY_BYTES = 16;
const PACKED_HEADER_BYTES = 32;
const PACKED_ENTRY_BYTES = 32;
/** Of parts and of a region within its file. */
export const INFLIGHT_ALIGNMENT_BYTES = 64;

/** A ring's part of the region, as fields of all widths. */
export interface InflightFields {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint16Array<ArrayBuffer>;
  readonly longs: BigUint64Array<ArrayBuffer>;
}

/** Where entries are, by form. */
export const INFLIGHT_LAYOUT = {
  split: { header: SPLIT_HEADER_BYTES, entry: SPLIT_ENTRY_BYTES },
  packed: { header: PACKED_HEADER_BYTES, entry: PACKED_ENTRY_BYTES },
} as const;

/** Bytes of a ring's part, for rings of up to `size` descriptors. */
export function inflightPartBytes(size: number, packed: boolean): number {
  const { header, entry } = INFLIGHT_LAYOUT[packed ? "packed" : "split"];
  const bytes = header + entry * size;
  return Math.ceil(bytes / INFLIGHT_ALIGNMENT_BYTES) * INFLIGHT_ALIGNMENT_BYTES;
}

/** The fields of a part, which begins on a multiple of 8 bytes. */
export function inflightFields(bytes: Uint8Array<ArrayBuffer>): InflightFields {
  const { buffer, byteOffset, length } = bytes;
  return {
    bytes,
    words: new Uint16Array(buffer, byteOffset, length / 2),
    longs: new BigUint64Array(buffer, byteOffset, length / 8),
  };
}

/** Whether a process has written the part. */
export const isWritten = ({ words }: InflightFields): boolean =>
  Atomics.load(words, VERSION_WORD) !== 0;

/** What is wrong with a part that was written for a ring of `size`. */
export function inflightProblem(
  { words }: InflightFields,
  size: number,
): string | undefined {
  const version = words[VERSION_WORD]!;
  if (version !== VERSION) return `an in-flight region of version ${version}`;
  const has = words[SIZE_WORD]!;
  return has < size
    ? `an in-flight region for ${has} descriptors, and the ring has ${size}`
    : undefined;
}

/** Makes a part one with nothing under way; `fill` writes what its form has. */
export function beginInflight(
  { bytes, words }: InflightFields,
  size: number,
  fill: () => void,
): void {
  Atomics.store(words, VERSION_WORD, 0);
  bytes.fill(0);
  words[SIZE_WORD] = size;
  fill();
  Atomics.store(words, VERSION_WORD, VERSION);
}

/** The requests of a ring that is tracked, from `pop` to `publish`. */
export interface InflightPart {
  /** Requests that another process had taken, and that were not taken again yet. */
  readonly left: number;
  /** Takes the first of them again; as `Virtqueue.pop`. */
  takeAgain(): number;
  /** The first `count` of `slots` were taken just now. */
  taken(slots: Int32Array, count: number): void;
  /** They were given back just now. */
  answered(slots: Int32Array, count: number): void;
  /** What was answered is about to be shown. */
  showing(): void;
  /** It was shown. */
  shown(): void;
}
