/**
 * The lane's end of a channel: takes what was sent, and sends back what has ended.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { type OperationKind, OperationStatus } from "../../backends/backend.ts";
import {
  type AnnouncementPlace,
  takeRecord,
} from "../session/announcement_memory.ts";
import { fallsAsleep, mustWake, staysAwake } from "./awake_word.ts";
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
import { type JobData, wipeJob } from "./job.ts";
import type { LaneSession } from "./lane_session.ts";
import type { LookedAt, Lookout } from "./lookout.ts";
import type { Scheduler } from "./scheduler.ts";

type NodePort = Parameters<typeof receiveMessageOnPort>[0];

/** Serves one channel with the scheduler of the lane. */
export class ChannelServer implements LookedAt {
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #controlBytes: Uint8Array<SharedArrayBuffer>;
  readonly #port: MessagePort;
  readonly #bell: MessagePort;
  readonly #scheduler: Scheduler;
  readonly #lookout: Lookout;
  readonly #processor: () => number;
  readonly #signal: () => void;
  readonly #sessions = new Map<number, LaneSession>();
  readonly #blocks = new Map<number, Uint8Array<SharedArrayBuffer>>();
  readonly #layout = new BlockLayout();
  #messages = 0;
  #submitted = 0;
  #completed = 0;
  #detached = false;

  /**
   * `processor` tells which one the lane is on, `signal` wakes the thread of the
   * rings.
   */
  constructor(
    { control, port, bell }: ChannelEnd,
    scheduler: Scheduler,
    lookout: Lookout,
    processor: () => number,
    signal: () => void,
  ) {
    this.#control = new Int32Array(control);
    this.#controlBytes = new Uint8Array(control);
    this.#port = port;
    this.#bell = bell;
    this.#scheduler = scheduler;
    this.#lookout = lookout;
    this.#processor = processor;
    this.#signal = signal;
    bell.onmessage = () => this.#rung();
    lookout.add(this);
    this.#rung();
  }

  #rung(): void {
    if (this.#detached) return;
    this.take();
    this.#lookout.lookSoon();
  }

  get hasMore(): boolean {
    const control = this.#control;
    return Atomics.load(control, ControlWord.Submitted) !== this.#submitted ||
      Atomics.load(control, ControlWord.Messages) !== this.#messages;
  }

  get sharesProcessor(): boolean {
    const sender = this.#control[ControlWord.SenderProcessor];
    return sender === this.#processor();
  }

  stayAwake(): void {
    staysAwake(this.#control, ControlWord.LaneAwake);
  }

  fallAsleep(): boolean {
    fallsAsleep(this.#control, ControlWord.LaneAwake);
    return this.hasMore;
  }

  /** Takes all that has been sent. */
  take(): void {
    const control = this.#control;
    const submitted = Atomics.load(control, ControlWord.Submitted);
    // Sessions and blocks that those operations name were told of before.
    this.#takeMessages();
    while (this.#submitted !== submitted) {
      const at = ControlWord.SubmittedEntries + this.#submitted % SLOTS;
      this.#submitted = this.#submitted + 1 & 0x3fff_ffff;
      this.#take(control[at]!);
    }
  }

  #takeMessages(): void {
    const messages = Atomics.load(this.#control, ControlWord.Messages);
    if (messages === this.#messages) return;
    this.#messages = messages;
    const port = this.#port as unknown as NodePort;
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (!received) return;
      this.#hear(received.message as ChannelMessage);
    }
  }

  #hear(message: ChannelMessage): void {
    switch (message.kind) {
      case "open": {
        const description = tryTaking(message.place);
        // Its thread has ended, and wiped what was on the way.
        if (!description) return;
        const session = this.#scheduler.open(message.guest, description);
        this.#sessions.set(message.session, session);
        return;
      }
      case "close": {
        const session = this.#sessions.get(message.session);
        this.#sessions.delete(message.session);
        if (session) void this.#scheduler.close(session);
        return;
      }
      case "block":
        this.#blocks.set(message.block, new Uint8Array(message.memory));
        return;
      case "drop":
        this.#blocks.delete(message.block);
        return;
      case "health":
        void this.#scheduler.health().then((health) => {
          const answer: HealthAnswer = { health };
          if (!this.#detached) this.#port.postMessage(answer);
        });
    }
  }

