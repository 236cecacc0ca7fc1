import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Region } from "../../memory/region.ts";
import { seededNumbers } from "../../testing/ring_sides.ts";
import { OverwrittenRanges } from "../../memory/overwritten_ranges.ts";
import { GuestMemory } from "./guest_memory.ts";
import { RingPositions } from "./ring_positions.ts";
import { UndoLog, undoRequests } from "./undo_log.ts";

const GUEST_ADDRESS = 0x1_0000_0000;
const MEMORY_BYTES = 1 << 20;
const ROOM_BYTES = 64 * 1024;
const POSITIONS = new RingPositions(256, false);

const room = (lengthBytes = ROOM_BYTES) =>
  new Uint8Array(new ArrayBuffer(lengthBytes));

function guest() {
  const region = new Region(room(MEMORY_BYTES));
  const memory = new GuestMemory();
  const problem = memory.add({
    guestAddress: GUEST_ADDRESS,
    userAddress: 0,
    lengthBytes: MEMORY_BYTES,
    region,
  });
  strictEqual(problem, undefined);
  return { memory, bytes: region.bytes };
}

/** A request that works in place at `offset`. */
function inPlace(offset: number, lengthBytes: number): OverwrittenRanges {
  const ranges = new OverwrittenRanges();
  const range = [0, offset, lengthBytes, 0];
  ranges.find(Int32Array.from([...range, ...range]), 0, 4, 8);
  ok(ranges.any);
  return ranges;
}

Deno.test("what requests overwrite is there again, whichever of them ran", () => {
  const { memory, bytes } = guest();
  const below = seededNumbers(3);
  for (let i = 0; i < bytes.length; i++) bytes[i] = below(256);
  const before = bytes.slice();
  const log = room();
  const first = new UndoLog(log);
  for (let i = 0; i < 16; i++) {
    first.add(i, inPlace(4096 * i, 17 * i + 1), memory);
  }
  first.commit();
  for (let i = 0; i < 11; i++) bytes.fill(i, 4096 * i, 4096 * i + 17 * i + 1);
  const next = new UndoLog(log);
  strictEqual(undoRequests(next, memory, POSITIONS, 0), undefined);
  deepStrictEqual(bytes, before);
  strictEqual((next.read() as unknown[]).length, 16);
});

Deno.test("what the driver has seen is left as it is", () => {
  const { memory, bytes } = guest();
  const log = room();
  const first = new UndoLog(log);
  for (let i = 0; i < 4; i++) {
    first.add(0xfffe + i & 0xffff, inPlace(64 * i, 64), memory);
  }
  first.commit();
  bytes.fill(9, 0, 256);
  const next = new UndoLog(log);
  // The ring stands at 0: two of them were shown, and nobody had time to note it.
  strictEqual(undoRequests(next, memory, POSITIONS, 0), undefined);
  deepStrictEqual(
    [...bytes.subarray(0, 256)].map((b) => b).lastIndexOf(9),
    127,
  );
  const left = next.read();
  ok(typeof left !== "string");
  deepStrictEqual(left.map(({ position }) => position), [0, 1]);
});

Deno.test("what is not committed is not there", () => {
  const { memory } = guest();
  const log = room();
  const first = new UndoLog(log);
  first.add(0, inPlace(0, 64), memory);
  deepStrictEqual(new UndoLog(log).read(), []);
  first.commit();
  strictEqual(new UndoLog(log).read().length, 1);
});

Deno.test("bytes are saved as they lie, at any offset and of any length", () => {
  const { memory, bytes } = guest();
  const below = seededNumbers(5);
  for (let i = 0; i < 4096; i++) bytes[i] = below(256);
  const before = bytes.slice(0, 4096);
  for (const lengthBytes of [1, 3, 4, 64, 255, 256, 257, 260, 1024]) {
    for (let offset = 64; offset < 69; offset++) {
      const log = room();
      const first = new UndoLog(log);
      const ranges = new OverwrittenRanges();
      const one = [0, offset, lengthBytes, 0];
      const other = [0, 2048 + offset, lengthBytes, 0];
      ranges.find(Int32Array.of(...one, ...other, ...one, ...other), 0, 8, 16);
      first.add(0, ranges, memory);
      first.commit();
      bytes.fill(0, 0, 4096);
      before.forEach((byte, at) => {
        const from = at < 2048 ? offset : 2048 + offset;
        if (at < from || at >= from + lengthBytes) bytes[at] = byte;
      });
      undoRequests(new UndoLog(log), memory, POSITIONS, 0);
      ok(bytes.subarray(0, 4096).every((byte, at) => byte === before[at]));
    }
  }
});

