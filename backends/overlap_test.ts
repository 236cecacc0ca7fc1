import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "./backend.ts";
import { OverlapCheck, PrivateResults, resultRoomBytes } from "./overlap.ts";

const memory = new Region(Uint8Array.from({ length: 256 }, (_, i) => i));
const other = new Region(new Uint8Array(256));

type Ranges = readonly (readonly [offset: number, lengthBytes: number])[];

function list(ranges: Ranges, region = memory): Segments {
  const segments = new Segments();
  for (const [offset, lengthBytes] of ranges) {
    segments.append(region, offset, lengthBytes);
  }
  return segments;
}

interface Lists {
  readonly source?: Ranges;
  readonly additionalData?: Ranges;
  readonly destination?: Ranges;
  readonly digest?: Ranges;
}

function operationOf(lists: Lists, outputs = memory): Operation {
  const iv = new Uint8Array(16);
  return {
    kind: OperationKind.Encrypt,
    session: {},
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes: 16,
    source: list(lists.source ?? []),
    additionalData: list(lists.additionalData ?? []),
    destination: list(lists.destination ?? [], outputs),
    digest: list(lists.digest ?? [], outputs),
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
    status: OperationStatus.Pending,
    writtenBytes: 0,
  };
}

const check = new OverlapCheck();

/** What is entangled, whether the tag is an input or not, and what is not. */
const CASES: readonly (readonly [string, Lists, boolean, boolean])[] = [
  ["nothing at all", {}, false, false],
  ["only inputs", { source: [[0, 9]], additionalData: [[4, 9]] }, false, false],
  [
    "all apart",
    {
      source: [[0, 16]],
      additionalData: [[16, 4]],
      destination: [[20, 16]],
      digest: [[36, 8]],
    },
    false,
    false,
  ],
  ["in place", { source: [[8, 16]], destination: [[8, 16]] }, false, false],
  [
    "in place and longer",
    {
      source: [[8, 16]],
      destination: [[8, 17]],
    },
    true,
    true,
  ],
  [
    "one byte of the source",
    {
      source: [[8, 16]],
      destination: [[23, 16]],
    },
    true,
    true,
  ],
  [
    "associated data under the destination",
    {
      source: [[0, 16]],
      additionalData: [[35, 4]],
      destination: [[20, 16]],
    },
    true,
    true,
  ],
  [
    "associated data, in place",
    {
      source: [[0, 16]],
      additionalData: [[15, 4]],
      destination: [[0, 16]],
    },
    true,
    true,
  ],
  [
    "a digest on the source",
    { source: [[0, 16]], digest: [[9, 4]] },
    true,
    false,
  ],
  [
    "a digest on the associated data",
    {
      additionalData: [[0, 16]],
      digest: [[15, 4]],
    },
    true,
    false,
  ],
  [
    "a digest in the destination",
    {
      destination: [[0, 16]],
      digest: [[12, 4]],
    },
    true,
    true,
  ],
  ["a destination over itself", { destination: [[0, 16], [8, 4]] }, true, true],
  [
    "in place and over itself",
    {
      source: [[0, 16], [8, 4]],
      destination: [[0, 16], [8, 4]],
    },
    true,
    true,
  ],
  [
    "a source over itself",
    {
      source: [[0, 16], [8, 4]],
      destination: [[40, 20]],
    },
    false,
    false,
  ],
  [
    "the same pieces",
    {
      source: [[0, 4], [8, 4]],
      destination: [[0, 4], [8, 4]],
    },
    false,
    false,
  ],
  [
    "the same pieces in another order",
    {
      source: [[0, 4], [8, 4]],
      destination: [[8, 4], [0, 4]],
    },
    true,
    true,
  ],
  [
    "pieces between pieces",
    {
      source: [[0, 4], [8, 4]],
      destination: [[4, 4], [12, 4]],
    },
    false,
    false,
  ],
  [
    "associated data under one piece",
    {
      source: [[0, 4], [8, 4]],
      additionalData: [[100, 2], [13, 1]],
      destination: [[4, 4], [12, 4]],
    },
    true,
    true,
  ],
  [
    "a digest in pieces on the source",
    {
      source: [[0, 16]],
      digest: [[40, 2], [3, 2]],
    },
    true,
    false,
  ],
  [
    "a tag under pieces",
    {
      destination: [[0, 4], [8, 4]],
      digest: [[11, 2]],
    },
    true,
    true,
  ],
];

for (const [what, lists, writesTag, readsTag] of CASES) {
  Deno.test(`isEntangled(): ${what}`, () => {
    strictEqual(check.isEntangled(operationOf(lists), false), writesTag);
    strictEqual(check.isEntangled(operationOf(lists), true), readsTag);
    // Outputs in another region share no byte with any input.
    const elsewhere = operationOf({ ...lists, digest: [] }, other);
    if (lists.destination?.length !== 2) {
      strictEqual(check.isEntangled(elsewhere, false), false);
    }
  });
}

Deno.test("results of their own reach their places when they are delivered", () => {
  const lists: Lists = {
    source: [[0, 8]],
    destination: [[4, 8]],
    digest: [[10, 4]],
  };
  const operation = operationOf(lists);
  const before = memory.bytes.slice();
  strictEqual(resultRoomBytes(operation, false), 12);
  const room = new Region(new Uint8Array(16));
  const results = new PrivateResults(operation, room, false);
  strictEqual(check.isEntangled(operation, false), false);
  operation.destination.write(0, new Uint8Array(8).fill(0xd1));
  operation.digest.write(0, new Uint8Array(4).fill(0xd2));
  deepStrictEqual(memory.bytes, before);
  operation.status = OperationStatus.Ok;
  operation.writtenBytes = 7;
  results.deliver();
  deepStrictEqual(
    [...memory.bytes.subarray(3, 15)],
    [3, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd2, 0xd2, 0xd2, 0xd2, 14],
  );
  strictEqual(operation.destination.offset(0), 4);
  strictEqual(operation.digest.offset(0), 10);
  memory.bytes.set(before);
});

Deno.test("results of an operation that failed reach nothing", () => {
  const operation = operationOf({ source: [[0, 8]], destination: [[4, 8]] });
  const before = memory.bytes.slice();
  const room = new Region(new Uint8Array(8));
  const results = new PrivateResults(operation, room, false);
  operation.destination.write(0, new Uint8Array(8).fill(0xd1));
  operation.status = OperationStatus.Failed;
  operation.writtenBytes = 8;
  results.deliver();
  deepStrictEqual(memory.bytes, before);
  strictEqual(operation.destination.region(0), memory);
});

Deno.test("a tag that is an input stays where it is, and is not written", () => {
  const lists: Lists = { destination: [[4, 8]], digest: [[8, 4]] };
  const operation = operationOf(lists);
  strictEqual(resultRoomBytes(operation, true), 8);
  const before = memory.bytes.slice();
  const room = new Region(new Uint8Array(8).fill(0xd1));
  const results = new PrivateResults(operation, room, true);
  deepStrictEqual([...operation.digest.copy()], [8, 9, 10, 11]);
  operation.status = OperationStatus.Ok;
  operation.writtenBytes = 4;
  results.deliver();
  deepStrictEqual(
    [...memory.bytes.subarray(4, 12)],
    [0xd1, 0xd1, 0xd1, 0xd1, 8, 9, 10, 11],
  );
  memory.bytes.set(before);
});
