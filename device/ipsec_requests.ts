/**
 * Requests of the IPSEC service on a data queue: from a chain to a packet and the
 * operation that it needs, and from that to the packet that the guest gets.
 *
 * @module
 */

import { OperationKind } from "../backends/backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
} from "../backends/request_burst.ts";
import type { HeldAssociation } from "./association_objects.ts";
import {
  ESP_HEADER_BYTES,
  EspPacket,
  HEAD_BYTES,
  MAXIMUM_PACKET_BYTES,
  TAIL_BYTES,
} from "./ipsec/esp_packet.ts";
import { finishInbound, prepareInbound } from "./ipsec/inbound.ts";
import { IvSource } from "./ipsec/iv_source.ts";
import { finishOutbound, prepareOutbound } from "./ipsec/outbound.ts";
import {
  OWN_LISTS,
  type RequestSlots,
  SLOT_WORDS,
  SlotField,
} from "./request_slots.ts";
import { PacketMemory, type PacketPlace } from "./packet_memory.ts";
import { DescriptorChain, showChain } from "./ring/chain.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { ThreadSessions } from "./session/thread_sessions.ts";
import {
  decodeIpsecRequest,
  IPSEC_SOURCE_AT,
  IpsecOpcode,
  IpsecRequest,
  isIpsecRequest,
} from "./wire/ipsec_request.ts";
import { Status } from "./wire/status.ts";

/** Where a data queue finds associations, and what it shares for them. */
export interface AssociationTable {
  find(isOutbound: boolean, id: number): HeldAssociation | undefined;
  readonly ivCounter: BigUint64Array;
}

/** What a data queue's IPSEC requests work on. */
export interface IpsecRequestsOptions {
  readonly virtqueue: Virtqueue;
  readonly requests: RequestSlots;
  readonly revision1: boolean;
  readonly sessions: ThreadSessions;
  readonly associations: AssociationTable;
  readonly maximumSizeBytes: number;
}

/** The IPSEC requests of one data queue. */
export class IpsecRequests {
  /** Status of the request that was finished last. */
  outcome = Status.Ok as Status;
  readonly #options: IpsecRequestsOptions;
  readonly #ivs: IvSource;
  readonly #request = new IpsecRequest();
  readonly #chain = new DescriptorChain();
  readonly #memory = new PacketMemory();
  /** Where the packets under way lie, by slot. */
  readonly #places: (PacketPlace | undefined)[] = [];
  /** Packets under way, by slot of the ring, … */
  readonly #packets: (EspPacket | undefined)[] = [];
  /** … and those that are kept for the next. */
  readonly #spare: EspPacket[] = [];

  constructor(options: IpsecRequestsOptions) {
    this.#options = options;
    this.#ivs = new IvSource(options.associations.ivCounter);
  }

  /** Whether a request with this header is one of these. */
  takes(header: DataView, availableBytes: number): boolean {
    return isIpsecRequest(header, availableBytes);
  }

  /** Whether the request in a slot is one of these. */
  has(slot: number): boolean {
    return this.#packets[slot] !== undefined;
  }