  #take(slot: number): void {
    const control = this.#control;
    const at = recordAt(slot);
    const session = this.#sessions.get(control[at + RecordWord.Session]!);
    // Its ring has gone on without it.
    if (!session) return this.#end(slot, OperationStatus.Unavailable, 0);
    const data = this.#copy(at);
    this.#scheduler.submit({
      session,
      data,
      ended: (status, writtenBytes) => {
        if (status === OperationStatus.Ok) this.#giveResults(at, data);
        wipeJob(data);
        this.#end(slot, status, writtenBytes);
      },
    });
  }

  /** The operation's bytes as arrays of its own: a backend may keep them. */
  #copy(at: number): JobData {
    const control = this.#control;
    const { layout, bytes } = this.#locate(at);
    const part = (start: number, lengthBytes: number) => {
      const copy = new Uint8Array(lengthBytes);
      copy.set(bytes.subarray(start, start + lengthBytes));
      return copy;
    };
    const sourceBytes = control[at + RecordWord.SourceBytes]!;
    const additionalBytes = control[at + RecordWord.AdditionalBytes]!;
    const digestBytes = control[at + RecordWord.DigestBytes]!;
    const iv = 4 * (at + RecordWord.Iv);
    const ivBytes = control[at + RecordWord.IvBytes]!;
    return {
      kind: control[at + RecordWord.Kind]! as OperationKind,
      iv: new Uint8Array(this.#controlBytes.subarray(iv, iv + ivBytes)),
      source: part(layout.source, sourceBytes),
      additionalData: part(layout.additionalData, additionalBytes),
      destination: new Uint8Array(control[at + RecordWord.DestinationBytes]!),
      digest: control[at + RecordWord.ReadsTag] === 1
        ? part(layout.digest, digestBytes)
        : new Uint8Array(digestBytes),
      cipherStart: control[at + RecordWord.CipherStart]!,
      cipherBytes: control[at + RecordWord.CipherBytes]!,
      hashStart: control[at + RecordWord.HashStart]!,
      hashBytes: control[at + RecordWord.HashBytes]!,
    };
  }

  #locate(at: number) {
    const control = this.#control;
    this.#layout.set(
      control[at + RecordWord.SourceBytes]!,
      control[at + RecordWord.AdditionalBytes]!,
      control[at + RecordWord.DestinationBytes]!,
      control[at + RecordWord.DigestBytes]!,
    );
    const bytes = this.#blocks.get(control[at + RecordWord.Block]!)!;
    return { layout: this.#layout, bytes };
  }

  #giveResults(at: number, { destination, digest }: JobData): void {
    const { layout, bytes } = this.#locate(at);
    bytes.set(destination, layout.destination);
    bytes.set(digest, layout.digest);
  }

  #end(slot: number, status: number, writtenBytes: number): void {
    if (this.#detached) return;
    const control = this.#control;
    const at = recordAt(slot);
    control[at + RecordWord.Status] = status;
    control[at + RecordWord.WrittenBytes] = writtenBytes;
    control[ControlWord.CompletedEntries + this.#completed % SLOTS] = slot;
    this.#completed = this.#completed + 1 & 0x3fff_ffff;
    control[ControlWord.LaneProcessor] = this.#processor();
    Atomics.store(control, ControlWord.Completed, this.#completed);
    if (mustWake(control, ControlWord.SenderAwake)) this.#signal();
    this.#lookout.lookSoon();
  }

  /** Closes all sessions; nobody is signalled after that. */
  detach(): void {
    this.#takeMessages();
    this.#detached = true;
    this.#lookout.remove(this);
    for (const session of this.#sessions.values()) {
      void this.#scheduler.close(session);
    }
    this.#sessions.clear();
    this.#port.close();
    this.#bell.close();
  }
}

function tryTaking(place: AnnouncementPlace): SessionDescription | undefined {
  try {
    return takeRecord(place).description;
  } catch {
    return undefined;
  }
}
