/**
 * AES-CBC through `node:crypto` as a plugin of either version of the contract: what
 * the query of its address says (`manner_backend.ts?contract=1`, `?runs=bursts`,
 * `?runs=bursts&later`: its requests end in `poll`).
 *
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type BackendThread,
  type BurstThread,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import {
  BURST_WORDS,
  BurstField,
  type RequestBurst,
} from "../backends/request_burst.ts";
import { SlotOperation } from "../backends/slot_operation.ts";

const settings = new URL(import.meta.url).searchParams;

/** What a test sees of this module, and does in the midst of it. */
export interface MannerModule {
  readonly counts: { run: number; abandoned: number };
  /** Happens instead of what is right. */
  readonly faults: {
    run?: (burst: RequestBurst, slots: Int32Array, count: number) => void;
    poll?: () => number;
  };
}

export const counts: MannerModule["counts"] = { run: 0, abandoned: 0 };
export const faults: MannerModule["faults"] = {};

interface OwnSession {
  readonly key: Uint8Array;
  readonly kind: OperationKind;
}

function open(description: SessionDescription): OwnSession {
  if (
    description.service !== "cipher" || description.algorithm !== "aes-cbc" ||
    description.key.length === 24
  ) throw new RangeError("Cannot open a session that is not offered");
  const encrypts = description.direction === "encrypt";
  return {
    key: description.key.slice(),
    kind: encrypts ? OperationKind.Encrypt : OperationKind.Decrypt,
  };
}

function perform(operation: Operation, { key, kind }: OwnSession): void {
  const { source, destination, iv, ivBytes } = operation;
  const name = `aes-${8 * key.length}-cbc`;
  counts.run++;
  operation.status = OperationStatus.Failed;
  if (
    operation.kind !== kind || ivBytes !== 16 || source.totalBytes % 16 !== 0 ||
    destination.totalBytes !== source.totalBytes
  ) return;
  const cipher = kind === OperationKind.Encrypt
    ? createCipheriv(name, key, iv.subarray(0, 16))
    : createDecipheriv(name, key, iv.subarray(0, 16));
  cipher.setAutoPadding(false);
  destination.write(0, cipher.update(source.copy()));
  operation.status = OperationStatus.Ok;
  operation.writtenBytes = source.totalBytes;
}

class OperationsThread implements BackendThread {
  openSession(description: SessionDescription): OwnSession {
    return open(description);
  }

  closeSession({ key }: OwnSession): void {
    key.fill(0);
  }

  run(operations: readonly Operation[], count: number): void {
    for (const operation of operations.slice(0, count)) {
      perform(operation, operation.session as OwnSession);
    }
  }

  close(): void {}
}

class BurstsThread implements BurstThread {
  readonly #sessions: (OwnSession | undefined)[] = [];

  openSession(description: SessionDescription, number: number): void {
    this.#sessions[number] = open(description);
  }

  closeSession(number: number): void {
    this.#sessions[number]?.key.fill(0);
    this.#sessions[number] = undefined;
  }

  run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    if (faults.run) return faults.run(burst, slots, count);
    for (let i = 0; i < count; i++) this.perform(burst, slots[i]!);
  }

  protected perform(burst: RequestBurst, slot: number): void {
    const number = burst.fields[BURST_WORDS * slot + BurstField.Session]!;
    const operation = new SlotOperation(burst, slot);
    operation.fill();
    perform(operation, this.#sessions[number]!);
    operation.settle();
  }

  close(): void {}
}

/** Leaves all requests pending, and does the latest first. */
class LaterThread extends BurstsThread {
  readonly #pending: [RequestBurst, number][] = [];

  override run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    for (let i = 0; i < count; i++) this.#pending.push([burst, slots[i]!]);
  }

  poll(): number {
    if (faults.poll) return faults.poll();
    const last = this.#pending.pop();
    if (!last) return 0;
    this.perform(...last);
    return 1;
  }

  abandon(burst: RequestBurst, slot: number): void {
    counts.abandoned++;
    const at = this.#pending.findIndex((one) =>
      one[0] === burst && one[1] === slot
    );
    this.#pending.splice(at, 1);
  }
}

function openThread() {
  if (settings.get("runs") !== "bursts") return new OperationsThread();
  return settings.has("later") ? new LaterThread() : new BurstsThread();
}

export default {
  contract: Number(settings.get("contract") ?? 2),
  name: "manner",
  ...(settings.has("runs") && { runs: settings.get("runs") }),
  probe: () => ({
    ready: true,
    version: "node:crypto",
    // Deno's node:crypto has no AES-192 in this mode.
    offers: [{ algorithm: "cipher.aes-cbc", keyBytes: [16, 32] }],
    missing: [],
    notOffered: {},
  }),
  open: openThread,
};
