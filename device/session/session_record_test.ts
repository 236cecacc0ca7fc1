import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { findIllegal } from "../../algorithms/legality.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { Random } from "../../conformance/random.ts";
import { legalSessions } from "../../testing/valid_requests.ts";
import type { SessionPlacement } from "./placement.ts";
import {
  decodeSessionRecord,
  encodeSessionRecord,
  type SessionRecord,
  sessionRecordBytes,
} from "./session_record.ts";

const PLACEMENT: SessionPlacement = {
  choices: [
    { backend: "b", fromBytes: 0, belowBytes: 2048, reason: "rule ü<2048=b" },
    { backend: "a", fromBytes: 0, belowBytes: Infinity, reason: "order" },
  ],
  onFailure: ["a", "b"],
  onUnsupported: ["b"],
};

const record = (
  description: SessionDescription,
  id = 7,
  placement: SessionPlacement | undefined = PLACEMENT,
): SessionRecord => ({ id, description, ...(placement && { placement }) });

const encode = (of: SessionRecord) =>
  encodeSessionRecord(of, (lengthBytes) => new Uint8Array(lengthBytes));

/** Decoding must not throw; what it takes must be legal and the one encoding. */
function expectSafe(bytes: Uint8Array, what: string): SessionRecord | string {
  const decoded = decodeSessionRecord(bytes);
  if (typeof decoded === "string") return decoded;
  strictEqual(findIllegal(decoded.description), undefined, what);
  ok(Number.isSafeInteger(decoded.id), what);
  deepStrictEqual(encode(decoded), new Uint8Array(bytes), what);
  return decoded;
}

Deno.test("every session is read back from its record as it was", () => {
  for (const description of legalSessions()) {
    for (const placement of [PLACEMENT, undefined]) {
      const one = record(description, 2 ** 53 - 1, placement);
      const bytes = encode(one);
      strictEqual(sessionRecordBytes(bytes), bytes.length);
      strictEqual(bytes.length % 8, 0);
      deepStrictEqual(decodeSessionRecord(bytes), one);
    }
  }
});

Deno.test("a record means the same wherever it lies", () => {
  const one = record(legalSessions()[0]!);
  const memory = new Uint8Array(new SharedArrayBuffer(1000)).fill(0xee);
  const bytes = encodeSessionRecord(
    one,
    (lengthBytes) => memory.subarray(37, 37 + lengthBytes),
  );
  deepStrictEqual(decodeSessionRecord(bytes), one);
  ok(memory.subarray(0, 37).every((byte) => byte === 0xee));
  ok(memory.subarray(37 + bytes.length).every((byte) => byte === 0xee));
});

Deno.test("the keys that are read are the reader's own", () => {
  const bytes = encode(record(legalSessions()[0]!));
  const decoded = decodeSessionRecord(bytes) as SessionRecord;
  const expected = structuredClone(decoded.description);
  bytes.fill(0xff);
  deepStrictEqual(decoded.description, expected);
});

Deno.test("a record of any other length is refused", () => {
  for (const description of legalSessions()) {
    const bytes = encode(record(description));
    for (let length = 0; length < bytes.length; length++) {
      strictEqual(typeof decodeSessionRecord(bytes.slice(0, length)), "string");
    }
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes);
    strictEqual(typeof decodeSessionRecord(longer), "string");
  }
});

Deno.test("a record with any byte changed is refused or means something legal", () => {
  for (const description of legalSessions()) {
    const bytes = encode(record(description));
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[at]! ^= change;
        expectSafe(changed, `${description.service}: byte ${at}`);
      }
    }
  }
});

Deno.test("words at their limits in a record are refused or legal", () => {
  const bytes = encode(record(legalSessions()[0]!));
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const changed = bytes.slice();
      new DataView(changed.buffer).setUint32(at, value, true);
      expectSafe(changed, `word at ${at}: ${value}`);
    }
  }
});

Deno.test("random bytes behind a record's header are refused or legal", () => {
  const random = new Random(1);
  const bytes = encode(record(legalSessions()[0]!));
  for (let round = 0; round < 2000; round++) {
    const changed = bytes.slice();
    const count = random.integer(8) + 1;
    for (let i = 0; i < count; i++) {
      changed[random.integer(changed.length)] = random.integer(256);
    }
    expectSafe(changed, `round ${round}`);
  }
});

Deno.test("a placement must have a choice for every size", () => {
  const [description] = legalSessions();
  const placed = (fromBytes: number, belowBytes: number) =>
    decodeSessionRecord(encode(record(description!, 1, {
      ...PLACEMENT,
      choices: [{ backend: "a", fromBytes, belowBytes, reason: "" }],
    })));
  strictEqual(typeof placed(0, Infinity), "object");
  for (
    const [from, below] of [
      [1, Infinity],
      [0, 2 ** 40],
      [0, NaN],
      [-1, Infinity],
      [0.5, Infinity],
      [-Infinity, Infinity],
    ] as const
  ) strictEqual(typeof placed(from, below), "string", `${from} to ${below}`);
});

Deno.test("a record of another version is refused by its number", () => {
  const bytes = encode(record(legalSessions()[0]!));
  bytes[4] = 2;
  strictEqual(decodeSessionRecord(bytes), "a session record of version 2");
});

Deno.test("a session that no record has room for is not written", () => {
  const reason = "x".repeat(2 ** 24);
  const placement = {
    ...PLACEMENT,
    choices: [{ backend: "a", fromBytes: 0, belowBytes: Infinity, reason }],
  };
  throws(() => encode(record(legalSessions()[0]!, 1, placement)), RangeError);
});
