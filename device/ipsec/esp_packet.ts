/**
 * One packet on its way through ESP: a private copy with room around it, and
 * where in it the parts lie that cryptography works on.
 *
 * Whatever the guest does to its memory meanwhile, the packet is read once; and
 * nothing of a result is seen before it is whole and has been found good.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import { Status } from "../wire/status.ts";
import type { EspAssociation } from "./association.ts";
import { IpHeader } from "./ip_header.ts";
import type { IvSource } from "./iv_source.ts";
import { IvKind } from "./suites.ts";

/** Before the packet: what goes before it, and associated data at the start. */
export const HEAD_BYTES = 128;
/** Behind it: padding, trailer, ICV, the ICV to compare, the one computed. */
export const TAIL_BYTES = 128;
/** The longest IP packet that has a length field. */
export const MAXIMUM_PACKET_BYTES = 65575;

/** SPI and sequence number, in front of the IV (RFC 4303 §2). */
export const ESP_HEADER_BYTES = 8;
/** Padding's length and the next header, behind the payload. */
export const TRAILER_BYTES = 2;
export const UDP_HEADER_BYTES = 8;

/** Where the ICV is kept that came with a packet, from the end of its data. */
const RECEIVED_ICV_AT = 32;
/** … and where the one is computed that has to be looked at first. */
const COMPUTED_ICV_AT = 64;
const ESN_BYTES = 4;

/** A counter of 1 behind the nonce (RFC 3686 §4), as bytes lie. */
const BLOCK_COUNTER = 1 << 24;

/** Memory and numbers of a packet, kept and refilled. */
export class EspPacket {
  memory!: Region;
  /** Bytes of it that may hold something of the packet. */
  usedBytes = 0;
  association!: EspAssociation;
  readonly header = new IpHeader();
  /** What the request has room for. */
  resultLimitBytes = 0;
  sequence = 0;
  /** Bytes that count for a lifetime. */
  countedBytes = 0;
  espStart = 0;
  /** The payload with its trailer, and the ICV from `dataEnd` on. */
  dataStart = 0;
  dataEnd = 0;
  /** What the guest gets. */
  resultStart = 0;
  resultEnd = 0;

