/**
 * Everything that one request needs while it is under way, kept and refilled.
 *
 * @module
 */

import {
  type BackendSession,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import type { PrivateResults } from "../backends/overlap.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { Route } from "./session/thread_sessions.ts";
import { Status } from "./wire/status.ts";

/** Room for the longest IV field (virtio 1.4 §5.9.9.7). */
export const IV_ROOM_BYTES = 16;

const NO_HANDLE: BackendSession = {};

class SlotOperation implements Operation {
  kind = OperationKind.Encrypt;
  session: BackendSession = NO_HANDLE;
  readonly iv = new Uint8Array(new ArrayBuffer(IV_ROOM_BYTES));
  readonly ivWords = new Uint32Array(this.iv.buffer);
  ivBytes = 0;
  readonly source = new Segments();
  readonly additionalData = new Segments();
  readonly destination = new Segments();
  readonly digest = new Segments();
  cipherStart = 0;
  cipherBytes = 0;
  hashStart = 0;
  hashBytes = 0;
  status = OperationStatus.Pending;
  writtenBytes = 0;

  reset(): void {
    this.session = NO_HANDLE;
    this.ivBytes = 0;
    this.source.clear();
    this.additionalData.clear();
    this.destination.clear();
    this.digest.clear();
    this.status = OperationStatus.Pending;
    this.writtenBytes = 0;
  }

  /** Takes over what `other` is to do, in lists of its own. */
  copy(other: SlotOperation): void {
    this.kind = other.kind;
    this.session = other.session;
    this.iv.set(other.iv);
    this.ivBytes = other.ivBytes;
    copyList(this.source, other.source);
    copyList(this.additionalData, other.additionalData);
    copyList(this.destination, other.destination);
    copyList(this.digest, other.digest);
    this.cipherStart = other.cipherStart;
    this.cipherBytes = other.cipherBytes;
    this.hashStart = other.hashStart;
    this.hashBytes = other.hashBytes;
  }

  release(): void {
    this.source.release();
    this.additionalData.release();
    this.destination.release();
    this.digest.release();
  }
}

function copyList(to: Segments, from: Segments): void {
  to.slice(from, 0, from.totalBytes);
}

/** A request from the pop of its chain to the push of its used entry. */
export class RequestSlot {
  /** The ring's slot, whose chain it is. */
  readonly number: number;
  operation = new SlotOperation();
  /** The operation's IV as a place to copy to, and where it comes from. */
  ivRegion = new Region(this.operation.iv);
  readonly ivField = new Segments();
  /** Number of the session on this thread, or `NO_SESSION`. */
  session = NO_SESSION;
  /** Where the operation goes. */
  route: Route | undefined;
  /** The outcome, where the backend has no say in it. */
  status: Status = Status.Ok;
  /** Whether the operation's tag is an input. */
  readsTag = false;
  /** Bytes that a success writes besides those that the backend tells of. */
  digestBytes = 0;
  /** Whether the operation's outputs overlap what they must not. */
  isEntangled = false;
  /** Its results are here then, from when it runs until they are delivered. */
  results: PrivateResults | undefined;
  /** Draft 9: where the status goes, and how long the structure is. */
  readonly statusField = new Segments();
  structureBytes = 0;

  constructor(number: number) {
    this.number = number;
  }

  /**
   * Takes the operation from a backend that failed at it: what that may still
   * hold names no memory any more, and its outcome is nobody's.
   */
  takeBack(status: OperationStatus): void {
    const abandoned = this.operation;
    this.operation = new SlotOperation();
    this.operation.copy(abandoned);
    this.operation.status = status;
    this.ivRegion = new Region(this.operation.iv);
    this.results?.moveTo(this.operation);
    abandoned.release();
  }

  /** Forgets the last request, and lets go of the memory that it had lists of. */
  release(): void {
    this.reset();
    this.ivField.release();
    this.statusField.release();
    this.operation.release();
  }

  /** Forgets the last request. */
  reset(): void {
    this.session = NO_SESSION;
    this.route = undefined;
    this.readsTag = false;
    this.digestBytes = 0;
    this.isEntangled = false;
    this.statusField.clear();
    this.operation.reset();
  }
}
