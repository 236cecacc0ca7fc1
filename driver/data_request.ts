/**
 * A data request in the driver's terms, and what both request layouts make of
 * it.
 *
 * @module
 */

import { algorithmByName } from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import type { DataRequest } from "../device/wire/data_request.ts";
import { setParameters } from "../device/wire/session_numbers.ts";
import type { Status } from "../device/wire/status.ts";
import type { Segments } from "../memory/segments.ts";
import type { GuestBuffer } from "./rings/driver_queue.ts";
import type { SharedBytes, SharedMemory, Stretch } from "./shared_memory.ts";

export type OperationName =
  | "encrypt"
  | "decrypt"
  | "digest"
  | "sign"
  | "verify";

/** What a request works on, and by what session. */
export interface RequestTarget {
  readonly description: SessionDescription;
  /** Absent: a stateless request, which carries all parameters. */
  readonly sessionId?: number;
}

/** What a request is, but for its bytes. */
export interface RequestShape {
  readonly operation: OperationName;
  readonly ivBytes: number;
  /** Without the tag of an AEAD decryption. */
  readonly sourceBytes: number;
  /** Verification: the data that was signed. */
  readonly additionalDataBytes: number;
  /** Without the tag of an AEAD encryption. */
  readonly destinationBytes: number;
  /** Digest, code or tag. */
  readonly digestBytes: number;
  /** Chains: the part of the source that is enciphered, and that is hashed. */
  readonly cipherStart: number;
  readonly cipherBytes: number;
  readonly hashStart: number;
  readonly hashBytes: number;
}

/** A request in shared memory, whose bytes are the caller's to fill and read. */
export interface PlacedRequest {
  readonly readable: readonly GuestBuffer[];
  readonly writable: readonly GuestBuffer[];
  readonly iv: Segments;
  readonly source: Segments;
  readonly additionalData: Segments;
  readonly destination: Segments;
  /** Written by the device; of an AEAD decryption, read by it. */
  readonly digest: Segments;
  /** What the device answered, once the request has been used. */
  status(): Status;
  /** Forgets the last answer, before the request is sent again. */
  rearm(): void;
  /** Overwrites keys that the request carries. */
  wipe(): void;
  readonly memory: readonly SharedBytes[];
}

/** A request that knows its size but has no memory yet. */
export interface PlannedRequest {
  readonly stretches: readonly Stretch[];
  place(memory: SharedMemory, bytes: readonly SharedBytes[]): PlacedRequest;
}

/** One layout's way of writing data requests. */
export interface RequestFormat {
  plan(target: RequestTarget, shape: RequestShape): PlannedRequest;
}

/** The last digits of the data opcodes (virtio 1.4 §5.9.9.3). */
const OPERATION_NUMBERS: Readonly<Record<OperationName, number>> = {
  encrypt: 0,
  decrypt: 1,
  digest: 0,
  sign: 2,
  verify: 3,
};

/** Bytes of the IV field of an algorithm whose nonce is shorter, or 0. */
export function ivFieldBytesOf(description: SessionDescription): number {
  if (description.service !== "aead") return 0;
  return algorithmByName("aead", description.algorithm)?.ivFieldBytes ?? 0;
}

/** Fills `request` with everything but lengths that the layouts count apart. */
export function describeRequest(
  request: DataRequest,
  target: RequestTarget,
  shape: RequestShape,
): void {
  request.clear();
  setParameters(request, target.description);
  request.opcode = request.service << 8 | OPERATION_NUMBERS[shape.operation];
  if (target.sessionId === undefined) request.sessionMode = false;
  else {
    request.sessionId = target.sessionId;
    request.keyBytes = 0;
    request.authKeyBytes = 0;
  }
  request.ivBytes = shape.ivBytes;
  request.sourceBytes = shape.sourceBytes;
  request.additionalDataBytes = shape.additionalDataBytes;
  request.destinationBytes = shape.destinationBytes;
  request.digestBytes = shape.digestBytes;
  request.cipherStart = shape.cipherStart;
  request.cipherBytes = shape.cipherBytes;
  request.hashStart = shape.hashStart;
  request.hashBytes = shape.hashBytes;
}
