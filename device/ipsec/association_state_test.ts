import { strictEqual } from "node:assert/strict";
import {
  AssociationState,
  NO_SEQUENCE,
  stateWords,
} from "./association_state.ts";

function state(windowPackets = 0, isExtended = false, highest = 0n) {
  const words = new BigUint64Array(stateWords(windowPackets));
  words[0] = highest;
  return new AssociationState(words, windowPackets, isExtended);
}

Deno.test("sequence numbers begin at 1 and end where their field does", () => {
  const fresh = state();
  strictEqual(fresh.take(), 1);
  strictEqual(fresh.take(), 2);
  const last = state(0, false, 0xffff_fffen);
  strictEqual(last.take(), 0xffff_ffff);
  strictEqual(last.take(), NO_SEQUENCE);
  strictEqual(last.take(), NO_SEQUENCE);
  const extended = state(0, true, 0xffff_ffffn);
  strictEqual(extended.take(), 2 ** 32);
});

Deno.test("a window takes each number once, in any order, and nothing left of it", () => {
  for (const width of [1, 15, 16, 17, 64, 100]) {
    const window = state(width);
    strictEqual(window.mayBeNew(0), false, "0 is no number");
    const seen = new Set<number>();
    let highest = 0;
    let random = 12345;
    for (let i = 0; i < 4000; i++) {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      const number = Math.max(1, highest + 3 - random % (2 * width + 8));
      const isNew = number + width > highest && !seen.has(number);
      strictEqual(window.mayBeNew(number), isNew, `${number} of ${width}`);
      strictEqual(window.accept(number), isNew, `${number} of ${width}`);
      seen.add(number);
      if (isNew) highest = Math.max(highest, number);
      strictEqual(window.highest, highest);
      if (i % 500 === 499) highest = jump(window, highest, seen);
    }
  }
});

/** A step over more than the window. */
function jump(window: AssociationState, highest: number, seen: Set<number>) {
  const number = highest + 10_000;
  strictEqual(window.accept(number), true);
  seen.add(number);
  return number;
}

Deno.test("looking at a number changes nothing", () => {
  const window = state(64);
  strictEqual(window.mayBeNew(500), true);
  strictEqual(window.highest, 0);
  strictEqual(window.accept(3), true);
});

Deno.test("without a window every number is taken, and the highest remembered", () => {
  const none = state(0);
  for (const number of [5, 5, 3, 0]) {
    strictEqual(none.mayBeNew(number), true);
    strictEqual(none.accept(number), true);
  }
  strictEqual(none.highest, 5);
});

Deno.test("the upper half of a number comes from the window (RFC 4303 appendix A)", () => {
  const T = 2 ** 32;
  const infer = (highest: number, low: number, width = 64) =>
    state(width, true, BigInt(highest)).infer(low);
  // The window lies within one half.
  strictEqual(infer(5 * T + 1000, 1000 - 63), 5 * T + 937);
  strictEqual(infer(5 * T + 1000, 1000 - 64), 6 * T + 936);
  strictEqual(infer(5 * T + 1000, 0xffff_ffff), 5 * T + 0xffff_ffff);
  // It reaches back into the half before.
  strictEqual(infer(5 * T + 10, 5), 5 * T + 5);
  strictEqual(infer(5 * T + 10, T - 53), 5 * T - 53);
  strictEqual(infer(5 * T + 10, T - 54), 6 * T - 54);
  strictEqual(infer(0, 1), 1);
  strictEqual(infer(10, 0xffff_fff0), 0xffff_fff0);
  // Without a window the nearest is meant.
  strictEqual(infer(5 * T + 1000, 1, 0), 5 * T + 1);
  strictEqual(infer(5 * T - 1, 3, 0), 5 * T + 3);
});

Deno.test("counts go up, and back down for what was not processed", () => {
  const counted = state();
  strictEqual(counted.countPacket(), 0);
  strictEqual(counted.countBytes(100), 0);
  strictEqual(counted.countPacket(), 1);
  strictEqual(counted.countBytes(7), 100);
  counted.uncount(7);
  strictEqual(counted.packets, 1);
  strictEqual(counted.bytes, 100);
});

const HAMMER = `
import { AssociationState } from "${new URL(
  "association_state.ts",
  import.meta.url,
)}";
self.onmessage = ({ data: { memory, width, count } }) => {
  const state = new AssociationState(new BigUint64Array(memory), width, true);
  const taken = [];
  for (let i = 0; i < count; i++) taken.push(state.take());
  self.postMessage(taken);
  self.onmessage = ({ data: { memory, first } }) => {
    const window = new AssociationState(new BigUint64Array(memory), width, true);
    const accepted = [];
    for (let i = 0; i < count; i++) {
      // All threads try the same numbers, a little shuffled.
      const number = first + (i ^ 5);
      if (window.mayBeNew(number) && window.accept(number)) accepted.push(number);
    }
    self.postMessage(accepted);
  };
};
`;

Deno.test("threads never share a number: not one that is sent, nor one that is received", async () => {
  const count = 20_000;
  const width = 4096;
  const url = URL.createObjectURL(
    new Blob([HAMMER], { type: "application/typescript" }),
  );
  const workers = Array.from(
    { length: 3 },
    () => new Worker(url, { type: "module" }),
  );
  const ask = (message: unknown) =>
    Promise.all(
      workers.map((worker) =>
        new Promise<number[]>((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = reject;
          worker.postMessage(message);
        })
      ),
    );
  try {
    const sent = new SharedArrayBuffer(8 * stateWords(0));
    const taken = (await ask({ memory: sent, width, count })).flat();
    strictEqual(new Set(taken).size, 3 * count);
    const received = new SharedArrayBuffer(8 * stateWords(width));
    const accepted = (await ask({ memory: received, first: 100 })).flat();
    strictEqual(new Set(accepted).size, accepted.length, "a replay passed");
    // What one thread was too late for another had already.
    strictEqual(accepted.length > count / 2, true, `${accepted.length}`);
  } finally {
    for (const worker of workers) worker.terminate();
    URL.revokeObjectURL(url);
  }
});
