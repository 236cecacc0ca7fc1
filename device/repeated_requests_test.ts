import { deepStrictEqual, strictEqual } from "node:assert/strict";

import { BurstField } from "../backends/request_burst.ts";
import { RANGE_WORDS } from "../memory/range_lists.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { RepeatedRequests } from "./repeated_requests.ts";
import { RequestSlots, SlotField } from "./request_slots.ts";
import { ChainSlots } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION, SessionIndex } from "./session/session_index.ts";
import { SessionField, SessionRecords } from "./session/session_records.ts";
import type { ThreadSessions } from "./session/thread_sessions.ts";

const HEADER_BYTES = 72;
const FIELDS_END = 24 + 12;
const OP_TYPE_AT = 24 + 40;
const HEADER_AT = 8;
const IV_AT = 96;
const SOURCE_AT = 128;
const DESTINATION_AT = 192;
const DATA_BYTES = 32;
const DIGEST_BYTES = 20;
const RULES = 7;
const SESSION = 3;
/** Sessions with the same rules, and with others. */
const ALIKE = 4;
const OTHER = 5;
const ROUTE = 5;

interface Options {
  readonly headerAt?: number;
  readonly headerBytes?: number;
  readonly ivAt?: number;
  readonly destinationAt?: number;
  /** Where a digest of `DIGEST_BYTES` is; absent: there is none. */
  readonly digestAt?: number;
}

/** A slot with a CIPHER request in four ranges, which is remembered. */
function remembered(options: Options = {}) {
  const memory = new Region(new Uint8Array(256));
  const slots = new ChainSlots();
  const headerAt = options.headerAt ?? HEADER_AT;
  const ranges = [
    [headerAt, options.headerBytes ?? HEADER_BYTES],
    [options.ivAt ?? IV_AT, 16],
    [SOURCE_AT, DATA_BYTES],
    [options.destinationAt ?? DESTINATION_AT, DATA_BYTES],
    [options.digestAt ?? 0, DIGEST_BYTES],
  ] as const;
  ranges.forEach(([offset, lengthBytes], i) => {
    slots.lists.block.set([0, offset, lengthBytes], RANGE_WORDS * i);
  });
  const list = (range: number) => {
    const segments = new Segments();
    const { block } = slots.lists;
    const at = RANGE_WORDS * range;
    const lengthBytes = block[at + 2]!;
    segments.adopt([memory], block, at, at + RANGE_WORDS, lengthBytes);
    return segments;
  };
  const records = new SessionRecords();
  const index = new SessionIndex(records);
  for (const number of [SESSION, ALIKE]) {
    records.begin(number, RULES);
    records.words[8 * number + SessionField.Epoch] = 0;
    records.words[8 * number + SessionField.Route] = ROUTE;
  }
  records.begin(OTHER, RULES + 1);
  index.add(1, SESSION);
  const requests = new RequestSlots(slots.count, slots.lists);
  const { burst } = requests;
  burst.clear(0);
  burst.adopt(0, BurstField.Source, list(2));
  burst.adopt(0, BurstField.Destination, list(3));
  if (options.digestAt !== undefined) {
    burst.adopt(0, BurstField.Digest, list(4));
  }
  const repeated = new RepeatedRequests(
    { slots, regions: [memory] } as unknown as Virtqueue,
    requests,
    { index, records, backends: { epoch: 0 } } as unknown as ThreadSessions,
  );
  memory.view.setUint32(headerAt + 8, 1, true);
  memory.view.setUint32(headerAt + OP_TYPE_AT, 1, true);
  const header = new Region(
    memory.bytes.slice(HEADER_AT, HEADER_AT + HEADER_BYTES),
  );
  slots.alike[0] = 1;
  strictEqual(repeat(repeated, requests), NO_SESSION);
  repeated.remember(0, {
    rulesNumber: RULES,
    header: header.words!,
    headerBytes: HEADER_BYTES,
    fieldsEndBytes: FIELDS_END,
    opTypeAt: OP_TYPE_AT,
    iv: list(1),
    isPlain: true,
  });
  const again = () => repeat(repeated, requests);
  return { repeated, memory, slots, index, burst, records, again };
}

