import { strictEqual } from "node:assert/strict";
import { passedEvent, passedPackedEvent } from "./events.ts";

Deno.test("passedEvent() is true for exactly the entries written", () => {
  for (const before of [0, 5, 65530, 65535]) {
    for (let moved = 1; moved <= 8; moved++) {
      for (let ahead = -10; ahead <= 10; ahead++) {
        const event = (before + ahead) & 0xffff;
        strictEqual(
          passedEvent(event, before, (before + moved) & 0xffff),
          ahead >= 0 && ahead < moved,
          `event ${event}, before ${before}, moved ${moved}`,
        );
      }
    }
  }
});

Deno.test("passedPackedEvent() finds every event written, across the wrap", () => {
  for (const size of [1, 3, 8, 100, 32768]) {
    const lap = Math.min(size, 16);
    for (let start = 0; start < 2 * size; start += Math.ceil(size / 5)) {
      for (let moved = 1; moved <= lap; moved++) {
        for (let ahead = 0; ahead < moved; ahead++) {
          strictEqual(eventAt(size, start, moved, ahead), true);
        }
        strictEqual(eventAt(size, start, moved, moved), false);
      }
    }
  }
});

Deno.test("passedPackedEvent() never finds a place that the ring does not have", () => {
  for (const size of [2, 5, 8]) {
    for (const offset of [size, size + 1, 2 * size - 1, 0x7fff]) {
      for (const wrap of [0, 1]) {
        const event = offset | wrap << 15;
        for (let position = 0; position < size; position++) {
          strictEqual(passedPackedEvent(event, position, 1, size, size), false);
        }
      }
    }
  }
});

/** An event `ahead` of the start, both counted over two laps with wrap 1 and 0. */
function eventAt(size: number, start: number, moved: number, ahead: number) {
  const wrapAt = (place: number) => Math.floor(place / size) % 2 === 0 ? 1 : 0;
  const event = (start + ahead) % size | wrapAt(start + ahead) << 15;
  const end = start + moved;
  return passedPackedEvent(event, end % size, wrapAt(end), moved, size);
}
