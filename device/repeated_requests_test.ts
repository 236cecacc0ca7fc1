import { deepStrictEqual, strictEqual } from "node:assert/strict";

import { BurstField, RequestBurst } from "../backends/request_burst.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { RepeatedRequests } from "./repeated_requests.ts";
import { ChainSlots } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION, SessionIndex } from "./session/session_index.ts";
import { SessionRecords } from "./session/session_records.ts";

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
    slots.lists.block.set([0, offset, lengthBytes], 3 * i);
  });
  const list = (range: number) => {
    const segments = new Segments();
    const { block } = slots.lists;
    const lengthBytes = block[3 * range + 2]!;
    segments.adopt([memory], block, 3 * range, 3 * range + 3, lengthBytes);
    return segments;
  };
  const index = new SessionIndex();
  index.add(1, SESSION);
  const records = new SessionRecords();
  records.begin(SESSION, RULES);
  records.begin(SESSION + 1, RULES + 1);
  const burst = new RequestBurst(slots.count, slots.lists);
  burst.clear(0);
  burst.adopt(0, BurstField.Source, list(2));
  burst.adopt(0, BurstField.Destination, list(3));
  if (options.digestAt !== undefined) {
    burst.adopt(0, BurstField.Digest, list(4));
  }
  const repeated = new RepeatedRequests(
    { slots, regions: [memory] } as unknown as Virtqueue,
    burst,
    index,
    records,
  );
  memory.view.setUint32(headerAt + 8, 1, true);
  memory.view.setUint32(headerAt + OP_TYPE_AT, 1, true);
  const header = new Region(
    memory.bytes.slice(HEADER_AT, HEADER_AT + HEADER_BYTES),
  );
  slots.alike[0] = 1;
  strictEqual(repeated.repeat(0), NO_SESSION);
  repeated.remember(0, {
    rulesNumber: RULES,
    header: header.words!,
    headerBytes: HEADER_BYTES,
    fieldsEndBytes: FIELDS_END,
    opTypeAt: OP_TYPE_AT,
    iv: list(1),
    isPlain: true,
  });
  return { repeated, memory, slots, index, burst };
}

Deno.test("a header is known again by every field but the session", () => {
  for (let offset = 0; offset < HEADER_BYTES; offset++) {
    const { repeated, memory, index } = remembered();
    strictEqual(repeated.repeat(0), SESSION);
    memory.bytes[HEADER_AT + offset]! ^= 1;
    const isField = offset < FIELDS_END ||
      (offset >= OP_TYPE_AT && offset < OP_TYPE_AT + 4);
    const isSession = offset >= 8 && offset < 16;
    strictEqual(
      repeated.repeat(0),
      isField ? NO_SESSION : SESSION,
    );
    if (!isSession) continue;
    // Another session will do when it has the same rules.
    const id = Number(memory.view.getBigUint64(HEADER_AT + 8, true));
    if (!Number.isSafeInteger(id)) continue;
    index.add(id, SESSION);
    strictEqual(repeated.repeat(0), SESSION);
    index.remove(id);
    index.add(id, SESSION + 1);
    strictEqual(repeated.repeat(0), NO_SESSION);
  }
});

Deno.test("a header in pieces or unaligned, and ranges of other lengths, are looked at anew", () => {
  strictEqual(
    remembered({ headerBytes: 40 }).repeated.repeat(0),
    NO_SESSION,
  );
  strictEqual(
    remembered({ headerAt: 9 }).repeated.repeat(0),
    NO_SESSION,
  );
  const { repeated, slots } = remembered();
  slots.alike[0] = 0;
  strictEqual(repeated.repeat(0), NO_SESSION);
  slots.alike[0] = 1;
  strictEqual(repeated.repeat(0), SESSION);
  repeated.forget(0);
  strictEqual(repeated.repeat(0), NO_SESSION);
});

Deno.test("an IV is copied, wherever it lies", () => {
  for (const ivAt of [IV_AT, IV_AT + 2]) {
    const { repeated, memory, burst } = remembered({ ivAt });
    crypto.getRandomValues(memory.bytes.subarray(ivAt, ivAt + 16));
    strictEqual(repeated.repeat(0), SESSION);
    deepStrictEqual(
      new Uint8Array(burst.ivs.buffer, 0, 16),
      memory.bytes.slice(ivAt, ivAt + 16),
    );
  }
});

Deno.test("a destination is apart in place and where it shares no byte with the source", () => {
  for (let shift = -DATA_BYTES; shift <= DATA_BYTES; shift++) {
    const { repeated } = remembered({ destinationAt: SOURCE_AT + shift });
    const isApart = shift === 0 || Math.abs(shift) === DATA_BYTES;
    strictEqual(repeated.repeat(0), SESSION);
    strictEqual(repeated.isApart, isApart, `shifted by ${shift}`);
  }
});

Deno.test("a digest is apart where it shares no byte with source and destination", () => {
  for (let digestAt = SOURCE_AT - 30; digestAt < 236; digestAt++) {
    const end = digestAt + DIGEST_BYTES;
    const isApart = [SOURCE_AT, DESTINATION_AT].every((at) =>
      end <= at || digestAt >= at + DATA_BYTES
    );
    const { repeated } = remembered({ digestAt });
    strictEqual(repeated.repeat(0), SESSION);
    strictEqual(repeated.isApart, isApart, `digest at ${digestAt}`);
  }
});
