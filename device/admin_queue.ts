/**
 * The service of the administration virtqueue (virtio 1.4 §2.14): commands in
 * queue order, each with one chain.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import type { Administration } from "./administration.ts";
import { ChainFault, DescriptorChain, popChain } from "./ring/chain.ts";
import type { QueueService } from "./queue_service.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import {
  decodeAdminCommand,
  encodeAdminOutcome,
} from "./wire/admin_command.ts";

/**
 * More than any command holds; what a guest appends to that is not read. The
 * longest are a list of all opcodes and a capability of 255 entries.
 */
const MAXIMUM_COMMAND_BYTES = 16 * 1024;

/** How long one call goes on: see the control queue. */
const SERVICE_MS = 5;

/** The administration queue of one guest. */
export class AdminQueue implements QueueService {
  readonly #virtqueue: Virtqueue;
  readonly #administration: Administration;
  readonly #chain = new DescriptorChain();

  constructor(virtqueue: Virtqueue, administration: Administration) {
    this.#virtqueue = virtqueue;
    this.#administration = administration;
  }

  get broken(): string | undefined {
    return this.#virtqueue.broken;
  }

  /** Every command is answered when it is taken. */
  readonly pendingCount = 0;
  readonly needsPolling = false;
  readonly isFull = false;
  readonly waitMs = -1;

  poll(): boolean {
    return false;
  }

  abandonLanes(): void {}

  abandon(): void {}

  /** Answers what is available, up to a bound; true: notify the driver. */
  service(): boolean {
    const end = performance.now() + SERVICE_MS;
    while (popChain(this.#virtqueue, this.#chain)) {
      this.#virtqueue.push(this.#chain.slot, this.#answer());
      if (performance.now() >= end) break;
    }
    return this.#virtqueue.publish();
  }

  /** What has no room is not written, and is no reason to fail (§2.13.1). */
  #answer(): number {
    const { fault, readable, writable } = this.#chain;
    if (fault !== ChainFault.None) return 0;
    const bytes = keyRoom(
      Math.min(readable.totalBytes, MAXIMUM_COMMAND_BYTES),
    );
    readable.read(0, bytes);
    const outcome = this.#administration.execute(decodeAdminCommand(bytes));
    bytes.fill(0);
    const answer = encodeAdminOutcome(outcome);
    const writtenBytes = Math.min(answer.length, writable.totalBytes);
    writable.write(0, answer.subarray(0, writtenBytes));
    // A query's result has keys.
    answer.fill(0);
    outcome.result.fill(0);
    return writtenBytes;
  }
}
