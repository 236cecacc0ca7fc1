import { deepStrictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import { QueueLoop } from "./queue_loop.ts";
import type { QueueRing } from "./queue_ring.ts";
import { REST_BYTES } from "./thread_rest.ts";

/** A ring that a lane has requests of, and what happens in its turns. */
const waitingRing = (turn: () => void) =>
  ({
    isAwake: false,
    isGone: false,
    idleTurns: 0,
    lookAgainMs: 1000,
    waitsForLane: true,
    takeCount: () => 0,
    fallAsleep: () => false,
    turn: () => {
      turn();
      return false;
    },
  }) as unknown as QueueRing;

Deno.test("a thread does not sleep before a ring whose answers another one has collected had its turn", () => {
  const events: string[] = [];
  let isOver = false;
  let hasCollected = false;
  const loop = new QueueLoop(
    {
      libc: openLibc(),
      kicks: {
        size: 2,
        wait: () => {
          events.push("sleeps");
          isOver = true;
        },
      },
      channels: {
        shareProcessor: true,
        fallAsleep: () => false,
        stayAwake() {},
        takeCollected: () => {
          const before = hasCollected;
          hasCollected = false;
          return before;
        },
      },
      commands: {
        get haveCome() {
          return isOver;
        },
        next: () => ({ kind: "exit" }),
      },
      words: new Int32Array(8),
      rest: new Float64Array(REST_BYTES / 8),
      spinMicroseconds: 0,
      report() {},
      hold() {},
    } as unknown as ConstructorParameters<typeof QueueLoop>[0],
  );
  let hasTaken = false;
  loop.wake(waitingRing(() => events.push("one")));
  loop.wake(waitingRing(() => {
    events.push("other");
    // What has ended meanwhile is the first ring's.
    if (!hasTaken) hasCollected = hasTaken = true;
  }));
  loop.run();
  deepStrictEqual(events.slice(0, 5), [
    "one",
    "other",
    "one",
    "other",
    "sleeps",
  ]);
});
