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
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { DescriptorChain, KEPT_DESCRIPTORS } from "./ring/chain.ts";
import type { Route, ThreadSession } from "./session/thread_sessions.ts";
import type { DataRequest } from "./wire/data_request.ts";
import { Status } from "./wire/status.ts";

/** Room for the longest IV field (virtio 1.4 §5.9.9.7). */
export const IV_ROOM_BYTES = 16;

const NO_SESSION: BackendSession = {};

class SlotOperation implements Operation {
  kind = OperationKind.Encrypt;
  session: BackendSession = NO_SESSION;
  readonly iv = new Uint8Array(IV_ROOM_BYTES);
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

  release(): void {
    this.source.release();
    this.additionalData.release();
    this.destination.release();
    this.digest.release();
  }
}

/**
 * A request from the pop of its chain to the push of its used entry; `Request`
 * is what its layout decodes.
 */
export class RequestSlot<Request extends DataRequest = DataRequest> {
  readonly chain = new DescriptorChain();
  readonly request: Request;
  readonly operation = new SlotOperation();
  /** The operation's IV as a place to copy to. */
  readonly ivRegion = new Region(this.operation.iv);
  session: ThreadSession | undefined;
  /** Where the operation goes. */
  route: Route | undefined;
  /** The outcome, where the backend has no say in it. */
  status: Status = Status.Ok;

  constructor(request: Request) {
    this.request = request;
  }

  /** Gives back the lists of a chain that was too long to keep them. */
  releaseLongLists(): void {
    if (this.chain.descriptorCount <= KEPT_DESCRIPTORS) return;
    this.chain.release();
    this.operation.release();
  }

  reset(): void {
    this.session = undefined;
    this.route = undefined;
    this.status = Status.Ok;
    this.operation.reset();
  }
}