/** The session of the request in slot 0 if it is like the last, and prepared. */
function repeat(repeated: RepeatedRequests, requests: RequestSlots): number {
  const ready = new Int32Array(1).fill(-1);
  const { fields } = requests.burst;
  requests.words[SlotField.Session] = NO_SESSION;
  fields[BurstField.Session] = -1;
  const done = repeated.repeat(new Int32Array(1), 0, 1, ready, 0);
  strictEqual(ready[0], done - 1);
  strictEqual(fields[BurstField.Session], done === 1 ? ROUTE : -1);
  return requests.words[SlotField.Session]!;
}

Deno.test("a header is known again by every field but the session", () => {
  for (let offset = 0; offset < HEADER_BYTES; offset++) {
    const { again, memory, index } = remembered();
    strictEqual(again(), SESSION);
    memory.bytes[HEADER_AT + offset]! ^= 1;
    const isField = offset < FIELDS_END ||
      (offset >= OP_TYPE_AT && offset < OP_TYPE_AT + 4);
    const isSession = offset >= 8 && offset < 16;
    strictEqual(
      again(),
      isField ? NO_SESSION : SESSION,
    );
    if (!isSession) continue;
    // Another session will do when it has the same rules.
    const id = Number(memory.view.getBigUint64(HEADER_AT + 8, true));
    if (!Number.isSafeInteger(id)) continue;
    index.add(id, ALIKE);
    strictEqual(again(), ALIKE);
    index.remove(id);
    index.add(id, OTHER);
    strictEqual(again(), NO_SESSION);
  }
});

Deno.test("a header in pieces or unaligned, and ranges of other lengths, are looked at anew", () => {
  strictEqual(
    remembered({ headerBytes: 40 }).again(),
    NO_SESSION,
  );
  strictEqual(
    remembered({ headerAt: 9 }).again(),
    NO_SESSION,
  );
  const { repeated, slots, again } = remembered();
  slots.alike[0] = 0;
  strictEqual(again(), NO_SESSION);
  slots.alike[0] = 1;
  strictEqual(again(), SESSION);
  repeated.forget(0);
  strictEqual(again(), NO_SESSION);
});

Deno.test("an IV is copied, wherever it lies", () => {
  for (const ivAt of [IV_AT, IV_AT + 2]) {
    const { repeated, memory, burst, again } = remembered({ ivAt });
    crypto.getRandomValues(memory.bytes.subarray(ivAt, ivAt + 16));
    if (ivAt % 4 === 0) strictEqual(again(), SESSION);
    else {
      strictEqual(again(), NO_SESSION);
      strictEqual(repeated.session, SESSION);
      repeated.copyIv(0);
    }
    deepStrictEqual(
      new Uint8Array(burst.ivs.buffer, 0, 16),
      memory.bytes.slice(ivAt, ivAt + 16),
    );
  }
});

Deno.test("a destination is apart in place and where it shares no byte with the source", () => {
  for (let shift = -DATA_BYTES; shift <= DATA_BYTES; shift++) {
    const { repeated, again } = remembered({
      destinationAt: SOURCE_AT + shift,
    });
    const isApart = shift === 0 || Math.abs(shift) === DATA_BYTES;
    strictEqual(
      again(),
      isApart ? SESSION : NO_SESSION,
      `shifted by ${shift}`,
    );
    strictEqual(repeated.session, isApart ? NO_SESSION : SESSION);
  }
});

Deno.test("a digest is apart where it shares no byte with source and destination", () => {
  for (let digestAt = SOURCE_AT - 30; digestAt < 236; digestAt++) {
    const end = digestAt + DIGEST_BYTES;
    const isApart = [SOURCE_AT, DESTINATION_AT].every((at) =>
      end <= at || digestAt >= at + DATA_BYTES
    );
    const { repeated, again } = remembered({ digestAt });
    strictEqual(
      again(),
      isApart ? SESSION : NO_SESSION,
      `digest at ${digestAt}`,
    );
    strictEqual(repeated.session, isApart ? NO_SESSION : SESSION);
  }
});

Deno.test("a session that does not go one way is left, as one that is known", () => {
  const { repeated, records, again } = remembered();
  strictEqual(again(), SESSION);
  strictEqual(records.words[8 * SESSION + SessionField.InFlight], 1);
  records.words[8 * SESSION + SessionField.Epoch] = -1;
  strictEqual(again(), NO_SESSION);
  strictEqual(repeated.session, SESSION);
  strictEqual(records.words[8 * SESSION + SessionField.InFlight], 1);
});
