/**
 * Requests whose data is in the descriptor chain: the layouts of virtio 1.1 to
 * 1.4 (§5.9.9.3), padded or REVISION_1, with a session or stateless. How they are
 * answered is in `chain_outcomes.ts`.
 *
 * @module
 */

import { copyIv, fillNumbers, ivRoom } from "./fill_request.ts";
import { BurstOverlaps } from "./burst_overlaps.ts";
import { ChainOutcomes, STATUS_BYTES } from "./chain_outcomes.ts";
import { checkRequest } from "./request_check.ts";
import {
  BURST_WORDS,
  BurstField,
  type BurstList,
  ListField,
} from "../backends/request_burst.ts";
import { areOutputsApart } from "../memory/range_set.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { type AssociationTable, IpsecRequests } from "./ipsec_requests.ts";
import type { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import { RepeatedRequests } from "./repeated_requests.ts";
import type { RequestFormat } from "./request_format.ts";
import {
  IN_PLACE,
  RequestSlots,
  SLOT_WORDS,
  SlotField,
} from "./request_slots.ts";
import { ChainFault, DescriptorChain, showChain } from "./ring/chain.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { SessionRules } from "./session/session_rules.ts";
import type {
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import { openStateless } from "./stateless_session.ts";
import { layOutDataRequest } from "./wire/data_layout.ts";
import {
  DataRequest,
  decodeDataRequest,
  longestDataHeaderBytes,
  MAXIMUM_HEADER_BYTES,
} from "./wire/data_request.ts";
import type { WireMode } from "./wire/mode.ts";
import { DataOpcode, ServiceNumber } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

// The engine folds constants of a module of its own only.
const BURST = BURST_WORDS;
/** Above every slot; the engine knows what a masked number cannot be. */
const MASK = 0xffff;
const SOURCE_BYTES = BurstField.Source + ListField.TotalBytes;
const SLOT = SLOT_WORDS;
const SLOT_SESSION = SlotField.Session;
const DIGEST_BYTES = SlotField.DigestBytes;
const MAY_OVERWRITE = SlotField.MayOverwrite;
const PLACE = IN_PLACE;
const RESULT = BurstField.Destination + ListField.First;
const NONE = NO_SESSION;

/** The formats of one data queue, for the mode that was negotiated. */
export class ChainRequests implements RequestFormat {
  readonly requests: RequestSlots;
  readonly #virtqueue: Virtqueue;
  readonly #mode: WireMode;
  readonly #sessions: ThreadSessions;
  readonly #settings: ThreadSettings;
  readonly #repeated: RepeatedRequests;
  readonly #overlaps: BurstOverlaps;
  readonly #longestHeaderBytes: number;
  /** The request that is looked at: its chain, its header, what that says. */
  readonly #chain = new DescriptorChain();
  readonly #header = new Region(new Uint8Array(MAXIMUM_HEADER_BYTES));
  #headerBytes = 0;
  readonly #request = new DataRequest();
  readonly #outcomes: ChainOutcomes;
  /** Those of the IPSEC service, where the guest can have associations. */
  readonly #ipsec: IpsecRequests | undefined;
  readonly #iv = new Segments();
  readonly #ivRoom = ivRoom();
  readonly #part = new Segments();

  constructor(
    virtqueue: Virtqueue,
    mode: WireMode,
    sessions: ThreadSessions,
    settings: ThreadSettings,
    associations?: AssociationTable,
  ) {
    const { slots } = virtqueue;
    this.requests = new RequestSlots(slots.count, slots.lists);
    this.#virtqueue = virtqueue;
    this.#mode = mode;
    this.#longestHeaderBytes = longestDataHeaderBytes(mode);
    this.#sessions = sessions;
    this.#settings = settings;
    const { burst } = this.requests;
    this.#overlaps = new BurstOverlaps(burst);
    this.#repeated = new RepeatedRequests(virtqueue, this.requests, sessions);
    this.#ipsec = associations && new IpsecRequests({
      virtqueue,
      requests: this.requests,
      revision1: mode.revision1,
      sessions,
      associations,
      maximumSizeBytes: settings.maximumSizeBytes,
    });
    this.#outcomes = new ChainOutcomes(virtqueue, this.requests, this.#ipsec);
  }

  prepare(
    chosen: Int32Array<ArrayBuffer>,
    count: number,
    ready: Int32Array<ArrayBuffer>,
  ): number {
    const repeated = this.#repeated;
    this.requests.mayOverwrite = false;
    let readyCount = 0;
    for (let done = 0; done < count; done++) {
      const next = repeated.repeat(chosen, done, count, ready, readyCount);
      readyCount += next - done;
      done = next;
      if (done === count) break;
      const slot = chosen[done]!;
      const { session } = repeated;
      const status = session === NONE
        ? this.#prepareOther(slot)
        : this.#prepareAgain(slot, session);
      if (status === Status.Ok) ready[readyCount++] = slot;
      else this.requests.end(slot, status);
    }
    return readyCount;
  }

  #prepareOther(slot: number): Status {
    this.#repeated.forget(slot);
    this.requests.reset(slot);
    showChain(this.#virtqueue, slot, this.#chain);
    return this.#chain.fault === ChainFault.None
      ? this.#prepareAnew(slot)
      : Status.Error;
  }

  /** It is to be looked at whether it does. */
  #mayOverwrite(slot: number): void {
    this.requests.words[SLOT * slot + MAY_OVERWRITE] = 1;
    this.requests.mayOverwrite = true;
  }

  nextOverwriting(slots: Int32Array, start: number, end: number): number {
    const { words } = this.requests;
    let at = start;
    while (
      at < end && words[SLOT * (slots[at]! & MASK) + MAY_OVERWRITE] === 0
    ) at = (at + 1) | 0;
    return at;
  }

  findOverwritten(
    slot: number,
    into: OverwrittenRanges,
    isAll: boolean,
  ): void {
    const { lists, readableWords } = this.#virtqueue.slots;
    const start = lists.starts[slot]!;
    const { burst: { fields }, words } = this.requests;
    if (!isAll && words[SLOT * slot + MAY_OVERWRITE] === PLACE) {
      const result = start + fields[BURST * slot + RESULT]!;
      return into.take(lists.block, result);
    }
    const outputs = start + readableWords[slot]!;
    into.find(lists.block, start, outputs, lists.ends[slot]!);
  }

  releaseLists(): void {
    this.#chain.release();
    this.#iv.release();
    this.#part.release();
    this.#overlaps.release();
  }

  /**
   * Another request like the slot's last, but for the way that it goes or where
   * its lists are.
   */
  #prepareAgain(slot: number, session: number): Status {
    const { words } = this.requests;
    words[SLOT * slot + SLOT_SESSION] = session;
    this.#mayOverwrite(slot);
    this.#sessions.begun(session);
    this.#repeated.copyIv(slot);
    return this.#send(slot, this.#isEntangled(slot));
  }

  #isEntangled(slot: number): boolean {
    const { lists, readableWords } = this.#virtqueue.slots;
    const { block, starts, ends } = lists;
    const start = starts[slot]!;
    const outputs = start + readableWords[slot]!;
    if (areOutputsApart(block, start, outputs, ends[slot]!)) return false;
    const readsTag =
      this.requests.words[SLOT * slot + SlotField.ReadsTag] !== 0;
    return this.#overlaps.isEntangled(slot, readsTag);
  }

  #send(slot: number, isApart: boolean): Status {
    const { burst, words } = this.requests;
    const { fields } = burst;
    const route = this.#sessions.route(
      words[SLOT * slot + SLOT_SESSION]!,
      fields[BURST * slot + SOURCE_BYTES]!,
      fields[BURST * slot + BurstField.Kind]!,
    );
    if (!route) return Status.Error;
    this.requests.send(slot, route, isApart);
    return Status.Ok;
  }

  #prepareAnew(slot: number): Status {
    const request = this.#request;
    const { readable } = this.#chain;
    this.#headerBytes = Math.min(
      readable.totalBytes,
      this.#longestHeaderBytes,
    );
    readable.copyOut(0, this.#header, this.#headerBytes);
    if (this.#ipsec?.takes(this.#header.view, this.#headerBytes)) {
      const { view } = this.#header;
      return this.#ipsec.prepare(slot, this.#chain, view, this.#headerBytes);
    }
    const decoded = decodeDataRequest(
      this.#header.view,
      this.#headerBytes,
      this.#mode,
      request,
    );
    // What was copied for the longest header begins a shorter one's keys.
    if (!request.sessionMode) this.#header.bytes.fill(0);
    if (decoded !== Status.Ok) return decoded;
    const session = request.sessionMode
      ? this.#sessions.get(request.sessionId)
      : openStateless(
        request,
        this.#chain.readable,
        this.#sessions,
        this.#settings,
      );
    if (session === undefined) return Status.InvalidSession;
    if (typeof session === "number") return session;
    this.requests.words[SLOT * slot + SLOT_SESSION] = session.number;
    this.#sessions.begun(session.number);
    const { rules } = session;
    const laidOut = layOutDataRequest(request, rules.ivFieldBytes);
    if (laidOut !== Status.Ok) return laidOut;
    if (!this.#partsFit()) return Status.Error;
    const checked = checkRequest(request, rules, true);
    if (checked !== Status.Ok) return checked;
    this.#fill(slot);
    this.#mayOverwrite(slot);
    if (request.sessionMode) this.#remember(slot, rules);
    return this.#send(slot, this.#isEntangled(slot));
  }

  #fill(slot: number): void {
    const request = this.#request;
    const { readable, writable } = this.#chain;
    const { burst, words } = this.requests;
    const readsTag = request.opcode === DataOpcode.AeadDecrypt;
    words[SLOT * slot + SlotField.ReadsTag] = readsTag ? 1 : 0;
    words[SLOT * slot + DIGEST_BYTES] = writesDigest(request)
      ? request.digestBytes
      : 0;
    fillNumbers(burst, slot, request);
    this.#iv.slice(readable, request.ivAt, request.ivBytes);
    copyIv(burst, slot, this.#iv, this.#ivRoom);
    const isAead = request.service === ServiceNumber.Aead;
    // The tag ends the source of a decryption and the result of an encryption.
    const sourceBytes = readsTag
      ? request.sourceBytes - request.digestBytes
      : request.sourceBytes;
    const { additionalDataAt, additionalDataBytes } = request;
    this.#take(
      slot,
      BurstField.AdditionalData,
      readable,
      additionalDataAt,
      additionalDataBytes,
    );
    this.#take(
      slot,
      BurstField.Source,
      readable,
      request.sourceAt,
      sourceBytes,
    );
    this.#take(
      slot,
      BurstField.Destination,
      writable,
      0,
      isAead ? sourceBytes : request.destinationBytes,
    );
    this.#take(
      slot,
      BurstField.Digest,
      readsTag ? readable : writable,
      request.digestAt,
      request.digestBytes,
    );
  }

  /** Makes a list the bytes from `start` of a part of the chain. */
  #take(
    slot: number,
    list: BurstList,
    from: Segments,
    start: number,
    lengthBytes: number,
  ): void {
    if (lengthBytes === 0) return;
    this.#part.slice(from, start, lengthBytes);
    this.requests.burst.adopt(slot, list, this.#part);
  }

  /** What is remembered is good for ranges that are at home in their slot. */
  #remember(slot: number, rules: SessionRules): void {
    if (!this.#virtqueue.slots.lists.isHome(slot) || this.#iv.count > 1) return;
    const request = this.#request;
    this.#repeated.remember(slot, {
      rulesNumber: rules.number,
      header: this.#header.words!,
      headerBytes: this.#headerBytes,
      fieldsEndBytes: request.fieldsEnd,
      opTypeAt: request.opTypeAt,
      iv: this.#iv,
      isPlain: request.additionalDataBytes === 0 &&
        request.opcode !== DataOpcode.AeadDecrypt,
    });
  }

  #partsFit(): boolean {
    const request = this.#request;
    const { readable, writable } = this.#chain;
    const variableBytes = request.readableBytes - request.keyAt +
      request.writableBytes;
    return variableBytes <= this.#settings.maximumSizeBytes &&
      request.readableBytes <= readable.totalBytes &&
      request.writableBytes + STATUS_BYTES <= writable.totalBytes;
  }

  finish(
    slots: Int32Array<ArrayBuffer>,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number {
    return this.#outcomes.finish(slots, count, usedBytes);
  }
}

/** Whether a success writes the digest, of which the backend does not tell. */
function writesDigest({ opcode }: DataRequest): boolean {
  return opcode !== DataOpcode.AeadDecrypt &&
    opcode !== DataOpcode.AkcipherVerify;
}
