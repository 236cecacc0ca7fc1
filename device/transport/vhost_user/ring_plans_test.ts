import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { OverwrittenRanges } from "../../../memory/overwritten_ranges.ts";
import { Region } from "../../../memory/region.ts";
import { GuestMemory } from "../../ring/guest_memory.ts";
import { UndoLog } from "../../ring/undo_log.ts";
import { USED_JOURNAL_BYTES } from "../../ring/used_journal.ts";
import { DriverLife, type RingPlan } from "./driver_life.ts";
import { newFrontEndState } from "./front_end_state.ts";
import type { MemoryTable } from "./memory_table.ts";
import { RingPlans } from "./ring_plans.ts";
import type { RingTracker } from "./ring_tracker.ts";
import type { Vring } from "./vring.ts";

const BYTES = 64 * 1024;
const ROOM_BYTES = 64 * 1024;
const DATA_AT = 32 * 1024;

const addressOf = (bytes: Uint8Array<ArrayBuffer>): number =>
  Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));

/** A ring of a guest that is kept, of which two requests are written down. */
function keptRing(packed: boolean) {
  const region = new Region(new Uint8Array(new ArrayBuffer(BYTES)));
  const memory = new GuestMemory();
  const place = { guestAddress: 0, userAddress: 0, lengthBytes: BYTES };
  strictEqual(memory.add({ ...place, region }), undefined);
  const room = new Uint8Array(new ArrayBuffer(ROOM_BYTES));
  const journal = new Uint8Array(new ArrayBuffer(USED_JOURNAL_BYTES));
  const log = new UndoLog(room);
  const [first, second] = packed ? [0x8005, 0x8006] : [5, 6];
  const ranges = new OverwrittenRanges();
  const find = (lengthBytes: number) => {
    const range = [0, DATA_AT, lengthBytes, 0];
    ranges.find(Int32Array.from([...range, ...range]), 0, 4, 8);
    return ranges;
  };
  log.add(first, find(ROOM_BYTES), memory);
  log.add(second, find(64), memory);
  log.commit();
  const life = new DriverLife();
  const journalPlace = {
    address: addressOf(journal),
    undo: {
      address: addressOf(room),
      lengthBytes: ROOM_BYTES,
      isComplete: true,
    },
  };
  const plans = new RingPlans(
    {
      log: () => {},
      state: newFrontEndState(1),
      memory: { memory } as unknown as MemoryTable,
      journalOf: () => journalPlace,
    },
    {} as RingTracker,
    life,
  );
  const plan: RingPlan = {
    size: 16,
    packed,
    descriptorAddress: 0,
    availableAddress: 4096,
    usedAddress: 8192,
    base: packed ? 0x8005_8005 : 5,
  };
  const open = (redo: number, goesOn: boolean) => {
    const ring = { index: 0, resumes: false } as Vring;
    return plans.openJournal(ring, { ...plan, redo }, journalPlace, goesOn);
  };
  const left = () => {
    const records = new UndoLog(room).read();
    return typeof records === "string" ? records : records.map(
      ({ position, isSaved }) => [position, isSaved],
    );
  };
  return { life, plans, plan, open, left, first, second };
}

for (const packed of [false, true]) {
  const form = packed ? "packed" : "split";
  Deno.test(`what was to be done again when a ring stopped still is when it goes on: ${form}`, () => {
    const { life, plans, plan, open, left, first, second } = keptRing(packed);
    life.ringStopped(0, plan);
    strictEqual(plans.redoAfterStop(0, plan), 2);
    strictEqual(open(2, true), undefined);
    deepStrictEqual(left(), [[first, false], [second, true]]);
  });

  Deno.test(`a ring that starts elsewhere has nothing to do again: ${form}`, () => {
    const { life, plans, plan, open, left } = keptRing(packed);
    strictEqual(plans.redoAfterStop(0, plan), 0);
    life.ringStopped(0, plan);
    const base = packed ? 0x8003_8003 : 3;
    strictEqual(plans.redoAfterStop(0, { ...plan, base }), 0);
    life.begins();
    strictEqual(plans.redoAfterStop(0, plan), 0);
    strictEqual(open(0, false), undefined);
    deepStrictEqual(left(), []);
  });

  Deno.test(`what another driver's ring had written down is not undone for a front-end that tells of requests: ${form}`, () => {
    const { open, left } = keptRing(packed);
    strictEqual(open(2, false), undefined);
    deepStrictEqual(left(), []);
  });
}