  /** The IV of the cipher, or of the AEAD. */
  readonly iv = new Uint8Array(new ArrayBuffer(16));
  /** The same as words. */
  readonly ivWords = new Uint32Array(this.iv.buffer);
  ivBytes = 0;
  /** Bytes at the start of `memory` that go before the source or are its AAD. */
  prefixBytes = 0;
  sourceStart = 0;
  sourceEnd = 0;
  digestAt = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.memory.bytes;
  }

  get view(): DataView {
    return this.memory.view;
  }

  /** Writes SPI, sequence number and, of a packet to send, the IV. */
  writeEspHeader(ivs: IvSource): void {
    const { association, espStart, view } = this;
    const { suite, spi } = association;
    view.setUint32(espStart, spi);
    view.setUint32(espStart + 4, this.sequence >>> 0);
    const ivAt = espStart + ESP_HEADER_BYTES;
    if (suite.iv === IvKind.Random) {
      ivs.writeRandom(this.bytes, ivAt, suite.ivBytes);
    } else if (suite.iv !== IvKind.None) ivs.writeNext(view, ivAt);
  }

  /** Lays out what the backend is asked for, once the ESP header is there. */
  layOutOperation(): void {
    const { association, espStart, dataEnd } = this;
    const { kind, ivLeadsData } = association.suite;
    this.#takeIv();
    this.prefixBytes = 0;
    if (kind === "aead") {
      this.#writeSequence(0);
      this.sourceStart = this.dataStart;
      this.sourceEnd = dataEnd;
      this.digestAt = dataEnd;
      return;
    }
    this.sourceStart = espStart;
    this.sourceEnd = dataEnd;
    if (ivLeadsData) {
      // RFC 4543 §3: the nonce, and then what an AEAD would have as AAD.
      this.bytes.set(this.iv.subarray(0, this.ivBytes));
      this.#writeSequence(this.ivBytes);
      this.sourceStart = espStart + ESP_HEADER_BYTES;
      this.ivBytes = 0;
    } else if (association.isExtended) {
      // Behind all that is authenticated, and not sent (RFC 4303 §2.8).
      this.view.setUint32(dataEnd, this.#sequenceHigh());
      this.sourceEnd += ESN_BYTES;
    }
    this.digestAt = dataEnd + COMPUTED_ICV_AT;
  }

  /** SPI and sequence number as AEADs authenticate them (RFC 4106 §5). */
  #writeSequence(at: number): void {
    const { view, association } = this;
    view.setUint32(at, association.spi);
    let next = at + 4;
    if (association.isExtended) {
      view.setUint32(next, this.#sequenceHigh());
      next += ESN_BYTES;
    }
    view.setUint32(next, this.sequence >>> 0);
    this.prefixBytes = next + 4;
  }

  #sequenceHigh(): number {
    return Math.floor(this.sequence / 2 ** 32);
  }

  #takeIv(): void {
    const { suite, salt } = this.association;
    const { saltBytes, ivBytes } = suite;
    const from = this.espStart + ESP_HEADER_BYTES;
    const { iv, bytes } = this;
    if (saltBytes === 4 && ivBytes === 8) {
      // Whole words, as they have been written: pieces would be waited for.
      const { view, ivWords } = this;
      ivWords[0] = salt[0]! | salt[1]! << 8 | salt[2]! << 16 | salt[3]! << 24;
      ivWords[1] = view.getUint32(from, true);
      ivWords[2] = view.getUint32(from + 4, true);
      ivWords[3] = BLOCK_COUNTER;
      this.ivBytes = suite.iv === IvKind.NonceAndCounter ? 16 : 12;
      return;
    }
    for (let i = 0; i < saltBytes; i++) iv[i] = salt[i]!;
    for (let i = 0; i < ivBytes; i++) iv[saltBytes + i] = bytes[from + i]!;
    this.ivBytes = saltBytes + ivBytes;
  }

  /** Puts the ICV that came with a packet aside; its place may be needed. */
  keepReceivedIcv(): void {
    const { dataEnd } = this;
    const { icvBytes } = this.association.suite;
    const to = dataEnd + RECEIVED_ICV_AT;
    this.bytes.copyWithin(to, dataEnd, dataEnd + icvBytes);
  }

  /** Puts a computed ICV in its place. */
  placeComputedIcv(): void {
    const { digestAt, dataEnd } = this;
    if (digestAt === dataEnd) return;
    const { icvBytes } = this.association.suite;
    this.bytes.copyWithin(dataEnd, digestAt, digestAt + icvBytes);
  }

  /**
   * Whether the computed ICV is the one that came with the packet; takes the same
   * time for all.
   */
  icvIsRight(): boolean {
    const { bytes, dataEnd, digestAt, association } = this;
    let difference = 0;
    for (let i = 0; i < association.suite.icvBytes; i++) {
      difference |= bytes[digestAt + i]! ^
        bytes[dataEnd + RECEIVED_ICV_AT + i]!;
    }
    return difference === 0;
  }

  /** Whether a hard limit is reached, so that nothing more is processed. */
  isOver(): boolean {
    const { lifetime, state } = this.association;
    return lifetime !== undefined &&
      (isReached(lifetime.hardPackets, state.packets) ||
        isReached(lifetime.hardBytes, state.bytes));
  }

  /**
   * Counts the packet: the one that reaches a hard limit is the last. Called when
   * all else is done, since only what was processed counts.
   */
  count(): Status {
    const { lifetime, state } = this.association;
    if (lifetime === undefined) return Status.Ok;
    const { countedBytes } = this;
    const packets = state.countPacket();
    const bytes = state.countBytes(countedBytes);
    if (
      isReached(lifetime.hardPackets, packets) ||
      isReached(lifetime.hardBytes, bytes)
    ) {
      state.uncount(countedBytes);
      return Status.Error;
    }
    return isReached(lifetime.softPackets, packets + 1) ||
        isReached(lifetime.softBytes, bytes + countedBytes)
      ? Status.SoftExpiry
      : Status.Ok;
  }
}

/** A limit of 0 is none, and neither is one that no number holds (NaN). */
const isReached = (limit: number, count: number): boolean =>
  limit > 0 && count >= limit;
