/**
 * AES-CBC through `node:crypto` as a backend that is called on the thread of the
 * queue, or that answers with promises, on a lane, as the query of its address says
 * (`?runs=operations`, `?runs=asynchronous`): what differs is the way.
 *
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type Backend,
  CONTRACT_VERSION,
  OperationStatus,
} from "../../backends/backend.ts";

interface OwnSession {
  readonly key: Uint8Array;
  readonly encrypts: boolean;
}

function openSession(description: SessionDescription): OwnSession {
  if (description.service !== "cipher" || description.algorithm !== "aes-cbc") {
    throw new RangeError("Cannot open a session that is not offered");
  }
  const key = new Uint8Array(new ArrayBuffer(description.key.length));
  key.set(description.key);
  return { key, encrypts: description.direction === "encrypt" };
}

function closeSession(session: object): void {
  (session as OwnSession).key.fill(0);
}

function compute(session: object, iv: Uint8Array, source: Uint8Array) {
  const { key, encrypts } = session as OwnSession;
  const name = `aes-${8 * key.length}-cbc`;
  const cipher = encrypts
    ? createCipheriv(name, key, iv)
    : createDecipheriv(name, key, iv);
  return cipher.setAutoPadding(false).update(source);
}

const common = {
  contract: CONTRACT_VERSION,
  probe: () => ({
    ready: true,
    version: "node:crypto of this runtime",
    offers: [{ algorithm: "cipher.aes-cbc" }],
    missing: [],
    notOffered: {},
  }),
};

const onTheThread: Backend = {
  ...common,
  name: "on-the-thread",
  open: () => ({
    openSession,
    closeSession,
    run(operations, count) {
      for (let i = 0; i < count; i++) {
        const operation = operations[i]!;
        const { session, iv, ivBytes, source, destination } = operation;
        const result = compute(session, iv.subarray(0, ivBytes), source.copy());
        destination.write(0, result);
        operation.writtenBytes = result.length;
        operation.status = OperationStatus.Ok;
      }
    },
    close() {},
  }),
};

const onALane: Backend = {
  ...common,
  name: "on-a-lane",
  runs: "asynchronous",
  open: () => ({
    openSession,
    closeSession,
    run({ session, iv, source, destination }) {
      const result = compute(session, iv, source);
      destination.set(result);
      return Promise.resolve({
        status: OperationStatus.Ok,
        writtenBytes: result.length,
      });
    },
    close() {},
  }),
};

const manner = new URL(import.meta.url).searchParams.get("runs");
const backend: Backend = manner === "asynchronous" ? onALane : onTheThread;
export default backend;
