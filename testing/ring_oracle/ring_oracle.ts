/**
 * A literal reading of the standard's ring chapters (virtio 1.4 §2.7, §2.8), the
 * device's side: slow and obvious, and without a line of the product. Where the
 * standard leaves room, a comment names the place where the project has decided:
 * `docs/readings.md`, or a test of `driver/rings`.
 *
 * This is what both formats have in common.
 *
 * @module
 */

/** A stretch of guest memory. */
export interface OracleRegion {
  readonly guestAddress: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Where a ring is, how it was negotiated and where it starts. */
export interface OracleSetup {
  readonly regions: readonly OracleRegion[];
  readonly size: number;
  readonly base: number;
  readonly descriptorAddress: number;
  readonly availableAddress: number;
  readonly usedAddress: number;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
}

/** A part of a buffer that lies in one region. */
export interface Piece {
  readonly address: number;
  readonly lengthBytes: number;
}

/** A buffer as the standard has the device see it. */
export interface OracleChain {
  /** Split: index of the head. Packed: the buffer ID. */
  readonly id: number;
  /** Packed: descriptors of the ring itself. */
  readonly ringDescriptors: number;
  readonly descriptorCount: number;
  readonly fault: "none" | "unmapped" | "malformed";
  readonly readable: readonly Piece[];
  readonly writable: readonly Piece[];
  readonly statusAddress: number | undefined;
}

/** The fields of a descriptor. */
export interface Descriptor {
  readonly address: number;
  readonly lengthBytes: number;
  readonly flags: number;
  /** Split: `next`. Packed: `id`. */
  readonly other: number;
}

/** A buffer that has been used, which the driver has not been shown. */
export interface Completion {
  readonly chain: OracleChain;
  readonly writtenBytes: number;
}

/** Flags of descriptors of both formats. */
export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

function littleEndian(
  bytes: ArrayLike<number>,
  start: number,
  lengthBytes: number,
): number {
  let value = 0;
  for (let i = lengthBytes - 1; i >= 0; i--) {
    value = 256 * value + bytes[start + i]!;
  }
  return value;
}

/** A ring as the standard has its device serve it. */
export abstract class RingOracle {
  /** Whether the driver has done what leaves the ring without meaning. */
  broken = false;
  protected readonly setup: OracleSetup;
  /** Chains that are popped and not yet shown as used, in the order of popping. */
  protected out: OracleChain[] = [];
  protected completions: Completion[] = [];

  constructor(setup: OracleSetup) {
    this.setup = setup;
  }

  /** Takes the next available buffer. */
  abstract pop(): OracleChain | undefined;
  /** Shows what is complete to the driver; whether it is to be notified. */
  abstract publish(): boolean;
  /** Asks for available buffer notifications; true where a buffer is there. */
  abstract enable(): boolean;
  /** Asks for none. */
  abstract disable(): void;
  abstract get base(): number;

  /** Says that a buffer has been used. */
  push(chain: OracleChain, writtenBytes: number): void {
    this.completions.push({ chain, writtenBytes });
  }

  /** Writes one byte of guest memory. */
  write(address: number, byte: number): void {
    const region = this.#regionAt(address)!;
    region.bytes[address - region.guestAddress] = byte;
  }

  /** §2.7.9, §2.8.8: with IN_ORDER buffers are used as they became available. */
  protected takeCompletions(): Completion[] {
    const taken = this.setup.inOrder ? [] : this.completions;
    if (this.setup.inOrder) {
      for (const chain of this.out) {
        const done = this.completions.find((each) => each.chain === chain);
        if (done === undefined) break;
        taken.push(done);
      }
    }
    this.completions = this.completions.filter((each) => !taken.includes(each));
    this.out = this.out.filter((chain) =>
      !taken.some((each) => each.chain === chain)
    );
    return taken;
  }

  /** The parts of a range, region by region; undefined where a byte is outside. */
  protected pieces(address: number, lengthBytes: number): Piece[] | undefined {
    const pieces: Piece[] = [];
    for (let done = 0; done < lengthBytes;) {
      const at = address + done;
      const region = this.#regionAt(at);
      if (region === undefined) return undefined;
      const there = region.guestAddress + region.bytes.length - at;
      const piece = Math.min(there, lengthBytes - done);
      pieces.push({ address: at, lengthBytes: piece });
      done += piece;
    }
    return pieces;
  }

