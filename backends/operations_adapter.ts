/**
 * A backend that runs operations, as one that runs bursts. It owns the operations
 * that such a backend is given: one of each slot, kept and refilled.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type BackendSession,
  type BackendThread,
  type BurstThread,
  OperationStatus,
} from "./backend.ts";
import {
  ContractBreach,
  operationBreach,
  promiseBreach,
  sessionBreach,
} from "./contract_check.ts";
import { KeptOperations } from "./kept_operations.ts";
import { BURST_WORDS, BurstField, type RequestBurst } from "./request_burst.ts";
import type { SlotOperation } from "./slot_operation.ts";

const WORDS = BURST_WORDS;
const SESSION = BurstField.Session;

/** Gives the requests of bursts to `thread` as operations. */
export class OperationsAdapter implements BurstThread {
  /** There where `thread` has it. */
  health?: () => string | undefined;
  readonly #thread: BackendThread;
  /** By number. */
  readonly #sessions: (BackendSession | undefined)[] = [];
  readonly #operations = new KeptOperations();
  readonly #given: SlotOperation[] = [];
  /** What `thread` has left pending. */
  readonly #pending: SlotOperation[] = [];

  constructor(thread: BackendThread) {
    this.#thread = thread;
    if (thread.health) this.health = () => thread.health!();
  }

  openSession(description: SessionDescription, number: number): void {
    const session: unknown = this.#thread.openSession(description);
    const breach = sessionBreach(session);
    if (breach !== undefined) throw new ContractBreach(breach);
    this.#sessions[number] = session as BackendSession;
  }

  closeSession(number: number): void {
    this.#thread.closeSession(this.#sessions[number]!);
    this.#sessions[number] = undefined;
  }

  run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { fields } = burst;
    const given = this.#given;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const session = this.#sessions[fields[WORDS * slot + SESSION]!]!;
      given[i] = this.#operations.fill(burst, slot, session);
    }
    let promised: string | undefined;
    try {
      const returned: unknown = this.#thread.run(given, count);
      if (returned !== undefined) promised = promiseBreach("run()", returned);
    } catch (error) {
      // What is pending still is taken back by the device.
      this.#settleGiven(count, undefined, false);
      throw error;
    }
    const breach = this.#settleGiven(count, promised, true);
    if (breach !== undefined) throw new ContractBreach(breach);
  }

  /** Takes what came of a call; what was wrong with it. */
  #settleGiven(
    count: number,
    promised: string | undefined,
    mayPend: boolean,
  ): string | undefined {
    let breach = promised;
    for (let i = 0; i < count; i++) {
      const operation = this.#given[i]!;
      if (operation.hasSucceeded) {
        operation.settle();
        continue;
      }
      const isPending = operation.status === OperationStatus.Pending;
      if (isPending && !mayPend) this.#pending.push(operation);
      else if (isPending && promised !== undefined) operation.disown();
      else {
        const own = this.#settle(operation);
        breach ??= own;
        if (isPending && own === undefined) this.#pending.push(operation);
      }
    }
    return breach;
  }

  /** Passes on what came of an operation; what is wrong with that. */
  #settle(operation: SlotOperation): string | undefined {
    const breach = operationBreach(operation, this.#thread);
    // It may have written anything, and may write yet: nobody else can do it.
    if (breach !== undefined) operation.disown();
    else operation.settle();
    return breach;
  }

  poll(): number {
    const pending = this.#pending;
    let breach = promiseBreach("poll()", this.#thread.poll?.());
    const promised = breach !== undefined;
    const before = pending.length;
    let left = 0;
    for (let i = 0; i < before; i++) {
      const operation = pending[i]!;
      if (promised) operation.disown();
      else if (operation.status === OperationStatus.Pending) {
        pending[left++] = operation;
      } else breach ??= this.#settle(operation);
    }
    pending.length = left;
    if (breach !== undefined) throw new ContractBreach(breach);
    return before - left;
  }

  /** What `thread` has of a slot, where it has left that pending. */
  protected pendingAt(
    burst: RequestBurst,
    slot: number,
  ): SlotOperation | undefined {
    return this.#pending.find((one) => one.isOf(burst, slot));
  }

  abandon(burst: RequestBurst, slot: number): void {
    const at = this.#pending.findIndex((one) => one.isOf(burst, slot));
    if (at >= 0) this.#pending.splice(at, 1);
    this.#operations.leave(burst, slot);
  }

  close(): void {
    this.#thread.close();
  }
}
