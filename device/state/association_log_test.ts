import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AssociationLog,
  associationLogBytes,
  type LoggedAssociation,
} from "./association_log.ts";

const ROOMS = 3;

const room = () => new Uint8Array(new ArrayBuffer(associationLogBytes(ROOMS)));

function logIn(bytes: Uint8Array<ArrayBuffer>): AssociationLog {
  const log = new AssociationLog(bytes);
  log.begin(ROOMS);
  return log;
}

const objectOf = (fill: number) => new Uint8Array(196).fill(fill);

function readBack(bytes: Uint8Array<ArrayBuffer>): LoggedAssociation[] {
  const read = new AssociationLog(bytes).read();
  ok(typeof read !== "string", `${read}`);
  return read;
}

/** Whether many bytes of this value lie side by side. */
const holds = (bytes: Uint8Array, fill: number) =>
  bytes.some((_, at) =>
    at + 32 <= bytes.length &&
    bytes.subarray(at, at + 32).every((byte) => byte === fill)
  );

Deno.test("the associations of one process are those of the next, with their state", () => {
  const bytes = room();
  const log = logIn(bytes);
  const first = log.add(true, 0, objectOf(0xa1), 10);
  const second = log.add(false, 0, objectOf(0xa2), 11);
  log.stateOf(second).words[0] = 77n;
  log.ivCounter.words[0] = 2n ** 64n - 1n;
  log.set(first, objectOf(0xa3));
  ok(!holds(bytes, 0xa1), "what was replaced is gone");
  const capability = {
    mode: 1,
    maxReplayWindow: 64,
    options: 3,
    cipherAlgorithms: 1n,
    macAlgorithms: 2n,
    aeadAlgorithms: 4,
    maxCipherKeyBytes: 32,
    maxAuthKeyBytes: 32,
  };
  const agreement = {
    list: [0, 1, 13],
    listOrigin: 9,
    limits: { inboundLimit: 4, outboundLimit: 5 },
    capabilities: [capability],
  };
  log.agreed = agreement;
  const next = new AssociationLog(bytes);
  deepStrictEqual(next.read(), [
    { ...readBack(bytes)[0]!, isOutbound: true, id: 0, origin: 10 },
    { ...readBack(bytes)[1]!, isOutbound: false, id: 0, origin: 11 },
  ]);
  deepStrictEqual(readBack(bytes)[0]!.object, objectOf(0xa3));
  strictEqual(next.stateOf(second).words[0], 77n);
  strictEqual(next.ivCounter.words[0], 2n ** 64n - 1n);
  deepStrictEqual(next.agreement, agreement);
});

Deno.test("one that is removed is wiped, and its place the last to be used again", () => {
  const bytes = room();
  const log = logIn(bytes);
  const first = log.add(true, 0, objectOf(0xb1), 10);
  log.stateOf(first).words[0] = 5n;
  log.remove(first, 11);
  ok(!holds(bytes, 0xb1));
  strictEqual(new AssociationLog(bytes).lastRemoval, 11);
  const others = [1, 2, 3].map((id) =>
    log.add(true, id, objectOf(id), 11 + id)
  );
  strictEqual(others[2], first);
  strictEqual(log.stateOf(first).words[0], 0n, "a new one begins anew");
  strictEqual(log.add(true, 4, objectOf(4), 20), -1);
  deepStrictEqual(readBack(bytes).map(({ id }) => id), [3, 1, 2]);
});

Deno.test("of an association that was being replaced the newer is taken, and the older wiped", () => {
  const bytes = room();
  const log = logIn(bytes);
  log.add(true, 7, objectOf(0xc1), 1);
  log.add(true, 7, objectOf(0xc2), 2);
  const [only, ...none] = readBack(bytes);
  deepStrictEqual(none, []);
  strictEqual(only!.origin, 2);
  ok(!holds(bytes, 0xc1));
});

Deno.test("an end at any store leaves what was whole before it", () => {
  const bytes = room();
  const log = logIn(bytes);
  const entry = log.add(true, 1, objectOf(0xd1), 1);
  const before = bytes.slice();
  log.set(entry, objectOf(0xd2));
  // Before the store that has the other object hold.
  const kindAt = bytes.findIndex((byte, at) => byte !== before[at]);
  const torn = bytes.slice();
  torn.set(before.subarray(kindAt, kindAt + 8), kindAt);
  torn.set(before.subarray(kindAt + 32, kindAt + 32 + 200), kindAt + 32);
  deepStrictEqual(readBack(torn)[0]!.object, objectOf(0xd1));
  ok(!holds(torn, 0xd2), "the other is gone");
  deepStrictEqual(readBack(bytes)[0]!.object, objectOf(0xd2));
});

Deno.test("whatever the memory holds, reading ends with associations or a reason", () => {
  const bytes = room();
  const log = logIn(bytes);
  log.add(true, 1, objectOf(0xe1), 1);
  log.add(false, 1, objectOf(0xe2), 2);
  let refused = 0;
  for (let at = 0; at < bytes.length; at += at < 512 ? 1 : 7) {
    for (const value of [1, 0x7f, 0xff]) {
      const hostile = bytes.slice();
      hostile[at] = value;
      const next = new AssociationLog(hostile);
      const read = next.read();
      if (typeof read === "string") refused++;
      else ok(read.length <= 3);
      const { agreement } = next;
      if (typeof agreement === "string") refused++;
    }
  }
  ok(refused > 50, `${refused}`);
  const long = bytes.slice();
  new DataView(long.buffer).setBigUint64(16, 2n ** 40n, true);
  strictEqual(typeof new AssociationLog(long).read(), "string");
});
