/**
 * Memory that a ring's thread and a lane's thread share: which operations have
 * been sent, which have ended, and their numbers. Their bytes are in blocks of
 * their own (`block_pool.ts`); a session's record lies in memory that is wiped when
 * it has been taken.
 *
 * The sender writes an operation and then its entry, and stores the count of
 * entries last; the lane loads the count first ("Memory order" in
 * docs/architecture.md). Back it is the same, with the count of ended ones. Each
 * side has a word that says whether it has to be woken (`awake_word.ts`): the lane
 * by a message, the sender by the descriptor that ends its waiting.
 *
 * @module
 */

import type { AnnouncementPlace } from "../session/announcement_memory.ts";

/** Operations that a channel has room for. */
export const SLOTS = 256;

/** Words before the entries. */
export const enum ControlWord {
  /** Operations that were sent. */
  Submitted = 0,
  /** Operations that have ended. */
  Completed = 1,
  /** Messages in the port. */
  Messages = 2,
  /** Whether the ring's thread looks for what has ended, or has been woken. */
  SenderAwake = 3,
  /** Whether the lane looks for what is sent, or has been woken. */
  LaneAwake = 4,
  /** The processors that the two were on when they last gave something. */
  SenderProcessor = 5,
  LaneProcessor = 6,
  /** First entry of those that were sent. */
  SubmittedEntries = 7,
  CompletedEntries = SubmittedEntries + SLOTS,
  Records = CompletedEntries + SLOTS,
}

/** Words of an operation's record. */
export const enum RecordWord {
  Session = 0,
  Kind = 1,
  /** Number of the block with its bytes. */
  Block = 2,
  /** Whether its digest is an input. */
  ReadsTag = 3,
  SourceBytes = 4,
  AdditionalBytes = 5,
  DestinationBytes = 6,
  DigestBytes = 7,
  CipherStart = 8,
  CipherBytes = 9,
  HashStart = 10,
  HashBytes = 11,
  IvBytes = 12,
  Status = 13,
  WrittenBytes = 14,
  /** Four words with the IV. */
  Iv = 16,
  Words = 20,
}

const CONTROL_BYTES = 4 * (ControlWord.Records + RecordWord.Words * SLOTS);

/** Parts of a block begin at multiples of this. */
const ALIGNMENT_BYTES = 8;

const aligned = (lengthBytes: number): number =>
  Math.ceil(lengthBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;

/** Where in its block an operation's bytes are: one part after the other. */
export class BlockLayout {
  source = 0;
  additionalData = 0;
  destination = 0;
  digest = 0;
  totalBytes = 0;

  /** Lays out an operation with parts of these lengths. */
  set(
    sourceBytes: number,
    additionalBytes: number,
    destinationBytes: number,
    digestBytes: number,
  ): void {
    this.additionalData = aligned(sourceBytes);
    this.destination = this.additionalData + aligned(additionalBytes);
    this.digest = this.destination + aligned(destinationBytes);
    this.totalBytes = this.digest + aligned(digestBytes);
  }
}

/** What a lane is told besides operations, in order. */
export type ChannelMessage =
  | {
    readonly kind: "open";
    readonly session: number;
    readonly guest: number;
    readonly place: AnnouncementPlace;
  }
  | { readonly kind: "close"; readonly session: number }
  | {
    readonly kind: "block";
    readonly block: number;
    readonly memory: SharedArrayBuffer;
  }
  | { readonly kind: "drop"; readonly block: number }
  | { readonly kind: "health" };

/** What a lane answers to `health`. */
export interface HealthAnswer {
  readonly health: string | undefined;
}

/** What both ends of a channel are given; structured-cloneable. */
export interface ChannelEnd {
  readonly control: SharedArrayBuffer;
  /** Of the lane's `LaneWatch`. */
  readonly watch: SharedArrayBuffer;
  readonly port: MessagePort;
  /** Messages that say nothing wake the lane. */
  readonly bell: MessagePort;
}

/** The two ends of a new channel. */
export interface Channel {
  readonly sender: ChannelEnd;
  readonly lane: ChannelEnd;
}

/** Makes a channel to the lane with this memory of its watch. */
export function createChannel(watch: SharedArrayBuffer): Channel {
  const control = new SharedArrayBuffer(CONTROL_BYTES);
  const ports = new MessageChannel();
  const bells = new MessageChannel();
  return {
    sender: { control, watch, port: ports.port1, bell: bells.port1 },
    lane: { control, watch, port: ports.port2, bell: bells.port2 },
  };
}

/** First word of the record in `slot`. */
export const recordAt = (slot: number): number =>
  ControlWord.Records + RecordWord.Words * slot;
