import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { copyKey } from "../../algorithms/key_bytes.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { SessionLog } from "./session_log.ts";

const ROOM_BYTES = 8192;
const HALVES_AT = 1088;

const room = (lengthBytes = ROOM_BYTES) =>
  new Uint8Array(new ArrayBuffer(lengthBytes));

function cipher(fill: number): SessionDescription {
  return {
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: copyKey(new Uint8Array(16).fill(fill)),
  };
}

function logIn(bytes: Uint8Array<ArrayBuffer>): SessionLog {
  const log = new SessionLog(bytes);
  log.nextId = 1;
  return log;
}

function readBack(bytes: Uint8Array<ArrayBuffer>) {
  const records = new SessionLog(bytes).read();
  ok(typeof records !== "string", `${records}`);
  return records;
}

const idsIn = (bytes: Uint8Array<ArrayBuffer>) =>
  readBack(bytes).map(({ id }) => id);

/** Whether `count` bytes of the value `fill` lie side by side. */
const holdsKey = (bytes: Uint8Array, fill: number) =>
  bytes.some((_, at) =>
    at + 16 <= bytes.length &&
    bytes.subarray(at, at + 16).every((byte) => byte === fill)
  );

Deno.test("the sessions of one process are those of the next", () => {
  const bytes = room();
  const log = logIn(bytes);
  ok(log.add({ id: 3, description: cipher(0xa1) }, 10));
  ok(log.add({ id: 4, description: cipher(0xa2) }, 11));
  const next = new SessionLog(bytes);
  deepStrictEqual(next.read(), [
    { id: 3, description: cipher(0xa1), origin: 10 },
    { id: 4, description: cipher(0xa2), origin: 11 },
  ]);
  strictEqual(next.nextId, 5);
});

Deno.test("a session that is closed is gone, with its key", () => {
  const bytes = room();
  const log = logIn(bytes);
  log.add({ id: 1, description: cipher(0xb1) }, 10);
  log.add({ id: 2, description: cipher(0xb2) }, 11);
  ok(holdsKey(bytes, 0xb1));
  log.remove(1, 12);
  ok(!holdsKey(bytes, 0xb1));
  deepStrictEqual(idsIn(bytes), [2]);
  deepStrictEqual(new SessionLog(bytes).closed[0], [12, 1]);
});

Deno.test("sessions come and go for ever, and no key of one that is gone stays", () => {
  const bytes = room(2048);
  const log = logIn(bytes);
  for (let id = 1; id <= 200; id++) {
    ok(log.add({ id, description: cipher(1 + id % 250) }, id));
    if (id > 2) log.remove(id - 2, id);
    deepStrictEqual(idsIn(bytes), id > 1 ? [id - 1, id] : [id]);
  }
  for (let fill = 1; fill <= 250; fill++) {
    strictEqual(holdsKey(bytes, fill), fill === 200 || fill === 201, `${fill}`);
  }
});

Deno.test("a log without room says so and keeps what it has", () => {
  const bytes = room(1536);
  const log = logIn(bytes);
  let id = 1;
  while (log.add({ id, description: cipher(id) }, id)) id++;
  ok(id > 1 && id < 6);
  deepStrictEqual(
    idsIn(bytes),
    Array.from({ length: id - 1 }, (_, i) => i + 1),
  );
  // It is served all the same: no other session may have its identifier.
  strictEqual(new SessionLog(bytes).nextId, id + 1);
});

Deno.test("an end at any store leaves what was whole before it", () => {
  // Each byte that a step changes, alone and in their order, is such an end.
  const bytes = room(1792);
  const log = logIn(bytes);
  log.add({ id: 1, description: cipher(0xc1) }, 1);
  const before = bytes.slice();
  log.add({ id: 2, description: cipher(0xc2) }, 2);
  const after = bytes.slice();
  const length = new DataView(after.buffer).getUint32(HALVES_AT, true);
  const entryLengthAt = HALVES_AT + length;
  const torn = after.slice();
  torn.set(before.subarray(entryLengthAt, entryLengthAt + 4), entryLengthAt);
  deepStrictEqual(idsIn(torn), [1]);
  deepStrictEqual(idsIn(after), [1, 2]);
});

Deno.test("whatever the memory holds, reading ends with sessions or a reason", () => {
  const bytes = room(1792);
  const log = logIn(bytes);
  log.add({ id: 1, description: cipher(0xd1) }, 1);
  log.add({ id: 2, description: cipher(0xd2) }, 2);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const hostile = bytes.slice();
      hostile[at] = value;
      const read = new SessionLog(hostile).read();
      if (typeof read === "string") {
        refused++;
        ok(read.length > 0);
      } else ok(read.length <= 2);
    }
  }
  ok(refused > 100, `${refused}`);
});

Deno.test("a process that reads a log wipes what one before it could not", () => {
  const bytes = room(2048);
  const log = logIn(bytes);
  log.add({ id: 1, description: cipher(0xe1) }, 1);
  // One that ended while it moved sessions to the other half, and another record.
  bytes.fill(0xe2, 1600, 1632);
  bytes.fill(0xe3, 1400, 1432);
  deepStrictEqual(idsIn(bytes), [1]);
  ok(!holdsKey(bytes, 0xe2) && !holdsKey(bytes, 0xe3));
});

Deno.test("identifiers behind which no exact number is left are refused", () => {
  const bytes = room(2048);
  const log = logIn(bytes);
  log.add({ id: 1, description: cipher(0xf1) }, 1);
  log.nextId = 2 ** 53 - 1;
  strictEqual(
    new SessionLog(bytes).read(),
    "a session log without identifiers",
  );
});
