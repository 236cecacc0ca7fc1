/**
 * The service of the administration virtqueue (virtio 1.4 §2.14): commands in
 * queue order, each with one chain.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import type { Segments } from "../memory/segments.ts";
import type { Administration } from "./administration.ts";
import type { RequestNumbering } from "./control_outcome.ts";
import type { RedoneRequests } from "./redone_requests.ts";
import { ChainFault, DescriptorChain, popChain } from "./ring/chain.ts";
import { type QueueService, SERVICE_MS } from "./queue_service.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_ORIGIN } from "./session/session_table.ts";
import {
  type AdminOutcome,
  AdminQualifier,
  AdminStatus,
  decodeAdminCommand,
  encodeAdminOutcome,
} from "./wire/admin_command.ts";

/**
 * More than any command holds; what a guest appends to that is not read. The
 * longest are a list of all opcodes and a capability of 255 entries.
 */
const MAXIMUM_COMMAND_BYTES = 16 * 1024;

/** Of a command that has ended processes. */
const BARRED = {
  status: AdminStatus.Invalid,
  qualifier: AdminQualifier.InvalidCommand,
};

/** The administration queue of one guest. */
export class AdminQueue implements QueueService {
  readonly #virtqueue: Virtqueue;
  readonly #administration: Administration;
  readonly #numbers: RequestNumbering | undefined;
  readonly #redone: RedoneRequests | undefined;
  readonly #chain = new DescriptorChain();

  /**
   * `numbers` tells commands apart that may be done again; `redone` are those that
   * another process may have begun.
   */
  constructor(
    virtqueue: Virtqueue,
    administration: Administration,
    numbers?: RequestNumbering,
    redone?: RedoneRequests,
  ) {
    this.#virtqueue = virtqueue;
    this.#administration = administration;
    this.#numbers = numbers;
    this.#redone = redone;
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

  /**
   * Answers what is available, up to a bound; true: notify the driver. Each answer
   * is shown before the next command is taken: of what a process that ends has
   * done, one command at most is done again.
   */
  service(): boolean {
    const end = performance.now() + SERVICE_MS;
    let notify = false;
    for (;;) {
      const start = this.#position;
      if (!popChain(this.#virtqueue, this.#chain)) break;
      const origin = this.#numbers?.take(start, this.#position) ?? NO_ORIGIN;
      const redone = this.#redone?.any ? this.#redone : undefined;
      const isBarred = redone?.begin() === false;
      const writtenBytes = this.#answer(origin, isBarred);
      this.#virtqueue.push(this.#chain.slot, writtenBytes);
      notify = this.#virtqueue.publish() || notify;
      redone?.end();
      if (performance.now() >= end) break;
    }
    return notify;
  }

  /** Where the next command is taken. */
  get #position(): number {
    return this.#virtqueue.base & 0xffff;
  }

  /** What has no room is not written, and is no reason to fail (§2.13.1). */
  #answer(origin: number, isBarred: boolean): number {
    const { fault, readable, writable } = this.#chain;
    if (fault !== ChainFault.None) return 0;
    const outcome = isBarred
      ? { ...BARRED, result: new Uint8Array(0) }
      : this.#execute(readable, origin);
    const answer = encodeAdminOutcome(outcome);
    const writtenBytes = Math.min(answer.length, writable.totalBytes);
    writable.write(0, answer.subarray(0, writtenBytes));
    // A query's result has keys.
    answer.fill(0);
    outcome.result.fill(0);
    return writtenBytes;
  }

  #execute(readable: Segments, origin: number): AdminOutcome {
    const bytes = keyRoom(
      Math.min(readable.totalBytes, MAXIMUM_COMMAND_BYTES),
    );
    readable.read(0, bytes);
    const command = decodeAdminCommand(bytes);
    const outcome = this.#administration.execute(command, origin);
    bytes.fill(0);
    return outcome;
  }
}
