/**
 * Backends without a device: `BurstThread.run` in bursts of 32, per operation
 * and size, all available backends side by side.
 */

import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import {
  type AsynchronousBackend,
  type Backend,
  type BurstThread,
  OperationStatus,
  type Probe,
} from "../backends/backend.ts";
import { OperationsAdapter } from "../backends/operations_adapter.ts";
import { loadBackend } from "../backends/registry.ts";
import {
  BURST_WORDS,
  BurstField,
  RequestBurst,
} from "../backends/request_burst.ts";
import { putOperation } from "../backends/slot_operation.ts";
import { BENCH_OPERATIONS, type BenchOperation } from "./operations.ts";
import {
  BENCH_BURST,
  BENCH_SIZES,
  groupName,
  offersOperation,
} from "./plan.ts";
import { benchFileBackends } from "./runner/chosen_backends.ts";

const IV_ROOM_BYTES = 32;

/** One that answers later has a lane in the device, and no part here. */
type CalledBackend = Exclude<Backend, AsynchronousBackend>;

const isCalled = (backend: Backend): backend is CalledBackend =>
  backend.runs !== "asynchronous";

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

/** As the device does. */
function openBursts(backend: CalledBackend): BurstThread {
  return backend.runs === "bursts"
    ? backend.open({})
    : new OperationsAdapter(backend.open({}));
}

let sessions = 0;

/** Requests that can be run again and again. */
function createBurst(
  thread: BurstThread,
  operation: BenchOperation,
  size: number,
): RequestBurst {
  const session = sessions++;
  thread.openSession(operation.description, session);
  const { ivBytes, kind, resultBytes, hasDestination } = operation;
  const stride = 2 * size + 256;
  const region = createRegion(BENCH_BURST * stride);
  const burst = new RequestBurst(BENCH_BURST);
  for (let slot = 0; slot < BENCH_BURST; slot++) {
    const at = slot * stride;
    const resultAt = at + size + 64;
    const iv = new Uint8Array(IV_ROOM_BYTES);
    putOperation(burst, slot, {
      kind,
      session: {},
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
    });
    burst.fields[BURST_WORDS * slot + BurstField.Session] = session;
  }
  return burst;
}

const SLOTS = Int32Array.from({ length: BENCH_BURST }, (_, slot) => slot);

function runBurst(thread: BurstThread, burst: RequestBurst): void {
  const { fields } = burst;
  const statusAt = (slot: number) => BURST_WORDS * slot + BurstField.Status;
  for (let slot = 0; slot < BENCH_BURST; slot++) {
    fields[statusAt(slot)] = OperationStatus.Pending;
  }
  thread.run(burst, SLOTS, BENCH_BURST);
  for (let slot = 0; slot < BENCH_BURST; slot++) {
    while (fields[statusAt(slot)] === OperationStatus.Pending) thread.poll?.();
    if (fields[statusAt(slot)] === OperationStatus.Ok) continue;
    throw new Error(`Status ${fields[statusAt(slot)]}`);
  }
}

/** Opened at their first bench. */
const backends: { backend: CalledBackend; probe: Probe }[] = [];
for (const { specifier, probe } of await benchFileBackends()) {
  const backend = await loadBackend(specifier);
  if (isCalled(backend)) backends.push({ backend, probe });
}

for (const operation of BENCH_OPERATIONS) {
  for (const size of BENCH_SIZES) {
    let baseline = true;
    for (const { backend, probe } of backends) {
      if (!offersOperation(probe, operation)) continue;
      let prepared: ReturnType<typeof prepare> | undefined;
      Deno.bench({
        name: backend.name,
        group: groupName("raw", operation, size),
        baseline,
        fn() {
          prepared ??= prepare(backend, operation, size);
          runBurst(prepared.thread, prepared.burst);
        },
      });
      baseline = false;
    }
  }
}

function prepare(
  backend: CalledBackend,
  operation: BenchOperation,
  size: number,
) {
  const thread = openBursts(backend);
  return { thread, burst: createBurst(thread, operation, size) };
}
