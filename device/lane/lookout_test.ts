import { deepStrictEqual } from "node:assert/strict";
import { setImmediate } from "node:timers";
import { type LookedAt, Lookout } from "./lookout.ts";

/** A channel that has more at one of the looks, and tells what is done to it. */
class TestChannel implements LookedAt {
  readonly told: string[] = [];
  #looks = 0;
  sharesProcessor = false;
  readonly #moreAtLook: number;
  readonly #moreAtLast: number;

  constructor(moreAtLook: number, moreAtLast = Infinity) {
    this.#moreAtLook = moreAtLook;
    this.#moreAtLast = moreAtLast;
  }

  get hasMore(): boolean {
    return ++this.#looks === this.#moreAtLook;
  }

  take(): void {
    this.told.push("take");
  }

  stayAwake(): void {
    this.told.push("stay awake");
  }

  fallAsleep(): boolean {
    this.told.push("fall asleep");
    return this.told.length === this.#moreAtLast;
  }
}

/** What is done to `channel` after a request of it. */
async function toldOf(
  channel: TestChannel,
  isBusy = false,
): Promise<readonly string[]> {
  const lookout = new Lookout(() => isBusy);
  lookout.add(channel);
  lookout.lookSoon();
  for (let turn = 0; turn < 4; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return channel.told;
}

Deno.test("a lane takes what comes while it looks, and falls asleep after a look in vain", async () => {
  deepStrictEqual(
    await toldOf(new TestChannel(8)),
    ["stay awake", "take", "stay awake", "fall asleep"],
  );
});

Deno.test("a lane takes what has come before it fell asleep", async () => {
  deepStrictEqual(
    await toldOf(new TestChannel(Infinity, 2)),
    ["stay awake", "fall asleep", "take", "stay awake", "fall asleep"],
  );
});

Deno.test("a lane with operations under way leaves its event loop to them", async () => {
  deepStrictEqual(
    await toldOf(new TestChannel(8), true),
    ["stay awake", "fall asleep"],
  );
});

Deno.test("a lane does not look where its sender needs the processor", async () => {
  const channel = new TestChannel(8);
  channel.sharesProcessor = true;
  deepStrictEqual(await toldOf(channel), ["stay awake", "fall asleep"]);
});