  /** Fills the slot; any status but Ok is the request's outcome. */
  prepare(
    slot: number,
    chain: DescriptorChain,
    header: DataView,
    headerBytes: number,
  ): Status {
    const request = this.#request;
    const { associations, sessions, revision1 } = this.#options;
    const decoded = decodeIpsecRequest(header, headerBytes, revision1, request);
    if (decoded !== Status.Ok) return decoded;
    const isOutbound = request.opcode === IpsecOpcode.Outbound;
    const held = associations.find(isOutbound, request.associationId);
    const session = held
      ? sessions.ownIndex.numberOf(held.sessionId)
      : NO_SESSION;
    if (!held || session === NO_SESSION) return Status.InvalidSession;
    if (!this.#lengthsFit(chain)) return Status.Error;
    const lengthBytes = HEAD_BYTES + request.sourceBytes + TAIL_BYTES;
    const place = this.#memory.take(slot, lengthBytes);
    // Only a backend that finishes later can have so many under way.
    if (!place) return Status.Error;
    const { memory } = place;
    this.#places[slot] = place;
    const { requests } = this.#options;
    requests.words[SLOT_WORDS * slot + SlotField.Session] = session;
    sessions.begun(session);
    const packet = this.#spare.pop() ?? new EspPacket();
    this.#packets[slot] = packet;
    packet.memory = memory;
    packet.usedBytes = lengthBytes;
    packet.association = held.association;
    packet.resultLimitBytes = request.destinationBytes;
    chain.readable.read(
      IPSEC_SOURCE_AT,
      memory.viewOf(HEAD_BYTES, request.sourceBytes),
    );
    const prepared = isOutbound
      ? prepareOutbound(packet, request.sourceBytes, this.#ivs)
      : prepareInbound(packet, request.sourceBytes);
    return prepared === Status.Ok ? this.#send(slot, packet) : prepared;
  }

  #lengthsFit({ readable, writable }: DescriptorChain): boolean {
    const { sourceBytes, destinationBytes } = this.#request;
    return sourceBytes <= MAXIMUM_PACKET_BYTES &&
      sourceBytes + destinationBytes <= this.#options.maximumSizeBytes &&
      IPSEC_SOURCE_AT + sourceBytes <= readable.totalBytes &&
      destinationBytes + 1 <= writable.totalBytes;
  }

  #send(slot: number, packet: EspPacket): Status {
    const { requests, sessions } = this.#options;
    fillRequest(requests, slot, packet, this.#places[slot]!);
    const { fields } = requests.burst;
    const at = BURST_WORDS * slot;
    const route = sessions.route(
      requests.words[SLOT_WORDS * slot + SlotField.Session]!,
      fields[at + BurstField.Source + ListField.TotalBytes]!,
      fields[at + BurstField.Kind]!,
    );
    if (!route) return Status.Error;
    requests.send(slot, route, false, OWN_LISTS);
    return Status.Ok;
  }

  /**
   * Brings a packet to its end and writes the result, whose length it returns;
   * `outcome` is the status then.
   */
  finish(slot: number, status: Status): number {
    const packet = this.#packets[slot]!;
    this.#packets[slot] = undefined;
    this.#options.requests.own.empty(slot);
    this.outcome = status === Status.Ok ? finishPacket(packet) : status;
    const isProcessed = this.outcome === Status.Ok ||
      this.outcome === Status.SoftExpiry;
    // What is counted as failed.
    this.#options.requests.end(slot, isProcessed ? Status.Ok : this.outcome);
    const resultBytes = isProcessed ? this.#deliver(slot, packet) : 0;
    this.#memory.give(this.#places[slot]!, packet.usedBytes);
    this.#spare.push(packet);
    return resultBytes;
  }

  #deliver(slot: number, packet: EspPacket): number {
    showChain(this.#options.virtqueue, slot, this.#chain);
    const { resultStart, resultEnd, memory } = packet;
    const resultBytes = resultEnd - resultStart;
    this.#chain.writable.write(0, memory.viewOf(resultStart, resultBytes));
    return resultBytes;
  }
}

function finishPacket(packet: EspPacket): Status {
  return packet.association.isOutbound
    ? finishOutbound(packet)
    : finishInbound(packet);
}

/** Makes the request work on the packet, in place. */
function fillRequest(
  requests: RequestSlots,
  slot: number,
  packet: EspPacket,
  place: PacketPlace,
): void {
  const burst = requests.own;
  const { fields, ivs } = burst;
  const { association, sourceStart, sourceEnd, ivWords } = packet;
  const { kind, ivBytes, icvBytes } = association.suite;
  const { start, regionNumber } = place;
  const sourceBytes = sourceEnd - sourceStart;
  const at = BURST_WORDS * slot;
  const source = start + sourceStart;
  burst.empty(slot);
  burst.setRegion(regionNumber, place.region);
  for (let i = 0; i < IV_WORDS; i++) ivs[IV_WORDS * slot + i] = ivWords[i]!;
  fields[at + BurstField.IvBytes] = packet.ivBytes;
  const digest = start + packet.digestAt;
  burst.append(slot, BurstField.Digest, regionNumber, digest, icvBytes);
  if (kind === "mac") {
    const { prefixBytes } = packet;
    fields[at + BurstField.Kind] = OperationKind.Digest;
    if (prefixBytes > 0) {
      burst.append(slot, BurstField.Source, regionNumber, start, prefixBytes);
    }
    burst.append(slot, BurstField.Source, regionNumber, source, sourceBytes);
    return;
  }
  fields[at + BurstField.Kind] = association.isOutbound
    ? OperationKind.Encrypt
    : OperationKind.Decrypt;
  burst.append(slot, BurstField.Source, regionNumber, source, sourceBytes);
  burst.append(slot, BurstField.Destination, regionNumber, source, sourceBytes);
  if (kind === "aead") {
    const { prefixBytes } = packet;
    burst.append(
      slot,
      BurstField.AdditionalData,
      regionNumber,
      start,
      prefixBytes,
    );
    return;
  }
  fields[at + BurstField.CipherStart] = ESP_HEADER_BYTES + ivBytes;
  fields[at + BurstField.CipherBytes] = packet.dataEnd - packet.dataStart;
  fields[at + BurstField.HashStart] = 0;
  fields[at + BurstField.HashBytes] = sourceBytes;
}
