/**
 * Requests whose data is in the descriptor chain: the layouts of virtio 1.1 to
 * 1.4 (§5.9.9.3), padded or REVISION_1, with a session or stateless.
 *
 * @module
 */

import { checkRequest, operationKind } from "./request_check.ts";
import { type Operation, OperationStatus } from "../backends/backend.ts";
import { OverlapCheck } from "../backends/overlap.ts";
import { areOutputsApart } from "../memory/range_set.ts";
import { Region } from "../memory/region.ts";
import { type AssociationTable, IpsecRequests } from "./ipsec_requests.ts";
import { RepeatedRequests } from "./repeated_requests.ts";
import type { RequestFormat } from "./request_format.ts";
import type { RequestSlot } from "./request_slot.ts";
import { ChainFault, DescriptorChain, showChain } from "./ring/chain.ts";
import { NO_STATUS_PLACE } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { SessionRules } from "./session/session_rules.ts";
import type {
  ThreadSession,
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import { layOutDataRequest } from "./wire/data_layout.ts";
import {
  DataRequest,
  decodeDataRequest,
  longestDataHeaderBytes,
  MAXIMUM_HEADER_BYTES,
} from "./wire/data_request.ts";
import type { WireMode } from "./wire/mode.ts";
import { DataOpcode, ServiceNumber } from "./wire/opcodes.ts";
import {
  describeSession,
  isRefusal,
  refuseBeyondLimits,
} from "./wire/session_parameters.ts";
import { keyRoom } from "../algorithms/key_bytes.ts";
import { findIllegal } from "../algorithms/legality.ts";
import { wipeKeys } from "../algorithms/session_description.ts";
import { Status } from "./wire/status.ts";

const STATUS_BYTES = 1;

/** The formats of one data queue, for the mode that was negotiated. */
export class ChainRequests implements RequestFormat {
  readonly #virtqueue: Virtqueue;
  readonly #mode: WireMode;
  readonly #sessions: ThreadSessions;
  readonly #settings: ThreadSettings;
  readonly #repeated: RepeatedRequests;
  readonly #overlaps = new OverlapCheck();
  readonly #longestHeaderBytes: number;
  /** The request that is looked at: its chain, its header, what that says. */
  readonly #chain = new DescriptorChain();
  readonly #header = new Region(new Uint8Array(MAXIMUM_HEADER_BYTES));
  #headerBytes = 0;
  readonly #request = new DataRequest();
  /** Those of the IPSEC service, where the guest can have associations. */
  readonly #ipsec: IpsecRequests | undefined;

  constructor(
    virtqueue: Virtqueue,
    mode: WireMode,
    sessions: ThreadSessions,
    settings: ThreadSettings,
    associations?: AssociationTable,
  ) {
    this.#virtqueue = virtqueue;
    this.#mode = mode;
    this.#longestHeaderBytes = longestDataHeaderBytes(mode);
    this.#sessions = sessions;
    this.#settings = settings;
    this.#repeated = new RepeatedRequests(virtqueue, sessions);
    this.#ipsec = associations && new IpsecRequests({
      virtqueue,
      revision1: mode.revision1,
      sessions,
      associations,
      maximumSizeBytes: settings.maximumSizeBytes,
    });
  }

  prepare(slot: RequestSlot): Status {
    const session = this.#repeated.repeat(slot.number, slot.operation.ivWords);
    if (session !== NO_SESSION) return this.#prepareAgain(slot, session);
    this.forget(slot);
    slot.reset();
    showChain(this.#virtqueue, slot.number, this.#chain);
    return this.#chain.fault === ChainFault.None
      ? this.#prepareAnew(slot)
      : Status.Error;
  }

  forget({ number }: RequestSlot): void {
    this.#repeated.forget(number);
  }

  releaseLists(): void {
    this.#chain.release();
  }

  /** Another request like the slot's last: only its bytes are others. */
  #prepareAgain(slot: RequestSlot, session: number): Status {
    const { operation } = slot;
    const repeated = this.#repeated;
    slot.session = session;
    this.#sessions.begun(session);
    operation.status = OperationStatus.Pending;
    operation.writtenBytes = 0;
    if (!repeated.ivIsCopied && operation.ivBytes > 0) {
      slot.ivField.copyOut(0, slot.ivRegion, operation.ivBytes);
    }
    slot.isEntangled = !repeated.isApart && this.#isEntangled(slot);
    return this.#send(slot, repeated.sourceBytes);
  }

  #isEntangled({ number, operation, readsTag }: RequestSlot): boolean {
    const { lists, readableWords } = this.#virtqueue.slots;
    const { block, starts, ends } = lists;
    const start = starts[number]!;
    const outputs = start + readableWords[number]!;
    return !areOutputsApart(block, start, outputs, ends[number]!) &&
      this.#overlaps.isEntangled(operation, readsTag);
  }

  #send(slot: RequestSlot, sourceBytes: number): Status {
    const { operation } = slot;
    const { kind } = operation;
    const route = this.#sessions.route(slot.session, sourceBytes, kind);
    if (!route) return Status.Error;
    if (slot.route !== route) slot.route = route;
    if (operation.session !== route.handle) operation.session = route.handle;
    return Status.Ok;
  }

  #prepareAnew(slot: RequestSlot): Status {
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
      : this.#openStateless();
    if (session === undefined) return Status.InvalidSession;
    if (typeof session === "number") return session;
    slot.session = session.number;
    this.#sessions.begun(session.number);
    const { rules } = session;
    const laidOut = layOutDataRequest(request, rules.ivFieldBytes);
    if (laidOut !== Status.Ok) return laidOut;
    if (!this.#partsFit()) return Status.Error;
    const checked = checkRequest(request, rules, true);
    if (checked !== Status.Ok) return checked;
    this.#fill(slot);
    if (request.sessionMode) this.#remember(slot, rules);
    return this.#send(slot, request.sourceBytes);
  }

  #fill(slot: RequestSlot): void {
    const request = this.#request;
    const { operation } = slot;
    fillOperation(slot, request, this.#chain);
    slot.readsTag = request.opcode === DataOpcode.AeadDecrypt;
    slot.digestBytes = writesDigest(request) ? operation.digest.totalBytes : 0;
    slot.isEntangled = this.#isEntangled(slot);
  }

  /** What is remembered is good for ranges that are at home in their slot. */
  #remember({ number, operation, ivField }: RequestSlot, rules: SessionRules) {
    if (!this.#virtqueue.slots.lists.isHome(number)) return;
    const request = this.#request;
    this.#repeated.remember(number, {
      rulesNumber: rules.number,
      header: this.#header.words!,
      headerBytes: this.#headerBytes,
      fieldsEndBytes: request.fieldsEnd,
      opTypeAt: request.opTypeAt,
      iv: ivField,
      source: operation.source,
      destination: operation.destination,
      isPlain: request.additionalDataBytes === 0 && request.digestBytes === 0,
    });
  }

  /** The session of a stateless request, or why it has none. */
  #openStateless(): ThreadSession | Status {
    const request = this.#request;
    const { readable } = this.#chain;
    const refusal = refuseBeyondLimits(request, this.#settings);
    if (refusal) return refusal.status;
    const keysEnd = request.authKeyAt + request.authKeyBytes;
    if (keysEnd > readable.totalBytes) return Status.Error;
    const key = keyRoom(request.keyBytes);
    const authKey = keyRoom(request.authKeyBytes);
    readable.read(request.keyAt, key);
    readable.read(request.authKeyAt, authKey);
    const description = describeSession(request, key, authKey);
    // The description has copies of its own.
    key.fill(0);
    authKey.fill(0);
    if (isRefusal(description)) return description.status;
    const illegal = findIllegal(description);
    const session = illegal ? undefined : this.#sessions.openOnce(description);
    if (session) return session;
    wipeKeys(description);
    return illegal?.kind === "error" ? Status.Error : Status.NotSupported;
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

  /** The status is the chain's last writable byte, wherever the result ends. */
  finish(slot: RequestSlot, status: Status): number {
    if (this.#ipsec?.has(slot.number)) {
      const resultBytes = this.#ipsec.finish(slot, status);
      return resultBytes + this.#writeStatus(slot, this.#ipsec.outcome);
    }
    if (this.#writeStatus(slot, status) === 0) return 0;
    return status === Status.Ok
      ? slot.operation.writtenBytes + slot.digestBytes + STATUS_BYTES
      : STATUS_BYTES;
  }

  /** Returns the bytes written: none where the status has no place. */
  #writeStatus({ number }: RequestSlot, status: Status): number {
    const { slots, regions } = this.#virtqueue;
    const region = slots.statusRegions[number]!;
    if (region === NO_STATUS_PLACE) return 0;
    regions[region]!.bytes[slots.statusOffsets[number]!] = status;
    return STATUS_BYTES;
  }
}

