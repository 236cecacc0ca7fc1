/**
 * Data requests of the v9 draft: one device-writable descriptor with the fixed
 * structure; IV, data and results are named by guest address. An address that
 * is not in guest memory is the guest's error and is never followed.
 *
 * @module
 */

import { OverlapCheck } from "../backends/overlap.ts";
import { Region } from "../memory/region.ts";
import type { Segments } from "../memory/segments.ts";
import { checkRequest, operationKind } from "./request_check.ts";
import type { RequestFormat } from "./request_format.ts";
import type { RequestSlot } from "./request_slot.ts";
import { ChainFault, DescriptorChain, showChain } from "./ring/chain.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type {
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import { DRAFT_9_REQUEST_BYTES, NO_STATUS } from "./wire/draft9.ts";
import {
  decodeDraft9Data,
  Draft9DataRequest,
  draft9SessionId,
} from "./wire/draft9_data.ts";
import { DataOpcode, ServiceNumber } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

const STATUS_BYTES = 4;

/** The requests of one data queue in the draft's layout. */
export class Draft9Requests implements RequestFormat {
  readonly #virtqueue: Virtqueue;
  readonly #memory: GuestMemory;
  readonly #overlaps = new OverlapCheck();
  /** The request that is looked at: its chain, and what it says. */
  readonly #chain = new DescriptorChain();
  readonly #request = new Draft9DataRequest();
  readonly #sessions: ThreadSessions;
  readonly #settings: ThreadSettings;
  readonly #structure = new Region(new Uint8Array(DRAFT_9_REQUEST_BYTES));
  readonly #status = new Region(new Uint8Array(STATUS_BYTES));

  constructor(
    virtqueue: Virtqueue,
    memory: GuestMemory,
    sessions: ThreadSessions,
    settings: ThreadSettings,
  ) {
    this.#virtqueue = virtqueue;
    this.#memory = memory;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  /** Nothing is remembered. */
  forget(): void {}

  releaseLists(): void {
    this.#chain.release();
  }

  prepare(slot: RequestSlot): Status {
    slot.reset();
    const chain = this.#chain;
    showChain(this.#virtqueue, slot.number, chain);
    if (chain.fault !== ChainFault.None) return Status.Error;
    const request = this.#request;
    request.statusAt = NO_STATUS;
    const status = this.#read(slot);
    if (request.statusAt !== NO_STATUS) {
      slot.statusField.slice(chain.writable, request.statusAt, STATUS_BYTES);
      slot.structureBytes = structureBytes(chain.writable);
    }
    return status;
  }

  #read(slot: RequestSlot): Status {
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
    slot.session = session.number;
    this.#sessions.begun(session.number);
    const { rules } = session;
    // The draft's requests leave the length of the digest to the session.
    request.digestBytes = rules.digestBytes;
    const checked = checkRequest(request, rules, false);
    if (checked !== Status.Ok) return checked;
    if (!this.#sizeFits(request)) return Status.Error;
    slot.route = this.#sessions.route(
      slot.session,
      request.sourceBytes,
      operationKind(request),
    );
    if (!slot.route) return Status.Error;
    const { operation } = slot;
    operation.session = slot.route.handle;
    if (!this.#fill(slot, rules.ivFieldBytes)) return Status.Error;
    slot.readsTag = request.opcode === DataOpcode.AeadDecrypt;
    slot.isEntangled = this.#overlaps.isEntangled(operation, slot.readsTag);
    return Status.Ok;
  }

  #sizeFits(request: Draft9DataRequest): boolean {
    const total = request.ivBytes + request.sourceBytes +
      request.additionalDataBytes + request.destinationBytes +
      request.digestBytes;
    return total <= this.#settings.maximumSizeBytes;
  }

  /** Fills the operation; false where a buffer is not in guest memory. */
  #fill(slot: RequestSlot, ivFieldBytes: number): boolean {
    const request = this.#request;
    const { operation } = slot;
    operation.kind = operationKind(request);
    operation.cipherStart = request.cipherStart;
    operation.cipherBytes = request.cipherBytes;
    operation.hashStart = request.hashStart;
    operation.hashBytes = request.hashBytes;
    const resultBytes = resultLength(request);
    return resultBytes <= request.destinationBytes &&
      this.#copyIv(slot, ivFieldBytes) &&
      this.#find(
        request.sourceAddress,
        request.sourceBytes,
        operation.source,
      ) &&
      this.#find(
        request.additionalDataAddress,
        request.additionalDataBytes,
        operation.additionalData,
      ) &&
      this.#find(
        request.destinationAddress,
        resultBytes,
        operation.destination,
      ) &&
      this.#find(request.digestAddress, request.digestBytes, operation.digest);
  }

  /** Of CCM the nonce starts at the second byte of its field. */
  #copyIv(slot: RequestSlot, ivFieldBytes: number): boolean {
    const request = this.#request;
    const { operation } = slot;
    operation.ivBytes = request.ivBytes;
    if (request.ivBytes === 0) return true;
    const field = operation.source;
    const shift = ivFieldBytes === 0 ? 0 : 1;
    const found = this.#find(request.ivAddress + shift, request.ivBytes, field);
    if (found) field.copyOut(0, slot.ivRegion, request.ivBytes);
    field.clear();
    return found;
  }

  #find(address: number, lengthBytes: number, into: Segments): boolean {
    return lengthBytes === 0 ||
      this.#memory.translate(address, lengthBytes, into);
  }

  /** Writes the status; the used length is that of the structure. */
  finish({ statusField, structureBytes }: RequestSlot, status: Status): number {
    if (statusField.count === 0) return 0;
    this.#status.view.setUint32(0, status, true);
    statusField.copyIn(0, this.#status, STATUS_BYTES);
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
