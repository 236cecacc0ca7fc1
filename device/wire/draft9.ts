/**
 * Control requests of the v9 draft (September 2016). One device-writable
 * descriptor holds the whole structure: the device reads the request from it
 * and writes the outcome back into it. Keys are named by guest physical
 * address, so decoding has two steps: first the numbers and addresses, then,
 * with the keys in hand, `createFrom` of `control_request.ts`.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { CreateOutcome } from "./control_encode.ts";
import { refused, type RefusedRequest } from "./control_request.ts";
import {
  createOpcode,
  destroyOpcode,
  HashMode,
  isCreateOpcode,
  isDestroyOpcode,
  ServiceNumber,
  serviceNumber,
  serviceOfOpcode,
  SERVICES,
  SymmetricOperation,
} from "./opcodes.ts";
import { refuseBeyondLimits, type ServiceLimits } from "./session_limits.ts";
import { setParameters } from "./session_numbers.ts";
import { SessionParameters } from "./session_parameters.ts";
import { Status } from "./status.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/** Length of a control and of a data request, and so their used length. */
export const DRAFT_9_REQUEST_BYTES = 104;
/** Where op_type lies in both. */
export const DRAFT_9_OP_TYPE_AT = 96;
const OP_TYPE_BYTES = 4;

/** Offset of the status of a request that ends before it. */
export const NO_STATUS = -1;
/** The status that a driver writes, to see that the device has answered. */
export const DRAFT_9_UNANSWERED = 0xff;
/** Length of a status. */
export const STATUS_BYTES = 4;

/** `statusAt`, where the first `availableBytes` of a request hold the status. */
export function statusWithin(statusAt: number, availableBytes: number): number {
  return statusAt + STATUS_BYTES <= availableBytes ? statusAt : NO_STATUS;
}

/** `op_type`, or 0 where the first `availableBytes` do not hold all of it. */
export function opTypeWithin(view: DataView, availableBytes: number): number {
  return DRAFT_9_OP_TYPE_AT + OP_TYPE_BYTES <= availableBytes
    ? view.getUint32(DRAFT_9_OP_TYPE_AT, true)
    : 0;
}

/** Offsets in a request that creates a session; the draft has four services. */
interface CreateOffsets {
  readonly keyAddress: number;
  readonly authKeyAddress: number;
  readonly sessionId: number;
  readonly status: number;
}

const NO_KEY = -1;
const CIPHER_OFFSETS: CreateOffsets = {
  keyAddress: 32,
  authKeyAddress: NO_KEY,
  sessionId: 40,
  status: 48,
};
const CHAIN_OFFSETS: CreateOffsets = {
  keyAddress: 64,
  authKeyAddress: 72,
  sessionId: 80,
  status: 88,
};
const HASH_OFFSETS: CreateOffsets = {
  keyAddress: NO_KEY,
  authKeyAddress: NO_KEY,
  sessionId: 24,
  status: 32,
};
const MAC_OFFSETS: CreateOffsets = {
  keyAddress: 32,
  authKeyAddress: NO_KEY,
  sessionId: 40,
  status: 48,
};
const AEAD_OFFSETS: CreateOffsets = {
  keyAddress: 40,
  authKeyAddress: NO_KEY,
  sessionId: 48,
  status: 56,
};
const DESTROY_STATUS_AT = 24;

/**
 * The positions of a request, found by its opcode and op_type. A service that
 * the draft does not know has those of CIPHER.
 */
function createOffsets(service: number, opType: number): CreateOffsets {
  switch (service) {
    case ServiceNumber.Hash:
      return HASH_OFFSETS;
    case ServiceNumber.Mac:
      return MAC_OFFSETS;
    case ServiceNumber.Aead:
      return AEAD_OFFSETS;
    default:
      return opType === SymmetricOperation.Chaining
        ? CHAIN_OFFSETS
        : CIPHER_OFFSETS;
  }
}

/** Whether the draft, which has no AKCIPHER, knows the service. */
export function isDraft9Service(service: number): boolean {
  return service <= ServiceNumber.Aead;
}

export interface Draft9Create {
  readonly kind: "create";
  readonly service: Service;
  /** With the lengths of the keys, which are within the limits. */
  readonly parameters: SessionParameters;
  /** Guest physical; NaN from 2^53 on, and where there is no such key. */
  readonly keyAddress: number;
  readonly authKeyAddress: number;
  readonly sessionIdAt: number;
  readonly statusAt: number;
}

