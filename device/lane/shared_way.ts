/**
 * A lane on another thread, as the thread of rings reaches it: through a channel
 * that the rings of all guests on the thread share.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../../backends/backend.ts";
import type { FailureListener } from "../session/failure.ts";
import { AnnouncementMemory } from "../session/announcement_memory.ts";
import { type Block, BlockPool } from "./block_pool.ts";
import {
  BlockLayout,
  type ChannelEnd,
  type ChannelMessage,
  ControlWord,
  type HealthAnswer,
  recordAt,
  RecordWord,
  SLOTS,
} from "./channel.ts";
import { fallsAsleep, mustWake, staysAwake } from "./awake_word.ts";
import { jobBytes } from "./copies.ts";
import { writeRecord } from "./operation_record.ts";
import { CallWatch } from "../../backends/call_watch.ts";
import {
  GuestWay,
  type SharedChannel,
  type SharedHandle,
} from "./guest_way.ts";
import type { LaneEntry, LaneWay } from "./lane_thread.ts";

type NodePort = Parameters<typeof receiveMessageOnPort>[0];

/** What the copies of all guests of a thread may take; one may have more. */
const BYTES = 64 * 1024 * 1024;

interface Sent {
  readonly entry: LaneEntry;
  readonly way: GuestWay;
  readonly block: Block;
  readonly usedBytes: number;
}

/** The channel to a lane, on the thread of rings. */
export class LaneChannel implements SharedChannel {
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #controlBytes: Uint8Array<SharedArrayBuffer>;
  readonly #watch: CallWatch;
  readonly #failed: FailureListener;
  readonly #backend: string;
  readonly #processor: () => number;
  #health: string | undefined = "it has not been asked yet";
  readonly #port: MessagePort;
  readonly #bell: MessagePort;
  readonly #records = new AnnouncementMemory();
  readonly #blocks: BlockPool;
  readonly #layout = new BlockLayout();
  readonly #freeSlots: number[] = [];
  readonly #sent: (Sent | undefined)[] = [];
  #bytes = 0;
  #sessions = 0;
  #submitted = 0;
  #completed = 0;
  #hasCollected = false;

  /**
   * `failed` hears what the lane of `backend` cannot say itself; `processor` tells
   * which one the thread is on.
   */
  constructor(
    { control, watch, port, bell }: ChannelEnd,
    backend: string,
    failed: FailureListener,
    processor: () => number,
  ) {
    this.#processor = processor;
    this.#backend = backend;
    this.#failed = failed;
    this.#control = new Int32Array(control);
    this.#controlBytes = new Uint8Array(control);
    this.#watch = new CallWatch(watch);
    this.#port = port;
    this.#bell = bell;
    for (let slot = SLOTS - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
    this.#blocks = new BlockPool(
      ({ number, memory }) =>
        this.#tell({ kind: "block", block: number, memory }),
      ({ number }) => this.#tell({ kind: "drop", block: number }),
    );
  }

  /** The way of one guest, whose number no other guest has. */
  guest(guest: number): LaneWay {
    return new GuestWay(this, guest);
  }

  #tell(message: ChannelMessage): void {
    this.#port.postMessage(message);
    Atomics.add(this.#control, ControlWord.Messages, 1);
  }

  openSession(guest: number, description: SessionDescription): SharedHandle {
    const number = ++this.#sessions;
    const place = this.#records.put({ id: number, description }, 1);
    this.#tell({ kind: "open", session: number, guest, place });
    this.ring();
    return { number, isAead: description.service === "aead" };
  }

  closeSession({ number }: SharedHandle): void {
    this.#tell({ kind: "close", session: number });
    this.ring();
  }

