/**
 * `deno task bench:device`: what the device itself takes of a request, without
 * cryptography, sockets or other threads: `DataQueue.service` over a ring in this
 * process, with a backend that does nothing. Fastest tenth of all bursts, median
 * of rounds. Each figure has a process of its own, since a thread of the device
 * serves one format of rings.
 *
 *     deno task bench:device [--seconds S] [--rounds N]
 *
 * @module
 */

import {
  type OperationsBackend,
  OperationStatus,
} from "../backends/backend.ts";
import { DataQueue } from "../device/data_queue.ts";
import { COUNTERS } from "../device/queue_counts.ts";
import { createVirtqueue } from "../device/ring/create_virtqueue.ts";
import { startOf } from "../device/ring/ring_start.ts";
import { UndoLog } from "../device/ring/undo_log.ts";
import {
  USED_JOURNAL_BYTES,
  UsedJournal,
} from "../device/ring/used_journal.ts";
import { GuestMemory } from "../device/ring/guest_memory.ts";
import { OpenBackends } from "../device/session/open_backends.ts";
import { Placement } from "../device/session/placement.ts";
import { ThreadBackends } from "../device/session/thread_backends.ts";
import { ThreadSessions } from "../device/session/thread_sessions.ts";
import { wireMode } from "../device/wire/mode.ts";
import { createDriverQueue } from "../driver/rings/create_driver_queue.ts";
import { indirectTableBytes, ringBytes } from "../driver/rings/layout.ts";
import { Region } from "../memory/region.ts";
import { BENCH_USAGE, parseBenchOptions } from "./runner/options.ts";
import { findingTable } from "./runner/targets.ts";
import { deviceOnlyRow } from "./rows/device_only_row.ts";
import { runTask } from "../testing/task.ts";

const SIZE_BYTES = 64;
const RING_SIZE = 64;
const DESCRIPTORS = 5;
/** Header, IV, source, destination and status, each apart from the others. */
const REQUEST_BYTES = 512;
const HEADER_BYTES = 72;
const IV_BYTES = 16;
const GUEST_ADDRESS = 0x1_0000_0000;
const SESSION = 1;
const UNDO_BYTES = 4 * 1024 * 1024;
const WARM_MS = 1500;

/** Answers at once, and looks at nothing. */
const nullBackend: OperationsBackend = {
  contract: 1,
  name: "null",
  probe: () => ({
    ready: true,
    version: "1",
    offers: [{ algorithm: "cipher.aes-cbc" }],
    missing: [],
    notOffered: {},
  }),
  open: () => ({
    openSession: () => ({}),
    closeSession() {},
    run(operations, count) {
      for (let i = 0; i < count; i++) {
        const operation = operations[i]!;
        operation.status = OperationStatus.Ok;
        operation.writtenBytes = SIZE_BYTES;
      }
    },
    close() {},
  }),
};

function openSessions(): ThreadSessions {
  const sessions = new ThreadSessions(
    new ThreadBackends(
      new OpenBackends([{ backend: nullBackend, options: {} }]),
    ),
    new Placement({
      backends: [{ name: "null", offers: nullBackend.probe({}).offers }],
      rules: [],
      fallback: "unsupported",
      allowWeak: false,
    }),
  );
  sessions.opened({
    id: SESSION,
    description: {
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: new Uint8Array(new ArrayBuffer(16)),
    },
    placement: {
      choices: [{
        backend: "null",
        fromBytes: 0,
        belowBytes: Infinity,
        reason: "the only one",
      }],
      onFailure: [],
      onUnsupported: [],
    },
  });
  return sessions;
}

const keptBytes = (lengthBytes: number) =>
  new Uint8Array(new ArrayBuffer(lengthBytes));

function newJournal(packed: boolean): UsedJournal {
  const { buffer } = keptBytes(USED_JOURNAL_BYTES);
  const journal = new UsedJournal(new Int32Array(buffer));
  journal.reset(startOf(packed));
  return journal;
}

