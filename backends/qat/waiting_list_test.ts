import { strictEqual } from "node:assert/strict";
import type { Operation } from "../backend.ts";
import { WaitingList } from "./waiting_list.ts";

const LIMIT = 4096;

const operation = (number: number) =>
  ({ cipherStart: number }) as unknown as Operation;

Deno.test("what waits comes in order, and no more waits than there is room for", () => {
  const list = new WaitingList();
  let added = 0;
  let removed = 0;
  const add = () => list.add(operation(added), added, 2 * added);
  // Twice round, so that the end of the room is passed.
  for (let round = 0; round < 3; round++) {
    while (list.count < LIMIT) {
      strictEqual(add(), true);
      added++;
    }
    strictEqual(add(), false);
    strictEqual(list.count, LIMIT);
    for (let i = 0; i < 3000; i++) {
      strictEqual(list.first.cipherStart, removed);
      strictEqual(list.firstDataBytes, removed);
      strictEqual(list.firstOverdueAt, 2 * removed);
      list.remove();
      removed++;
    }
  }
  strictEqual(list.count, LIMIT - 3000);
});