Deno.test("where two requests wrote over the same bytes, the first one's input is back", () => {
  const { memory, bytes } = guest();
  bytes.fill(1, 0, 64);
  const log = room();
  const first = new UndoLog(log);
  first.add(0, inPlace(0, 64), memory);
  first.commit();
  bytes.fill(2, 0, 64);
  first.add(1, inPlace(32, 64), memory);
  first.commit();
  bytes.fill(3, 0, 128);
  undoRequests(new UndoLog(log), memory, POSITIONS, 0);
  ok(bytes.subarray(0, 64).every((byte) => byte === 1));
});

Deno.test("records go round for ever", () => {
  const { memory } = guest();
  const below = seededNumbers(5);
  const bytes = room(1 << 20);
  const log = new UndoLog(bytes);
  const out: number[] = [];
  let position = 0;
  for (let step = 0; step < 20_000; step++) {
    if (out.length === 0 || out.length < 8 && below(2) === 0) {
      log.add(position, inPlace(0, 1 + below(4096)), memory);
      log.commit();
      out.push(position);
      position = position + 1 & 0xffff;
    } else {
      out.shift();
      log.free(POSITIONS, out[0] ?? position);
    }
    if (step % 97 !== 0) continue;
    const read = new UndoLog(bytes).read();
    ok(typeof read !== "string", `${read}`);
    deepStrictEqual(read.map((one) => one.position), out);
    ok(read.every(({ isSaved }) => isSaved));
  }
});

Deno.test("a request that has no room is written down without its bytes", () => {
  const { memory } = guest();
  const log = new UndoLog(room());
  log.add(0, inPlace(0, ROOM_BYTES), memory);
  log.add(1, inPlace(0, 4096), memory);
  const read = log.read();
  ok(typeof read !== "string");
  deepStrictEqual(read.map(({ isSaved }) => isSaved), [false, true]);
  strictEqual(log.isFull, false);
});

Deno.test("however full it is, the requests of a burst can be written down", () => {
  const { memory } = guest();
  const log = new UndoLog(room());
  let position = 0;
  while (!log.isFull) log.add(position++, inPlace(0, 1000), memory);
  for (let i = 0; i < 64; i++) log.add(position++, inPlace(0, 8000), memory);
  const read = log.read();
  ok(typeof read !== "string");
  strictEqual(read.length, position);
});

Deno.test("whatever the memory holds, undoing ends well or with a reason", () => {
  const { memory, bytes } = guest();
  const log = room(4096);
  const first = new UndoLog(log);
  for (let i = 0; i < 3; i++) first.add(i, inPlace(64 * i, 32), memory);
  first.commit();
  let refused = 0;
  const ends = log.findLastIndex((byte) => byte !== 0) + 64;
  for (let at = 0; at < ends; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const hostile = log.slice();
      hostile[at] = value;
      const problem = undoRequests(
        new UndoLog(hostile),
        memory,
        POSITIONS,
        0,
      );
      if (problem !== undefined) refused++;
    }
  }
  ok(refused > 50, `${refused}`);
  strictEqual(bytes.length, MEMORY_BYTES);
});

Deno.test("a record up to the end of its log is refused", () => {
  const { memory } = guest();
  const log = room(4096);
  const words = new Int32Array(log.buffer);
  const [head, tail, end] = [8, 2, 4096 / 64];
  words[0] = head | tail << 16;
  words[16 * head] = end - head;
  const problem = undoRequests(new UndoLog(log), memory, POSITIONS, 0);
  strictEqual(typeof problem, "string");
});

Deno.test("positions of both ring formats are before and behind each other", () => {
  for (const packed of [false, true]) {
    const size = 8;
    const positions = new RingPositions(size, packed);
    let place = packed ? 0x8000 : 0xfff0;
    for (let i = 0; i < 3 * size; i++) {
      let behind = place;
      for (let out = 0; out < size; out++) {
        strictEqual(positions.isBefore(behind, place), false, `${i} ${out}`);
        const next = positions.after(behind, 1);
        strictEqual(positions.isBefore(behind, next), true, `${i} ${out}`);
        behind = next;
      }
      strictEqual(positions.isBefore(place, behind), true);
      place = positions.after(place, 1);
    }
  }
});