export interface Draft9Destroy {
  readonly kind: "destroy";
  readonly service: Service;
  readonly sessionId: number;
  readonly statusAt: number;
}

export interface Draft9Refused extends RefusedRequest {
  /** `NO_STATUS` where the descriptor ends before it. */
  readonly statusAt: number;
}

export type Draft9Control = Draft9Create | Draft9Destroy | Draft9Refused;

/**
 * Decodes a private copy of a control request, of which only the first
 * `availableBytes` are the driver's.
 */
export function decodeDraft9Control(
  view: DataView,
  availableBytes: number,
  limits: ServiceLimits,
): Draft9Control {
  const opcode = view.getUint32(0, true);
  const opType = opTypeWithin(view, availableBytes);
  const place = controlStatusAt(opcode, opType);
  const statusAt = statusWithin(place, availableBytes);
  if (availableBytes < DRAFT_9_REQUEST_BYTES) {
    const reason = `${availableBytes} bytes, expected ${DRAFT_9_REQUEST_BYTES}`;
    return { ...refused(true, Status.Error, reason), statusAt };
  }
  const number = serviceOfOpcode(opcode);
  const service = SERVICES[number];
  if (service && isDraft9Service(number)) {
    if (isCreateOpcode(opcode)) return decodeCreate(view, number, limits);
    if (isDestroyOpcode(opcode)) {
      const sessionId = readUint64(view, 16);
      return { kind: "destroy", service, sessionId, statusAt };
    }
  }
  const reason = `control opcode ${opcode}`;
  return { ...refused(true, Status.NotSupported, reason), statusAt };
}

/** Where the status of a control request is, also of an undefined opcode. */
function controlStatusAt(opcode: number, opType: number): number {
  return isDestroyOpcode(opcode)
    ? DESTROY_STATUS_AT
    : createOffsets(serviceOfOpcode(opcode), opType).status;
}

function decodeCreate(
  view: DataView,
  service: ServiceNumber,
  limits: ServiceLimits,
): Draft9Create | Draft9Refused {
  const parameters = new SessionParameters();
  parameters.service = service;
  readParameters(view, parameters);
  const offsets = createOffsets(service, parameters.opType);
  const refusal = refuseBeyondLimits(parameters, limits);
  if (refusal) {
    const { status, reason } = refusal;
    return { ...refused(true, status, reason), statusAt: offsets.status };
  }
  const addressAt = (offset: number) =>
    offset === NO_KEY ? NaN : readUint64(view, offset);
  return {
    kind: "create",
    service: SERVICES[service]!,
    parameters,
    keyAddress: addressAt(offsets.keyAddress),
    authKeyAddress: addressAt(offsets.authKeyAddress),
    sessionIdAt: offsets.sessionId,
    statusAt: offsets.status,
  };
}

function readParameters(view: DataView, parameters: SessionParameters): void {
  const word = (offset: number) => view.getUint32(offset, true);
  switch (parameters.service) {
    case ServiceNumber.Cipher:
      parameters.opType = word(DRAFT_9_OP_TYPE_AT);
      if (parameters.opType === SymmetricOperation.Chaining) {
        return readChain(word, parameters);
      }
      parameters.algorithm = word(16);
      parameters.keyBytes = word(20);
      parameters.direction = word(24);
      return;
    case ServiceNumber.Aead:
      parameters.algorithm = word(16);
      parameters.keyBytes = word(20);
      parameters.digestBytes = word(24);
      parameters.direction = word(32);
      return;
    default:
      parameters.algorithm = word(16);
      parameters.digestBytes = word(20);
      if (parameters.service === ServiceNumber.Mac) {
        parameters.keyBytes = word(24);
      }
  }
}

function readChain(
  word: (offset: number) => number,
  parameters: SessionParameters,
): void {
  parameters.chainOrder = word(16);
  parameters.hashMode = word(20);
  parameters.algorithm = word(24);
  parameters.keyBytes = word(28);
  parameters.direction = word(32);
  parameters.hashAlgorithm = word(40);
  parameters.digestBytes = word(44);
  if (parameters.hashMode === HashMode.Auth) parameters.authKeyBytes = word(48);
}

