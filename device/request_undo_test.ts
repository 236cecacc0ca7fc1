import { ok, strictEqual } from "node:assert/strict";
import { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import { GUEST_ADDRESS, makeTestRings } from "../testing/ring_sides.ts";
import { testDevice } from "../testing/vhost_user_server.ts";
import { COUNTERS, DataQueue } from "./data_queue.ts";
import { UndoLog } from "./ring/undo_log.ts";
import { Placement } from "./session/placement.ts";
import { ThreadSessions } from "./session/thread_sessions.ts";

const BYTES = 256 * 1024;
const DATA_AT = 128 * 1024;
const LOG_BYTES = 64 * 1024;
const LONG_BYTES = 40 * 1024;

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
  new UndoLog(room).add(0, ranges, memory);
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
