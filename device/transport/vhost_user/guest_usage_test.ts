import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Counter } from "../../queue_counts.ts";
import { SeriesField } from "../../session/work_series.ts";
import { GuestUsage } from "./guest_usage.ts";

const KIND = {
  backend: "noble",
  service: "hash",
  algorithm: "sha256",
} as const;

Deno.test("what guests before have had stays, but for what is under way", () => {
  const usage = new GuestUsage();
  const first = usage.addQueue(0);
  first[Counter.Requests] = 3;
  first[Counter.InFlight] = 2;
  usage.endQueue(first);
  // Whoever counts there still is not heard, and ending twice adds nothing.
  first[Counter.Requests] = 100;
  usage.endQueue(first);
  const second = usage.addQueue(0);
  second[Counter.Requests] = 4;
  second[Counter.InFlight] = 1;
  usage.addQueue(1)[Counter.Requests] = 5;
  const queues = usage.queues();
  deepStrictEqual([...queues.keys()], [0, 1]);
  strictEqual(queues.get(0)![Counter.Requests], 7);
  strictEqual(queues.get(0)![Counter.InFlight], 1);
  strictEqual(queues.get(1)![Counter.Requests], 5);
});

Deno.test("work of one kind on several threads is one", () => {
  const usage = new GuestUsage();
  const seats = [usage.addSeat(), usage.addSeat()];
  for (const [i, { kinds, memory }] of seats.entries()) {
    kinds.push(KIND);
    new Float64Array(memory)[SeriesField.Requests] = i + 1;
  }
  usage.endSeat(seats[0]!);
  usage.endSeat(seats[0]!);
  for (let i = 0; i < 2; i++) {
    const [work, ...others] = usage.work();
    deepStrictEqual(others, []);
    deepStrictEqual(work!.kind, KIND);
    strictEqual(work!.counters[SeriesField.Requests], 3);
  }
});