  /** The descriptor at an address, which may lie across regions. */
  protected descriptor(address: number, packed: boolean): Descriptor {
    const bytes: number[] = [];
    for (const piece of this.pieces(address, 16)!) {
      const region = this.#regionAt(piece.address)!;
      const start = piece.address - region.guestAddress;
      for (let i = 0; i < piece.lengthBytes; i++) {
        bytes.push(region.bytes[start + i]!);
      }
    }
    const high = littleEndian(bytes, 4, 4);
    return {
      // No region reaches to 2^53.
      address: high < 2 ** 21
        ? high * 2 ** 32 + littleEndian(bytes, 0, 4)
        : Infinity,
      lengthBytes: littleEndian(bytes, 8, 4),
      flags: littleEndian(bytes, packed ? 14 : 12, 2),
      other: littleEndian(bytes, packed ? 12 : 14, 2),
    };
  }

  /**
   * How many descriptors an indirect table has; undefined where it is none:
   * empty, not a multiple of 16, over 65536 descriptors or not wholly in memory
   * (hostile_split_test.ts, "bad indirect tables are malformed").
   */
  protected tableEntries(table: Descriptor): number | undefined {
    const entries = table.lengthBytes / 16;
    const isTable = Number.isInteger(entries) && entries > 0 &&
      entries <= 65536 &&
      this.pieces(table.address, table.lengthBytes) !== undefined;
    return isTable ? entries : undefined;
  }

  /** Judges the descriptors of a buffer; undefined: their structure is broken. */
  protected judge(
    id: number,
    ringDescriptors: number,
    list: readonly Descriptor[] | undefined,
  ): OracleChain {
    const readable: Piece[] = [];
    const writable: Piece[] = [];
    const chain = { id, ringDescriptors, descriptorCount: list?.length ?? 0 };
    let seenWritable = false;
    let fault: OracleChain["fault"] = list === undefined ? "malformed" : "none";
    let totalBytes = 0;
    let statusAddress: number | undefined;
    for (const { address, lengthBytes, flags } of list ?? []) {
      const isWritable = (flags & WRITE) !== 0;
      // §2.7.4.2, §2.8.17: what is writable comes after what is readable.
      if (seenWritable && !isWritable) fault = "malformed";
      seenWritable ||= isWritable;
      totalBytes += lengthBytes;
      const pieces = this.pieces(address, lengthBytes);
      if (pieces === undefined) {
        if (fault === "none") fault = "unmapped";
      } else (isWritable ? writable : readable).push(...pieces);
      // docs/readings.md, "The status byte": the last byte of the last
      // writable descriptor, and none where that is not wholly in memory.
      if (isWritable && lengthBytes > 0) {
        statusAddress = pieces && address + lengthBytes - 1;
      }
    }
    // §2.7.5.2: no chain is longer than 2^32 bytes.
    if (totalBytes > 2 ** 32) fault = "malformed";
    if (fault === "malformed") statusAddress = undefined;
    // "An unmapped piece leaves the status byte reachable" and nothing else.
    if (fault !== "none") readable.length = writable.length = 0;
    return { ...chain, fault, readable, writable, statusAddress };
  }

  protected u16(address: number): number {
    const region = this.#regionAt(address)!;
    return littleEndian(region.bytes, address - region.guestAddress, 2);
  }

  protected setU16(address: number, value: number): void {
    this.write(address, value & 0xff);
    this.write(address + 1, value >>> 8);
  }

  protected setU32(address: number, value: number): void {
    this.setU16(address, value & 0xffff);
    this.setU16(address + 2, value >>> 16);
  }

  #regionAt(address: number): OracleRegion | undefined {
    for (const region of this.setup.regions) {
      const { guestAddress, bytes } = region;
      if (
        address >= guestAddress && address < guestAddress + bytes.length
      ) return region;
    }
    return undefined;
  }
}
