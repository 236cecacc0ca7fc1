import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { legalSessions } from "../../testing/valid_requests.ts";
import {
  AnnouncementMemory,
  takeAnnouncement,
  takeRecord,
} from "./announcement_memory.ts";
import type { SessionAnnouncement } from "./session_table.ts";

const announcement = (id: number, keyBytes = 32): SessionAnnouncement => ({
  id,
  description: {
    service: "mac",
    algorithm: "hmac-sha256",
    key: new Uint8Array(keyBytes).fill(0xa5),
    resultBytes: 32,
  },
  placement: {
    choices: [
      { backend: "a", fromBytes: 0, belowBytes: Infinity, reason: "order" },
    ],
    onFailure: [],
    onUnsupported: [],
  },
});

const holdsKey = (memory: SharedArrayBuffer) =>
  new Uint8Array(memory).includes(0xa5);

Deno.test("each taker gets the announcement, and the last one wipes it", () => {
  const memory = new AnnouncementMemory();
  const place = memory.put(announcement(1), 2);
  deepStrictEqual(takeAnnouncement(place), announcement(1));
  ok(holdsKey(place.memory));
  deepStrictEqual(takeAnnouncement(place), announcement(1));
  ok(!holdsKey(place.memory));
});

Deno.test("announcements of every session arrive as they were sent", () => {
  const memory = new AnnouncementMemory();
  const { placement } = announcement(0);
  for (const [id, description] of legalSessions().entries()) {
    const sent = { id, description, placement };
    deepStrictEqual(takeAnnouncement(memory.put(sent, 1)), sent);
  }
});

Deno.test("memory is used again when all in it has been taken", () => {
  const memory = new AnnouncementMemory();
  const first = memory.put(announcement(1), 1);
  takeAnnouncement(first);
  for (let id = 2; id < 5000; id++) {
    const place = memory.put(announcement(id), 1);
    strictEqual(place.memory, first.memory);
    strictEqual(takeAnnouncement(place).id, id);
  }
});

Deno.test("many announcements wait at once, each for its taker", () => {
  const memory = new AnnouncementMemory();
  const ids = Array.from({ length: 2000 }, (_, id) => id);
  const places = ids.map((id) => memory.put(announcement(id, 1 + id % 64), 1));
  const memories = new Set(places.map(({ memory }) => memory));
  ok(memories.size > 1);
  places.forEach((place, id) =>
    deepStrictEqual(takeAnnouncement(place), announcement(id, 1 + id % 64))
  );
  for (const memory of memories) ok(!holdsKey(memory));
});

Deno.test("what nobody takes any more is wiped", () => {
  const memory = new AnnouncementMemory();
  const places = [...memory.putAll([announcement(1), announcement(2)])];
  ok(places.every(({ memory }) => holdsKey(memory)));
  memory.wipe();
  ok(!places.some(({ memory }) => holdsKey(memory)));
});

Deno.test("where a key lies in a token goes beside the record, which never has it", () => {
  const memory = new AnnouncementMemory();
  const description = {
    service: "akcipher",
    algorithm: "ecdsa",
    keyType: "private",
    key: new Uint8Array(8).fill(0xa5),
    curve: "p256",
    tokenKey: "pkcs11:object=a",
  } as const;
  const place = memory.put({ id: 1, description }, 2);
  deepStrictEqual({ ...takeRecord(place).description }, description);
  const { tokenKey, ...stub } = description;
  ok(tokenKey.length > 0);
  const { memory: bytes, at } = place;
  deepStrictEqual(
    { ...takeRecord({ memory: bytes, at }).description },
    stub,
  );
});