/** Where the driver put the keys of a session. */
export interface Draft9KeyAddresses {
  readonly keyAddress: number;
  readonly authKeyAddress: number;
}

/**
 * The request that creates a session meant for data queue `queueIndex`, not
 * answered yet.
 *
 * @throws RangeError for a public-key session, which the draft does not have.
 */
export function encodeDraft9Create(
  description: SessionDescription,
  addresses: Draft9KeyAddresses,
  queueIndex: number,
): Uint8Array<ArrayBuffer> {
  if (description.service === "akcipher") {
    throw new RangeError("Cannot encode an akcipher session in draft 9");
  }
  const parameters = new SessionParameters();
  setParameters(parameters, description);
  const { service, opType } = parameters;
  const bytes = new Uint8Array(DRAFT_9_REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, createOpcode(service), true);
  view.setUint32(4, parameters.algorithm, true);
  view.setUint32(12, queueIndex, true);
  writeParameters(view, parameters);
  const offsets = createOffsets(service, opType);
  if (offsets.keyAddress !== NO_KEY) {
    writeUint64(view, offsets.keyAddress, addresses.keyAddress);
  }
  if (parameters.authKeyBytes > 0) {
    writeUint64(view, offsets.authKeyAddress, addresses.authKeyAddress);
  }
  view.setUint32(offsets.status, DRAFT_9_UNANSWERED, true);
  return bytes;
}

function writeParameters(view: DataView, parameters: SessionParameters): void {
  const put = (offset: number, value: number) =>
    view.setUint32(offset, value, true);
  switch (parameters.service) {
    case ServiceNumber.Cipher:
      put(DRAFT_9_OP_TYPE_AT, parameters.opType);
      if (parameters.opType === SymmetricOperation.Chaining) {
        return writeChain(put, parameters);
      }
      put(16, parameters.algorithm);
      put(20, parameters.keyBytes);
      return put(24, parameters.direction);
    case ServiceNumber.Aead:
      put(16, parameters.algorithm);
      put(20, parameters.keyBytes);
      put(24, parameters.digestBytes);
      return put(32, parameters.direction);
    default:
      put(16, parameters.algorithm);
      put(20, parameters.digestBytes);
      if (parameters.service === ServiceNumber.Mac) {
        put(24, parameters.keyBytes);
      }
  }
}

function writeChain(
  put: (offset: number, value: number) => void,
  parameters: SessionParameters,
): void {
  put(16, parameters.chainOrder);
  put(20, parameters.hashMode);
  put(24, parameters.algorithm);
  put(28, parameters.keyBytes);
  put(32, parameters.direction);
  put(40, parameters.hashAlgorithm);
  put(44, parameters.digestBytes);
  put(48, parameters.authKeyBytes);
}

/** The request that destroys a session, not answered yet. */
export function encodeDraft9Destroy(
  service: Service,
  sessionId: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DRAFT_9_REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, destroyOpcode(serviceNumber(service)), true);
  writeUint64(view, 16, sessionId);
  view.setUint32(DESTROY_STATUS_AT, DRAFT_9_UNANSWERED, true);
  return bytes;
}

/** Writes a creation's outcome into the request; the identifier if it is Ok. */
export function writeDraft9Created(
  view: DataView,
  request: Draft9Create,
  status: Status,
  sessionId: number,
): void {
  if (status === Status.Ok) writeUint64(view, request.sessionIdAt, sessionId);
  writeDraft9Status(view, request.statusAt, status);
}

/** Writes the status into a control or data request that has a place for it. */
export function writeDraft9Status(
  view: DataView,
  statusAt: number,
  status: Status,
): void {
  if (statusAt !== NO_STATUS) view.setUint32(statusAt, status, true);
}

/** Reads what `writeDraft9Created` wrote for a session like `description`. */
export function decodeDraft9Created(
  bytes: Uint8Array,
  description: SessionDescription,
): CreateOutcome {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parameters = new SessionParameters();
  setParameters(parameters, description);
  const offsets = createOffsets(parameters.service, parameters.opType);
  return {
    status: view.getUint32(offsets.status, true),
    sessionId: readUint64(view, offsets.sessionId),
  };
}

/** Reads the status of a destruction. */
export function decodeDraft9Destroyed(bytes: Uint8Array): Status {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.getUint32(DESTROY_STATUS_AT, true);
}