/** A ring with a driver on one side and a data queue on the other. */
function openRing(packed: boolean, isKept: boolean) {
  const tableOffset = ringBytes(RING_SIZE, packed);
  const dataOffset = tableOffset + indirectTableBytes(RING_SIZE, DESCRIPTORS);
  const bytes = new Uint8Array(dataOffset + RING_SIZE * REQUEST_BYTES);
  const region = new Region(bytes);
  const memory = new GuestMemory();
  memory.add({
    guestAddress: GUEST_ADDRESS,
    userAddress: 0,
    lengthBytes: region.lengthBytes,
    region,
  });
  const negotiated = {
    size: RING_SIZE,
    packed,
    eventIndex: false,
  };
  const journal = isKept ? newJournal(packed) : undefined;
  const driver = createDriverQueue({
    ...negotiated,
    inOrder: false,
    region,
    regionGuestAddress: GUEST_ADDRESS,
    offset: 0,
    indirect: { offset: tableOffset, maxDescriptors: DESCRIPTORS },
  });
  const virtqueue = createVirtqueue({
    ...negotiated,
    ...driver.addresses,
    memory,
    base: startOf(packed),
    inOrder: isKept,
    journal: packed ? journal : undefined,
  });
  if ("error" in virtqueue) throw new Error(virtqueue.error);
  const queue = new DataQueue({
    virtqueue,
    memory,
    mode: wireMode("virtio", 0n),
    sessions: openSessions(),
    settings: {
      backends: [],
      rules: [],
      fallback: "unsupported",
      allowWeak: false,
      maximumSizeBytes: 1 << 22,
      services: 0x1f,
      maxCipherKeyBytes: 64,
      maxAuthKeyBytes: 1024,
    },
    counters: new Float64Array(COUNTERS),
    journal,
    undo: isKept
      ? { log: new UndoLog(keptBytes(UNDO_BYTES)), isComplete: true }
      : undefined,
  });
  return { driver, queue, bytes, dataOffset };
}

/** Writes request `index` of AES-CBC; returns its buffers. */
function layOut(
  bytes: Uint8Array,
  dataOffset: number,
  index: number,
  inPlace: boolean,
) {
  const offset = dataOffset + index * REQUEST_BYTES;
  const header = new DataView(bytes.buffer, offset, HEADER_BYTES);
  header.setUint32(8, SESSION, true);
  header.setUint32(24, IV_BYTES, true);
  header.setUint32(28, SIZE_BYTES, true);
  header.setUint32(32, SIZE_BYTES, true);
  header.setUint32(64, 1, true); // a cipher, not a chain
  const at = (start: number, lengthBytes: number) => ({
    guestAddress: GUEST_ADDRESS + offset + start,
    lengthBytes,
  });
  return {
    readable: [at(0, HEADER_BYTES), at(80, IV_BYTES), at(128, SIZE_BYTES)],
    writable: [at(inPlace ? 128 : 256, SIZE_BYTES), at(384, 1)],
    status: offset + 384,
  };
}

const fastestTenth = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 10)]!;

/** What two readings of the clock take. */
function clockNanoseconds(): number {
  const times = Array.from({ length: 10_000 }, () => {
    const start = performance.now();
    return 1e6 * (performance.now() - start);
  });
  return fastestTenth(times);
}

/** Nanoseconds of the device per request; all results are looked at. */
function measureHere(
  packed: boolean,
  burst: number,
  seconds: number,
  manners: ReadonlySet<string>,
): number {
  const { driver, queue, bytes, dataOffset } = openRing(
    packed,
    manners.has("kept"),
  );
  const requests = Array.from(
    { length: burst },
    (_, index) => layOut(bytes, dataOffset, index, manners.has("in-place")),
  );
  const runBurst = (): number => {
    for (const [token, { readable, writable, status }] of requests.entries()) {
      bytes[status] = 0xff;
      driver.add(readable, writable, token);
    }
    driver.publish();
    const start = performance.now();
    queue.service();
    const end = performance.now();
    let done = 0;
    for (let used = driver.take(); used; used = driver.take()) {
      if (used.writtenBytes === SIZE_BYTES + 1) done++;
    }
    if (done === burst && requests.every(({ status }) => bytes[status] === 0)) {
      return end - start;
    }
    throw new Error(`The device did ${done} of ${burst} requests`);
  };
  for (const end = performance.now() + WARM_MS; performance.now() < end;) {
    runBurst();
  }
  const times: number[] = [];
  for (
    const end = performance.now() + 1000 * seconds;
    performance.now() < end;
  ) {
    times.push(1e6 * runBurst());
  }
  return (fastestTenth(times) - clockNanoseconds()) / burst;
}

async function main(words: string[]): Promise<void> {
  if (words[0] === "--here") {
    const [, format, burst, seconds, ...manners] = words;
    const isPacked = format === "packed";
    const of = [Number(burst), Number(seconds)] as const;
    console.log(measureHere(isPacked, ...of, new Set(manners)));
    return;
  }
  const options = await parseBenchOptions(words, { seconds: 0.5, rounds: 10 });
  const findings = await Array.fromAsync(deviceOnlyRow(options).measure());
  console.log(findingTable(findings));
}

if (import.meta.main) {
  await runTask({
    usage: `bench:device ${BENCH_USAGE}`,
    about: "measures the device without backends and transport",
  }, main);
}
