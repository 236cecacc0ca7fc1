/**
 * Data requests of the v9 draft: one device-writable descriptor with the fixed
 * structure; IV, data and results are named by guest address. An address that
 * is not in guest memory is the guest's error and is never followed.
 *
 * @module
 */

import {
  BURST_WORDS,
  BurstField,
  type BurstList,
  ListField,
} from "../backends/request_burst.ts";
import { RANGE_WORDS } from "../memory/range_lists.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { BurstOverlaps } from "./burst_overlaps.ts";
import { copyIv, fillNumbers, ivRoom } from "./fill_request.ts";
import { checkRequest, operationKind } from "./request_check.ts";
import type { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import type { RequestFormat } from "./request_format.ts";
import { RequestSlots, SLOT_WORDS, SlotField } from "./request_slots.ts";
import { ChainFault, DescriptorChain, showChain } from "./ring/chain.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type {
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import {
  DRAFT_9_REQUEST_BYTES,
  NO_STATUS,
  STATUS_BYTES,
} from "./wire/draft9.ts";
import {
  decodeDraft9Data,
  Draft9DataRequest,
  draft9SessionId,
} from "./wire/draft9_data.ts";
import { DataOpcode, ServiceNumber } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

/** Room for the ranges of usual requests. */
const FIRST_RANGE_WORDS = 16 * RANGE_WORDS;

/** The requests of one data queue in the draft's layout. */
export class Draft9Requests implements RequestFormat {
  readonly requests: RequestSlots;
  readonly #virtqueue: Virtqueue;
  readonly #memory: GuestMemory;
  readonly #overlaps: BurstOverlaps;
  /** The request that is looked at: its chain, and what it says. */
  readonly #chain = new DescriptorChain();
  readonly #request = new Draft9DataRequest();
  readonly #sessions: ThreadSessions;
  readonly #settings: ThreadSettings;
  readonly #structure = new Region(new Uint8Array(DRAFT_9_REQUEST_BYTES));
  readonly #status = new Region(new Uint8Array(STATUS_BYTES));
  readonly #iv = new Segments();
  readonly #ivRoom = ivRoom();
  /** Ranges of the request that is looked at: those that it reads come first. */
  #ranges: Int32Array<ArrayBuffer> = new Int32Array(FIRST_RANGE_WORDS);
  #rangesEnd = 0;

  constructor(
    virtqueue: Virtqueue,
    memory: GuestMemory,
    sessions: ThreadSessions,
    settings: ThreadSettings,
  ) {
    // What a request names is none of its chain's ranges.
    this.requests = new RequestSlots(virtqueue.slots.count);
    this.#overlaps = new BurstOverlaps(this.requests.burst);
    this.#virtqueue = virtqueue;
    this.#memory = memory;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  releaseLists(): void {
    this.#chain.release();
    this.#iv.release();
    this.#overlaps.release();
  }

  prepare(
    chosen: Int32Array<ArrayBuffer>,
    count: number,
    ready: Int32Array<ArrayBuffer>,
  ): number {
    let readyCount = 0;
    this.requests.mayOverwrite = true;
    for (let i = 0; i < count; i++) {
      const slot = chosen[i]!;
      const status = this.#prepare(slot);
      if (status === Status.Ok) ready[readyCount++] = slot;
      else this.requests.end(slot, status);
    }
    return readyCount;
  }

  #prepare(slot: number): Status {
    this.requests.reset(slot);
    const chain = this.#chain;
    showChain(this.#virtqueue, slot, chain);
    if (chain.fault !== ChainFault.None) return Status.Error;
    const request = this.#request;
    request.statusAt = NO_STATUS;
    const status = this.#read(slot);
    if (request.statusAt !== NO_STATUS) {
      const { words } = this.requests;
      const at = SLOT_WORDS * slot;
      words[at + SlotField.StatusAt] = request.statusAt;
      words[at + SlotField.StructureBytes] = structureBytes(chain.writable);
    }
    return status;
  }

  /** The draft's requests are prepared anew each time: to look at all is little. */
  nextOverwriting(_slots: Int32Array, start: number): number {
    return start;
  }

  /**
   * The structure is read, too. Where its status is, and an IV within the result, is
   * not looked at.
   */
  findOverwritten(slot: number, into: OverwrittenRanges): void {
    const { lists } = this.#virtqueue.slots;
    this.#rangesEnd = 0;
    this.#addRanges(lists.block, lists.starts[slot]!, lists.ends[slot]!);
    this.#addList(slot, BurstField.Source);
    this.#addList(slot, BurstField.AdditionalData);
    const { words } = this.requests;
    const readsTag = words[SLOT_WORDS * slot + SlotField.ReadsTag] !== 0;
    if (readsTag) this.#addList(slot, BurstField.Digest);
    const outputsAt = this.#rangesEnd;
    this.#addList(slot, BurstField.Destination);
    if (!readsTag) this.#addList(slot, BurstField.Digest);
    into.find(this.#ranges, 0, outputsAt, this.#rangesEnd);
  }

  #addList(slot: number, list: BurstList): void {
    const { fields, lists } = this.requests.burst;
    const at = BURST_WORDS * slot + list;
    const first = lists.starts[slot]! + fields[at + ListField.First]!;
    const end = first + RANGE_WORDS * fields[at + ListField.Count]!;
    this.#addRanges(lists.block, first, end);
  }

  #addRanges(block: Int32Array, first: number, end: number): void {
    const into = this.#rangesEnd;
    const wanted = into + end - first;
    if (wanted > this.#ranges.length) {
      const grown = new Int32Array(2 * wanted);
      grown.set(this.#ranges);
      this.#ranges = grown;
    }
    for (let i = 0; i < end - first; i++) {
      this.#ranges[into + i] = block[first + i]!;
    }
    this.#rangesEnd = wanted;
  }

  #read(slot: number): Status {
    const chain = this.#chain;
    const request = this.#request;
    const availableBytes = structureBytes(chain.writable);
    const { view } = this.#structure;
    chain.writable.copyOut(0, this.#structure, availableBytes);
    const session = this.#sessions.get(draft9SessionId(view));
    const decoded = decodeDraft9Data(
      view,
      availableBytes,
      session?.rules.service,
      request,
    );
    if (decoded !== Status.Ok) return decoded;
    if (!session) return Status.InvalidSession;
    const { words } = this.requests;
    const at = SLOT_WORDS * slot;
    words[at + SlotField.Session] = session.number;
    this.#sessions.begun(session.number);
    const { rules } = session;
    // The draft's requests leave the length of the digest to the session.
    request.digestBytes = rules.digestBytes;
    const checked = checkRequest(request, rules, false);
    if (checked !== Status.Ok) return checked;
    if (!this.#sizeFits(request)) return Status.Error;
    const route = this.#sessions.route(
      session.number,
      request.sourceBytes,
      operationKind(request),
    );
    if (!route) return Status.Error;
    if (!this.#fill(slot, rules.ivFieldBytes)) return Status.Error;
    const readsTag = request.opcode === DataOpcode.AeadDecrypt;
    words[at + SlotField.ReadsTag] = readsTag ? 1 : 0;
    const isApart = this.#overlaps.isEntangled(slot, readsTag);
    this.requests.send(slot, route, isApart);
    return Status.Ok;
  }

  #sizeFits(request: Draft9DataRequest): boolean {
    const total = request.ivBytes + request.sourceBytes +
      request.additionalDataBytes + request.destinationBytes +
      request.digestBytes;
    return total <= this.#settings.maximumSizeBytes;
  }

  /** Fills the slot; false where a buffer is not in guest memory. */
  #fill(slot: number, ivFieldBytes: number): boolean {
    const request = this.#request;
    const { burst } = this.requests;
    burst.regions = this.#memory.table;
    fillNumbers(burst, slot, request);
    const resultBytes = resultLength(request);
    return resultBytes <= request.destinationBytes &&
      this.#copyIv(slot, ivFieldBytes) &&
      this.#find(
        slot,
        BurstField.Source,
        request.sourceAddress,
        request.sourceBytes,
      ) &&
      this.#find(
        slot,
        BurstField.AdditionalData,
        request.additionalDataAddress,
        request.additionalDataBytes,
      ) &&
      this.#find(
        slot,
        BurstField.Destination,
        request.destinationAddress,
        resultBytes,
      ) &&
      this.#find(
        slot,
        BurstField.Digest,
        request.digestAddress,
        request.digestBytes,
      );
  }

  /** Of CCM the nonce starts at the second byte of its field. */
  #copyIv(slot: number, ivFieldBytes: number): boolean {
    const { ivBytes, ivAddress } = this.#request;
    const shift = ivFieldBytes === 0 ? 0 : 1;
    const iv = this.#iv;
    iv.clear();
    if (!this.#memory.translate(ivAddress + shift, ivBytes, iv)) return false;
    copyIv(this.requests.burst, slot, iv, this.#ivRoom);
    return true;
  }

  /** Makes a list the bytes at a guest address; false where they are not there. */
  #find(
    slot: number,
    list: BurstList,
    address: number,
    lengthBytes: number,
  ): boolean {
    const memory = this.#memory;
    const { burst } = this.requests;
    for (let done = 0; done < lengthBytes;) {
      const at = address + done;
      if (!memory.find(at)) return false;
      const offset = memory.offsetInHit(at);
      const taken = Math.min(lengthBytes - done, memory.hitBytes - offset);
      burst.append(slot, list, memory.hit, offset, taken);
      done += taken;
    }
    return true;
  }

  finish(
    slots: Int32Array<ArrayBuffer>,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number {
    const { fields } = this.requests.burst;
    let refused = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const status = fields[BURST_WORDS * slot + BurstField.Status]!;
      if (status !== Status.Ok) refused++;
      usedBytes[i] = this.#finish(slot, status);
    }
    return refused;
  }

  /** Writes the status; the used length is that of the structure. */
  #finish(slot: number, status: Status): number {
    const { burst, words } = this.requests;
    burst.lists.release(slot);
    const at = SLOT_WORDS * slot;
    const structureBytes = words[at + SlotField.StructureBytes]!;
    if (structureBytes === 0) return 0;
    const chain = this.#chain;
    showChain(this.#virtqueue, slot, chain);
    this.#status.view.setUint32(0, status, true);
    chain.writable.copyIn(
      words[at + SlotField.StatusAt]!,
      this.#status,
      STATUS_BYTES,
    );
    return structureBytes;
  }
}

/** How much of a request its descriptor holds. */
function structureBytes(writable: Segments): number {
  return Math.min(writable.totalBytes, DRAFT_9_REQUEST_BYTES);
}

/** Bytes that the operation writes to the destination. */
function resultLength(request: Draft9DataRequest): number {
  switch (request.service) {
    case ServiceNumber.Cipher:
    case ServiceNumber.Aead:
      return request.sourceBytes;
    default:
      return 0;
  }
}
