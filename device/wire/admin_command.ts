/**
 * Group administration commands (virtio 1.4 §2.13.1): header, list of commands,
 * capabilities and resource objects; both directions.
 *
 * @module
 */

import {
  EEXIST_STATUS,
  MODIFY_OPCODE,
  QUERY_OPCODE,
} from "./ipsec_readings.ts";
import { readUint64 } from "./uint64.ts";

/** Opcodes that this device has. */
export const AdminOpcode = {
  ListQuery: 0x00,
  ListUse: 0x01,
  CapabilityIdListQuery: 0x07,
  DeviceCapabilityGet: 0x08,
  DriverCapabilitySet: 0x09,
  ResourceObjectCreate: 0x0a,
  ResourceObjectModify: MODIFY_OPCODE,
  ResourceObjectQuery: QUERY_OPCODE,
  ResourceObjectDestroy: 0x0d,
} as const;

/** `status` of a command: Linux's numbers. */
export const AdminStatus = {
  Ok: 0,
  NoSuchThing: 6,
  Busy: 16,
  Exists: EEXIST_STATUS,
  Invalid: 22,
  NoSpace: 28,
} as const;

/** `status_qualifier` of a command. */
export const enum AdminQualifier {
  Ok = 0,
  InvalidCommand = 1,
  InvalidOpcode = 2,
  InvalidField = 3,
  InvalidGroup = 4,
  InvalidMember = 5,
  NoResource = 6,
  TryAgain = 7,
}

/** Group types. */
export const enum GroupType {
  Self = 0,
  SrIov = 1,
}

/** What comes before `command_specific_data`, and before the result. */
const COMMAND_HEADER_BYTES = 24;
export const RESULT_HEADER_BYTES = 8;
/** The header of a capability command's data, and of a resource object's. */
export const CAPABILITY_HEADER_BYTES = 8;
export const RESOURCE_HEADER_BYTES = 8;
/** That header with `flags`. */
export const OBJECT_AT = 16;

/** A command as the device reads it. */
export interface AdminCommand {
  readonly opcode: number;
  readonly groupType: number;
  /** NaN from 2^53 on. */
  readonly memberId: number;
  /** `command_specific_data`, as much as there is. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What became of a command. */
export interface AdminOutcome {
  readonly status: number;
  readonly qualifier: AdminQualifier;
  /** `command_specific_result`; empty where there is none. */
  readonly result: Uint8Array<ArrayBuffer>;
}

/** Reads a command; bytes that are missing count as 0 (§2.13.1). */
export function decodeAdminCommand(
  bytes: Uint8Array<ArrayBuffer>,
): AdminCommand {
  const header = new Uint8Array(COMMAND_HEADER_BYTES);
  header.set(bytes.subarray(0, COMMAND_HEADER_BYTES));
  const view = new DataView(header.buffer);
  return {
    opcode: view.getUint16(0, true),
    groupType: view.getUint16(2, true),
    memberId: readUint64(view, 16),
    data: bytes.subarray(COMMAND_HEADER_BYTES),
  };
}

/** The driver's side: a command of its own group, a multiple of 8 bytes long. */
export function encodeAdminCommand(
  opcode: number,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    new ArrayBuffer(COMMAND_HEADER_BYTES + wholeWords(data.length)),
  );
  const view = new DataView(bytes.buffer);
  view.setUint16(0, opcode, true);
  view.setUint16(2, GroupType.Self, true);
  bytes.set(data, COMMAND_HEADER_BYTES);
  return bytes;
}

/** The next multiple of 8. */
export const wholeWords = (lengthBytes: number): number =>
  Math.ceil(lengthBytes / 8) * 8;

/** Writes an outcome. */
export function encodeAdminOutcome(
  { status, qualifier, result }: AdminOutcome,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    new ArrayBuffer(RESULT_HEADER_BYTES + result.length),
  );
  const view = new DataView(bytes.buffer);
  view.setUint16(0, status, true);
  view.setUint16(2, qualifier, true);
  bytes.set(result, RESULT_HEADER_BYTES);
  return bytes;
}

/** Reads an outcome, of which there are at least 8 bytes. */
export function decodeAdminOutcome(
  bytes: Uint8Array<ArrayBuffer>,
): AdminOutcome {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    status: view.getUint16(0, true),
    qualifier: view.getUint16(2, true),
    result: bytes.subarray(RESULT_HEADER_BYTES),
  };
}

/** An array of 64-bit words in which the bits `numbers` are set. */
export function encodeBitmap(
  numbers: readonly number[],
): Uint8Array<ArrayBuffer> {
  const words = Math.floor(Math.max(0, ...numbers) / 64) + 1;
  const bytes = new Uint8Array(8 * words);
  for (const number of numbers) bytes[number >> 3]! |= 1 << (number & 7);
  return bytes;
}

/** The numbers whose bits are set. */
export function decodeBitmap(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  bytes.forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) {
      if ((byte >> bit & 1) !== 0) numbers.push(8 * at + bit);
    }
  });
  return numbers;
}

/** The data of a command, with zeros for what is missing of `lengthBytes`. */
export function withZeros(
  data: Uint8Array<ArrayBuffer>,
  lengthBytes: number,
): DataView<ArrayBuffer> {
  if (data.length >= lengthBytes) {
    return new DataView(data.buffer, data.byteOffset, lengthBytes);
  }
  const whole = new Uint8Array(new ArrayBuffer(lengthBytes));
  whole.set(data);
  return new DataView(whole.buffer);
}

/** The driver's data of DEVICE_CAP_GET and DRIVER_CAP_SET. */
export function encodeCapabilityData(
  id: number,
  capability: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CAPABILITY_HEADER_BYTES + capability.length);
  new DataView(bytes.buffer).setUint16(0, id, true);
  bytes.set(capability, CAPABILITY_HEADER_BYTES);
  return bytes;
}

/** The driver's data of the commands for resource objects. */
export function encodeResourceData(
  type: number,
  id: number,
  object: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(OBJECT_AT + object.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type, true);
  view.setUint32(4, id, true);
  bytes.set(object, OBJECT_AT);
  return bytes;
}
