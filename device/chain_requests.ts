/**
 * Requests whose data is in the descriptor chain: the layouts of virtio 1.1 to
 * 1.4 (§5.9.9.3), padded or REVISION_1, with a session or stateless.
 *
 * @module
 */

import { checkRequest, operationKind } from "./request_check.ts";
import { OperationStatus } from "../backends/backend.ts";
import type { RequestFormat } from "./request_format.ts";
import { RequestSlot } from "./request_slot.ts";
import { ChainFault } from "./ring/chain.ts";
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
  SESSION_ID_AT,
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
import { readUint64 } from "./wire/uint64.ts";

const STATUS_BYTES = 1;

/** The formats of one data queue, for the mode that was negotiated. */
export class ChainRequests implements RequestFormat {
  readonly buffersAreInChain = true;
  readonly #mode: WireMode;
  readonly #sessions: ThreadSessions;
  readonly #settings: ThreadSettings;
  readonly #headerBytes: number;

  constructor(
    mode: WireMode,
    sessions: ThreadSessions,
    settings: ThreadSettings,
  ) {
    this.#mode = mode;
    this.#headerBytes = longestDataHeaderBytes(mode);
    this.#sessions = sessions;
    this.#settings = settings;
  }

  createSlot(): RequestSlot {
    return new RequestSlot(new DataRequest());
  }

  prepare(slot: RequestSlot): Status {
    const { chain, rules } = slot;
    if (chain.fault !== ChainFault.None) {
      slot.reset();
      return Status.Error;
    }
    if (slot.takeHeader(this.#headerBytes) && chain.alike && rules) {
      const sessionId = readUint64(slot.header.view, SESSION_ID_AT);
      const session = this.#sessions.get(sessionId);
      if (session?.rules === rules) return this.#repeat(slot, session);
    }
    slot.reset();
    return this.#prepareAnew(slot);
  }

  /** Another request like the slot's last: only its bytes are others. */
  #repeat(slot: RequestSlot, session: ThreadSession): Status {
    const { operation } = slot;
    slot.session = session;
    session.inFlight++;
    operation.status = OperationStatus.Pending;
    operation.writtenBytes = 0;
    if (operation.ivBytes > 0) {
      slot.ivField.copyOut(0, slot.ivRegion, operation.ivBytes);
    }
    return this.#send(slot, session);
  }

  #send(slot: RequestSlot, session: ThreadSession): Status {
    const route = this.#sessions.route(session, slot.request.sourceBytes);
    if (!route) return Status.Error;
    slot.route = route;
    slot.operation.session = route.handle;
    return Status.Ok;
  }

  #prepareAnew(slot: RequestSlot): Status {
    const { request } = slot;
    const decoded = decodeDataRequest(
      slot.header.view,
      slot.headerBytes,
      this.#mode,
      request,
    );
    // What was copied for the longest header begins a shorter one's keys.
    if (!request.sessionMode) slot.header.bytes.fill(0);
    if (decoded !== Status.Ok) return decoded;
    const found = request.sessionMode
      ? this.#findSession(slot)
      : this.#openStateless(slot);
    if (found !== Status.Ok) return found;
    const session = slot.session!;
    const laidOut = layOutDataRequest(request, session.rules.ivFieldBytes);
    if (laidOut !== Status.Ok) return laidOut;
    if (!this.#partsFit(slot)) return Status.Error;
    const checked = checkRequest(request, session.rules, true);
    if (checked !== Status.Ok) return checked;
    fillOperation(slot);
    if (request.sessionMode) slot.rules = session.rules;
    return this.#send(slot, session);
  }

  #findSession(slot: RequestSlot): Status {
    slot.session = this.#sessions.get(slot.request.sessionId);
    if (!slot.session) return Status.InvalidSession;
    slot.session.inFlight++;
    return Status.Ok;
  }

  #openStateless(slot: RequestSlot): Status {
    const { request, chain } = slot;
    const refusal = refuseBeyondLimits(request, this.#settings);
    if (refusal) return refusal.status;
    const keysEnd = request.authKeyAt + request.authKeyBytes;
    if (keysEnd > chain.readable.totalBytes) return Status.Error;
    const key = keyRoom(request.keyBytes);
    const authKey = keyRoom(request.authKeyBytes);
    chain.readable.read(request.keyAt, key);
    chain.readable.read(request.authKeyAt, authKey);
    const description = describeSession(request, key, authKey);
    // The description has copies of its own.
    key.fill(0);
    authKey.fill(0);
    if (isRefusal(description)) return description.status;
    const illegal = findIllegal(description);
    if (!illegal) slot.session = this.#sessions.openOnce(description);
    if (slot.session) {
      slot.session.inFlight++;
      return Status.Ok;
    }
    wipeKeys(description);
    return illegal?.kind === "error" ? Status.Error : Status.NotSupported;
  }

  #partsFit({ request, chain }: RequestSlot): boolean {
    const variableBytes = request.readableBytes - request.keyAt +
      request.writableBytes;
    return variableBytes <= this.#settings.maximumSizeBytes &&
      request.readableBytes <= chain.readable.totalBytes &&
      request.writableBytes + STATUS_BYTES <= chain.writable.totalBytes;
  }

  /** The status is the chain's last writable byte, wherever the result ends. */
  finish(slot: RequestSlot, status: Status): number {
    const { statusRegion, statusOffset } = slot.chain;
    if (!statusRegion) return 0;
    statusRegion.bytes[statusOffset] = status;
    return status === Status.Ok
      ? resultBytes(slot) + STATUS_BYTES
      : STATUS_BYTES;
  }
}

function resultBytes({ request, operation }: RequestSlot): number {
  switch (request.opcode) {
    case DataOpcode.AeadDecrypt:
    case DataOpcode.AkcipherVerify:
      return operation.writtenBytes;
    default:
      return operation.writtenBytes + operation.digest.totalBytes;
  }
}

function fillOperation(slot: RequestSlot): void {
  const { request, operation, chain, ivField } = slot;
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
  if (request.service === ServiceNumber.Aead) fillAead(slot);
  else fillPlain(slot);
}

function fillPlain({ request, operation, chain }: RequestSlot): void {
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
function fillAead({ request, operation, chain }: RequestSlot): void {
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
