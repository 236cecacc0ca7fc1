import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import type { FrontEndRecord } from "./front_end_record.ts";
import { KeptGuest } from "./kept_guest.ts";

const RECORD: FrontEndRecord = {
  state: {
    features: 0n,
    featuresTold: false,
    protocolFeatures: 0n,
    status: 0,
    tellsDriverOk: false,
  },
  rings: [],
  regions: [],
  sessionLayout: undefined,
  newestSession: undefined,
  connection: 0,
  backendRequests: 0,
  messages: 4,
  reply: undefined,
};

Deno.test("a message that no process has handled outlives a record without it", () => {
  const libc = openLibc();
  const given = new Set<string>();
  const keeper = {
    keep: (name: string) => (given.add(name), 0),
    forget: (name: string) => (given.delete(name), 0),
  };
  const kept = KeptGuest.create(libc, keeper, "vdc.test", 4096);
  ok(typeof kept !== "string", String(kept));
  try {
    kept.save(RECORD);
    kept.message.bytes.set([1, 2, 3]);
    kept.message.taking(3, [0]);
    kept.message.taken(3);
    // As the next process does before it handles the message.
    kept.save(RECORD);
    strictEqual(kept.message.receivedBytes, 3);
    deepStrictEqual([...kept.message.bytes.subarray(0, 3)], [1, 2, 3]);
    strictEqual(given.has("vdc.test.1"), true);
    kept.save({ ...RECORD, messages: 5 });
    strictEqual(kept.message.receivedBytes, 0);
    deepStrictEqual([...kept.message.bytes.subarray(0, 3)], [0, 0, 0]);
    strictEqual(given.has("vdc.test.1"), false);
  } finally {
    kept.end();
  }
});
