/**
 * Backends without a device: `BackendThread.run` in bursts of 32, per operation
 * and size, all available backends side by side.
 */

import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import {
  type BackendThread,
  type Operation,
  OperationStatus,
} from "../backends/backend.ts";
import { openOperations } from "../backends/burst_operations.ts";
import { loadBackend } from "../backends/registry.ts";
import { BENCH_OPERATIONS, type BenchOperation } from "./operations.ts";
import {
  BENCH_BURST,
  BENCH_SIZES,
  groupName,
  offersOperation,
} from "./plan.ts";
import { benchFileBackends } from "./runner/chosen_backends.ts";

const IV_ROOM_BYTES = 32;

/** Memory with an address where the permission allows it. */
function createRegion(lengthBytes: number): Region {
  const bytes = new Uint8Array(lengthBytes);
  const pointer = Deno.UnsafePointer.of(bytes);
  return new Region(bytes, Number(Deno.UnsafePointer.value(pointer)));
}

function segment(region: Region, offset: number, bytes: number): Segments {
  const segments = new Segments();
  segments.append(region, offset, bytes);
  return segments;
}

function createOperations(
  thread: BackendThread,
  operation: BenchOperation,
  size: number,
): Operation[] {
  const session = thread.openSession(operation.description);
  const { ivBytes, kind, resultBytes, hasDestination } = operation;
  const stride = 2 * size + 256;
  const region = createRegion(BENCH_BURST * stride);
  return Array.from({ length: BENCH_BURST }, (_, index): Operation => {
    const at = index * stride;
    const resultAt = at + size + 64;
    const iv = new Uint8Array(IV_ROOM_BYTES);
    return {
      kind,
      session,
      iv,
      ivWords: new Uint32Array(iv.buffer),
      ivBytes,
      source: segment(region, at, size),
      additionalData: new Segments(),
      destination: segment(region, resultAt, hasDestination ? size : 0),
      digest: segment(region, resultAt + size, resultBytes),
      cipherStart: 0,
      cipherBytes: size,
      hashStart: 0,
      hashBytes: size,
      status: OperationStatus.Pending,
      writtenBytes: 0,
    };
  });
}

function runBurst(thread: BackendThread, operations: Operation[]): void {
  for (const operation of operations) {
    operation.status = OperationStatus.Pending;
  }
  thread.run(operations, BENCH_BURST);
  for (const operation of operations) {
    while (operation.status === OperationStatus.Pending) thread.poll?.();
    if (operation.status !== OperationStatus.Ok) {
      throw new Error(`Status ${operation.status}`);
    }
  }
}

/** Those that are called at once, opened at their first bench. */
const backends = (await Promise.all(
  (await benchFileBackends()).map(async ({ specifier, probe }) => ({
    backend: await loadBackend(specifier),
    probe,
  })),
)).filter(({ backend: { runs } }) =>
  runs !== "asynchronous" && runs !== "bursts"
);

for (const operation of BENCH_OPERATIONS) {
  for (const size of BENCH_SIZES) {
    let baseline = true;
    for (const { backend, probe } of backends) {
      if (!offersOperation(probe, operation)) continue;
      let prepared: { thread: BackendThread; operations: Operation[] };
      Deno.bench({
        name: backend.name,
        group: groupName("raw", operation, size),
        baseline,
        fn() {
          prepared ??= prepare(openOperations(backend), operation, size);
          runBurst(prepared.thread, prepared.operations);
        },
      });
      baseline = false;
    }
  }
}

function prepare(
  thread: BackendThread,
  operation: BenchOperation,
  size: number,
) {
  return { thread, operations: createOperations(thread, operation, size) };
}
