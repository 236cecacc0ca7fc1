/**
 * Data requests of the v9 draft: one device-writable descriptor with the fixed
 * structure; IV, data and results are named by guest address. An address that
 * is not in guest memory is the guest's error and is never followed.
 *
 * @module
 */

import { Region } from "../memory/region.ts";
import type { Segments } from "../memory/segments.ts";
import { checkRequest, operationKind } from "./request_check.ts";
import type { RequestFormat } from "./request_format.ts";
import { RequestSlot } from "./request_slot.ts";
import { ChainFault } from "./ring/chain.ts";
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
import { ServiceNumber } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

const STATUS_BYTES = 4;

type Draft9Slot = RequestSlot<Draft9DataRequest>;

/** The requests of one data queue in the draft's layout. */
export class Draft9Requests implements RequestFormat<Draft9DataRequest> {
  readonly buffersAreInChain = false;
  readonly #memory: GuestMemory;
  readonly #sessions: ThreadSessions;
  readonly #settings: ThreadSettings;
  readonly #structure = new Region(new Uint8Array(DRAFT_9_REQUEST_BYTES));
  readonly #status = new Region(new Uint8Array(STATUS_BYTES));

  constructor(
    memory: GuestMemory,
    sessions: ThreadSessions,
    settings: ThreadSettings,
  ) {
    this.#memory = memory;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  createSlot(): Draft9Slot {
    return new RequestSlot(new Draft9DataRequest());
  }

  prepare(slot: Draft9Slot): Status {
    const { chain, request } = slot;
    slot.reset();
    request.statusAt = NO_STATUS;
    if (chain.fault !== ChainFault.None) return Status.Error;
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
    slot.session = session;
    session.inFlight++;
    const { rules } = session;
    // The draft's requests leave the length of the digest to the session.
    request.digestBytes = rules.digestBytes;
    const checked = checkRequest(request, rules, false);
    if (checked !== Status.Ok) return checked;
    if (!this.#sizeFits(request)) return Status.Error;
    slot.route = this.#sessions.route(slot.session, request.sourceBytes);
    if (!slot.route) return Status.Error;
    slot.operation.session = slot.route.handle;
    return this.#fill(slot, rules.ivFieldBytes) ? Status.Ok : Status.Error;
  }

  #sizeFits(request: Draft9DataRequest): boolean {
    const total = request.ivBytes + request.sourceBytes +
      request.additionalDataBytes + request.destinationBytes +
      request.digestBytes;
    return total <= this.#settings.maximumSizeBytes;
  }

  /** Fills the operation; false where a buffer is not in guest memory. */
  #fill(slot: Draft9Slot, ivFieldBytes: number): boolean {
    const { request, operation } = slot;
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
  #copyIv(slot: Draft9Slot, ivFieldBytes: number): boolean {
    const { request, operation } = slot;
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
  finish({ chain, request }: Draft9Slot, status: Status): number {
    if (request.statusAt === NO_STATUS) return 0;
    this.#status.view.setUint32(0, status, true);
    chain.writable.copyIn(request.statusAt, this.#status, STATUS_BYTES);
    return structureBytes(chain.writable);
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