/** Whether a success writes the digest, of which the backend does not tell. */
function writesDigest({ opcode }: DataRequest): boolean {
  return opcode !== DataOpcode.AeadDecrypt &&
    opcode !== DataOpcode.AkcipherVerify;
}

function fillOperation(
  slot: RequestSlot,
  request: DataRequest,
  chain: DescriptorChain,
): void {
  const { operation, ivField } = slot;
  operation.kind = operationKind(request);
  operation.ivBytes = request.ivBytes;
  ivField.slice(chain.readable, request.ivAt, request.ivBytes);
  ivField.copyOut(0, slot.ivRegion, request.ivBytes);
  operation.cipherStart = request.cipherStart;
  operation.cipherBytes = request.cipherBytes;
  operation.hashStart = request.hashStart;
  operation.hashBytes = request.hashBytes;
  if (request.additionalDataBytes > 0) {
    operation.additionalData.slice(
      chain.readable,
      request.additionalDataAt,
      request.additionalDataBytes,
    );
  }
  if (request.service === ServiceNumber.Aead) {
    fillAead(operation, request, chain);
  } else fillPlain(operation, request, chain);
}

function fillPlain(
  operation: Operation,
  request: DataRequest,
  chain: DescriptorChain,
): void {
  operation.source.slice(
    chain.readable,
    request.sourceAt,
    request.sourceBytes,
  );
  operation.destination.slice(chain.writable, 0, request.destinationBytes);
  if (request.digestBytes > 0) {
    operation.digest.slice(
      chain.writable,
      request.digestAt,
      request.digestBytes,
    );
  }
}

/** The tag ends the source of a decryption and the result of an encryption. */
function fillAead(
  operation: Operation,
  request: DataRequest,
  chain: DescriptorChain,
): void {
  const decrypts = request.opcode === DataOpcode.AeadDecrypt;
  const dataBytes = decrypts
    ? request.sourceBytes - request.digestBytes
    : request.sourceBytes;
  operation.source.slice(chain.readable, request.sourceAt, dataBytes);
  operation.destination.slice(chain.writable, 0, dataBytes);
  operation.digest.slice(
    decrypts ? chain.readable : chain.writable,
    request.digestAt,
    request.digestBytes,
  );
}
