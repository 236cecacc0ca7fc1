import { ok, strictEqual } from "node:assert/strict";
import { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import { GUEST_ADDRESS, makeTestRings } from "../testing/ring_sides.ts";
import { cipherHeader } from "../testing/requests.ts";
import { aesCbc, createSession } from "../testing/sessions.ts";
import { testDevice } from "../testing/vhost_user_server.ts";
import { DataQueue } from "./data_queue.ts";
import { COUNTERS } from "./queue_counts.ts";
import type { RequestFormat } from "./request_format.ts";
import { RequestSlots } from "./request_slots.ts";
import { RequestUndo } from "./request_undo.ts";
import { UndoLog } from "./ring/undo_log.ts";
import { Placement } from "./session/placement.ts";
import { ThreadSessions } from "./session/thread_sessions.ts";
import { Status } from "./wire/status.ts";

const BYTES = 256 * 1024;
const DATA_AT = 128 * 1024;
const LOG_BYTES = 64 * 1024;
const LONG_BYTES = 40 * 1024;
/** In a request's memory. */
const IV_AT = 128;

Deno.test("a request that has filled its undo log is done again, and gives the room back", async () => {
  const { memory, driver, device: virtqueue } = makeTestRings({
    size: 16,
    packed: false,
    inOrder: true,
    dataBytes: BYTES,
  });
  const room = new Uint8Array(new ArrayBuffer(LOG_BYTES));
  const ranges = new OverwrittenRanges();
  const range = [0, DATA_AT, LONG_BYTES, 0];
  ranges.find(Int32Array.from([...range, ...range]), 0, 4, 8);
  const begun = new UndoLog(room);
  begun.add(0, ranges, memory);
  begun.commit();
  const log = new UndoLog(room);
  ok(log.isFull);
  const device = await testDevice();
  const { threadSettings, backends, mode } = device;
  const queue = new DataQueue({
    virtqueue,
    memory,
    mode,
    sessions: new ThreadSessions(backends, new Placement(threadSettings)),
    settings: threadSettings,
    counters: new Float64Array(COUNTERS),
    redo: 1,
    undo: { log, isComplete: true },
  });
  const request = {
    guestAddress: GUEST_ADDRESS + DATA_AT,
    lengthBytes: LONG_BYTES,
  };
  driver.add([request], [request], 7);
  driver.publish();
  queue.service();
  strictEqual(driver.take()?.token, 7);
  ok(log.isEmpty);
  device.close();
});

Deno.test("of like requests whose results lie over their IVs none is done again", async () => {
  const { memory, region, driver, device: virtqueue } = makeTestRings({
    size: 16,
    packed: false,
    inOrder: true,
    dataBytes: BYTES,
  });
  const device = await testDevice();
  const { threadSettings, backends, mode } = device;
  const sessions = new ThreadSessions(backends, new Placement(threadSettings));
  device.sessions.observe({
    opened: (announcement) => sessions.opened(announcement),
    closed: (id) => sessions.closed(id),
  });
  const id = createSession(device, aesCbc(new Uint8Array(16)));
  const header = cipherHeader(id, 16, 64, 64);
  const redo = 2;
  const queue = new DataQueue({
    virtqueue,
    memory,
    mode,
    sessions,
    settings: threadSettings,
    counters: new Float64Array(COUNTERS),
    redo,
    undo: {
      log: new UndoLog(new Uint8Array(new ArrayBuffer(LOG_BYTES))),
      isComplete: true,
    },
  });
  const send = (number: number) => {
    const at = DATA_AT + 1024 * number;
    region.bytes.set(header, at);
    const range = (offset: number, lengthBytes: number) => ({
      guestAddress: GUEST_ADDRESS + at + offset,
      lengthBytes,
    });
    const readable = [range(0, 72), range(IV_AT, 16), range(256, 64)];
    const written = [range(IV_AT, 64), range(512, 1)];
    driver.add(readable, written, number);
    driver.publish();
    queue.service();
    strictEqual(driver.take()?.token, number);
    return region.bytes[at + 512];
  };
  for (let number = 0; number < redo; number++) {
    strictEqual(send(number), Status.Error);
  }
  // Nobody has begun this one.
  strictEqual(send(redo), Status.Ok);
  device.close();
});

Deno.test("a request that overwrites other than what was saved is not done again", () => {
  const { memory, device: virtqueue } = makeTestRings({
    size: 16,
    packed: false,
    inOrder: true,
    dataBytes: BYTES,
  });
  const room = new Uint8Array(new ArrayBuffer(LOG_BYTES));
  const inPlace = (lengthBytes: number, into = new OverwrittenRanges()) => {
    const range = [0, DATA_AT, lengthBytes, 0];
    into.find(Int32Array.from([...range, ...range]), 0, 4, 8);
    return into;
  };
  const begun = new UndoLog(room);
  begun.add(0, inPlace(64), memory);
  begun.commit();
  const mayRun = (lengthBytes: number) => {
    const requests = new RequestSlots(64);
    requests.mayOverwrite = true;
    const format = {
      requests,
      nextOverwriting: (_: Int32Array, start: number) => start,
      findOverwritten: (_: number, into: OverwrittenRanges) =>
        void inPlace(lengthBytes, into),
    } as unknown as RequestFormat;
    const journal = { log: new UndoLog(room), isComplete: true };
    const undo = new RequestUndo(journal, virtqueue, memory, format);
    return undo.protect(Int32Array.of(9), 0, Int32Array.of(9), 1, true);
  };
  ok(mayRun(64));
  // One byte more: the status lies over the header, say.
  ok(!mayRun(65));
});