  /** Sends an operation; false: there is no room for it now. */
  begin(entry: LaneEntry, way: GuestWay): boolean {
    const operation = entry.operation!;
    const bytes = jobBytes(operation);
    if (this.isStuck) {
      way.giveUp(entry);
      return true;
    }
    if (this.#bytes > 0 && this.#bytes + bytes > BYTES) return false;
    if (way.isFull(bytes)) return false;
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return false;
    const { number } = entry.session as SharedHandle;
    const block = this.#copy(operation, entry.readsTag, slot, number);
    const usedBytes = this.#layout.totalBytes;
    this.#sent[slot] = { entry, way, block, usedBytes };
    this.#bytes += bytes;
    way.sent(bytes);
    const control = this.#control;
    control[ControlWord.SubmittedEntries + this.#submitted % SLOTS] = slot;
    this.#submitted = this.#submitted + 1 & 0x3fff_ffff;
    Atomics.store(control, ControlWord.Submitted, this.#submitted);
    return true;
  }

  #copy(
    operation: Operation,
    readsTag: boolean,
    slot: number,
    session: number,
  ): Block {
    const { source, additionalData, destination, digest } = operation;
    const layout = this.#layout;
    layout.set(
      source.totalBytes,
      additionalData.totalBytes,
      destination.totalBytes,
      digest.totalBytes,
    );
    const block = this.#blocks.take(layout.totalBytes);
    const { bytes } = block;
    const part = (start: number, lengthBytes: number) =>
      bytes.subarray(start, start + lengthBytes);
    source.read(0, part(layout.source, source.totalBytes));
    additionalData.read(
      0,
      part(layout.additionalData, additionalData.totalBytes),
    );
    if (readsTag) digest.read(0, part(layout.digest, digest.totalBytes));
    writeRecord(this.#control, this.#controlBytes, operation, {
      slot,
      session,
      block: block.number,
      readsTag,
    });
    return block;
  }

  /** Has the lane look at what was sent. */
  ring(): void {
    this.#control[ControlWord.SenderProcessor] = this.#processor();
    if (mustWake(this.#control, ControlWord.LaneAwake)) {
      this.#bell.postMessage(undefined);
    }
  }

  /** Gives each guest what has ended of its own. */
  collect(): void {
    this.#takeEnded();
    if (this.isStuck) this.#giveUp();
  }

  /** Whether something had ended. */
  #takeEnded(): boolean {
    const control = this.#control;
    const completed = Atomics.load(control, ControlWord.Completed);
    if (this.#completed === completed) return false;
    while (this.#completed !== completed) {
      const at = ControlWord.CompletedEntries + this.#completed % SLOTS;
      this.#completed = this.#completed + 1 & 0x3fff_ffff;
      this.#takeBack(control[at]!);
    }
    this.collected();
    return true;
  }

  collected(): void {
    this.#hasCollected = true;
  }

  /** Whether something has been collected since the last call. */
  takeCollected(): boolean {
    const hasCollected = this.#hasCollected;
    this.#hasCollected = false;
    return hasCollected;
  }

  /** Whether the lane was last on the processor that the thread is on. */
  get sharesProcessor(): boolean {
    return this.#control[ControlWord.LaneProcessor] === this.#processor();
  }

  /** Nobody needs to signal the thread from now on: it looks for itself. */
  stayAwake(): void {
    staysAwake(this.#control, ControlWord.SenderAwake); // model: raise flag
  }

  /**
   * Has the lane signal from now on; true: something has ended already, and its
   * guests are to be given a turn.
   */
  fallAsleep(): boolean {
    fallsAsleep(this.#control, ControlWord.SenderAwake); // model: lower flag
    return this.#takeEnded(); // model: last ended
  }

  /** Whether nothing can be given to the lane: its thread is stuck in a call. */
  get isStuck(): boolean {
    return this.#watch.isStuck;
  }

  /** All that is on the way is unavailable; its room is free when it ends. */
  #giveUp(): void {
    const reason = this.#watch.takeStuckCall();
    if (reason !== undefined) {
      this.#failed({ of: "backend", backend: this.#backend, reason });
    }
    for (const sent of this.#sent) sent?.way.giveUp(sent.entry);
  }

  /** Why the backend cannot work, as it said the last time; asks anew. */
  health(): string | undefined {
    if (this.#watch.isStuck) return "a call of it does not return";
    for (;;) {
      const received = receiveMessageOnPort(this.#port as unknown as NodePort);
      if (!received) break;
      this.#health = (received.message as HealthAnswer).health;
    }
    this.askHealth();
    return this.#health;
  }

  askHealth(): void {
    this.#tell({ kind: "health" });
    this.ring();
  }

  #takeBack(slot: number): void {
    const { entry, way, block, usedBytes } = this.#sent[slot]!;
    const at = recordAt(slot);
    entry.status = this.#control[at + RecordWord.Status]!;
    if (entry.status === OperationStatus.Unavailable) this.askHealth();
    entry.writtenBytes = this.#control[at + RecordWord.WrittenBytes]!;
    const { destinationBytes, digestBytes } = entry;
    const sourceBytes = this.#control[at + RecordWord.SourceBytes]!;
    const additionalBytes = this.#control[at + RecordWord.AdditionalBytes]!;
    const layout = this.#layout;
    layout.set(sourceBytes, additionalBytes, destinationBytes, digestBytes);
    const { bytes } = block;
    entry.destination = bytes.subarray(
      layout.destination,
      layout.destination + destinationBytes,
    );
    entry.digest = bytes.subarray(layout.digest, layout.digest + digestBytes);
    const iv = 4 * (at + RecordWord.Iv);
    this.#controlBytes.fill(0, iv, iv + 16);
    const total = sourceBytes + additionalBytes + destinationBytes +
      digestBytes;
    way.ended(entry, total, () => {
      this.#blocks.give(block, usedBytes);
      this.#sent[slot] = undefined;
      this.#freeSlots.push(slot);
      this.#bytes -= total;
    });
  }

  close(): void {
    this.#records.wipe();
    this.#port.close();
    this.#bell.close();
  }
}
