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
import { DescriptorChain } from "./ring/chain.ts";
import type { SessionRules } from "./session/session_rules.ts";
import type { Route, ThreadSession } from "./session/thread_sessions.ts";
import { type DataRequest, MAXIMUM_HEADER_BYTES } from "./wire/data_request.ts";
import { DataOpcode } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

/** Room for the longest IV field (virtio 1.4 §5.9.9.7). */
export const IV_ROOM_BYTES = 16;

/** Words of the header: the session's identifier takes two, `flag` is next. */
const SESSION_WORD = 2;
const FLAG_WORD = 4;

const NO_SESSION: BackendSession = {};

class SlotOperation implements Operation {
  kind = OperationKind.Encrypt;
  session: BackendSession = NO_SESSION;
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
    this.session = NO_SESSION;
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

/**
 * A request from the pop of its chain to the push of its used entry; `Request`
 * is what its layout decodes.
 *
 * It remembers the request that was in it before: one with the same header, of
 * the same kind of session and in ranges of the same lengths means the same, so
 * that it need not be decoded and checked again.
 */
export class RequestSlot<Request extends DataRequest = DataRequest> {
  readonly chain = new DescriptorChain();
  readonly request: Request;
  operation = new SlotOperation();
  /** The operation's IV as a place to copy to, and where it comes from. */
  ivRegion = new Region(this.operation.iv);
  readonly ivField = new Segments();
  /** A private copy of the header, and how long it is. */
  readonly header = new Region(new Uint8Array(MAXIMUM_HEADER_BYTES));
  headerBytes = 0;
  session: ThreadSession | undefined;
  /** Rules that the operation complies with; undefined before it is filled. */
  rules: SessionRules | undefined;
  /** Where the operation goes. */
  route: Route | undefined;
  /** The outcome, where the backend has no say in it. */
  status: Status = Status.Ok;
  /** Whether the operation's outputs overlap what they must not. */
  isEntangled = false;
  /** Its results are here then, from when it runs until they are delivered. */
  results: PrivateResults | undefined;

  constructor(request: Request) {
    this.request = request;
  }

  /** Whether the operation's tag is an input. */
  get readsTag(): boolean {
    return this.request.opcode === DataOpcode.AeadDecrypt;
  }

  /**
   * Copies the header, of `longestBytes` at most. True when every field but the
   * session's identifier is that of the request that was in the slot before and
   * has been found good.
   */
  takeHeader(longestBytes: number): boolean {
    const { readable } = this.chain;
    const headerBytes = Math.min(readable.totalBytes, longestBytes);
    if (
      this.rules !== undefined && headerBytes === this.headerBytes &&
      readable.lengthBytes(0) >= headerBytes
    ) {
      const { words } = readable.region(0);
      const start = readable.offset(0);
      if (
        words !== undefined && (start & 3) === 0 &&
        this.#hasFields(words, start >> 2)
      ) return true;
    }
    this.headerBytes = headerBytes;
    readable.copyOut(0, this.header, headerBytes);
    return false;
  }

  /** Takes the session's identifier; whether the other fields are as before. */
  #hasFields(from: Int32Array, start: number): boolean {
    const words = this.header.words!;
    const end = this.request.fieldsEnd >> 2;
    const typeWord = this.request.opTypeAt >> 2;
    if (
      from[start] !== words[0] || from[start + 1] !== words[1] ||
      from[start + typeWord] !== words[typeWord]
    ) return false;
    for (let i = FLAG_WORD; i < end; i++) {
      if (from[start + i] !== words[i]) return false;
    }
    words[SESSION_WORD] = from[start + SESSION_WORD]!;
    words[SESSION_WORD + 1] = from[start + SESSION_WORD + 1]!;
    return true;
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
    // The next request is laid out anew.
    this.rules = undefined;
    abandoned.release();
  }

  /** Forgets the last request, and lets go of the memory that it had lists of. */
  release(): void {
    this.reset();
    this.chain.readable.release();
    this.chain.writable.release();
    this.ivField.release();
    this.operation.release();
  }

  /** Forgets the last request. */
  reset(): void {
    this.rules = undefined;
    this.session = undefined;
    this.route = undefined;
    this.operation.reset();
  }
}
