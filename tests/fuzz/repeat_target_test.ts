import { ok } from "node:assert/strict";
import { Random } from "../../conformance/random.ts";
import { RequestSlots } from "../../device/request_slots.ts";
import { REPEAT_TARGETS } from "./repeat_target.ts";

/** Counts the requests that are decoded and checked while `run` lasts. */
async function countPrepared(run: () => Promise<void>): Promise<number> {
  const { reset } = RequestSlots.prototype;
  let count = 0;
  RequestSlots.prototype.reset = function (slot) {
    count++;
    reset.call(this, slot);
  };
  try {
    await run();
  } finally {
    RequestSlots.prototype.reset = reset;
  }
  return count;
}

for (const target of REPEAT_TARGETS) {
  Deno.test(`fuzz ${target.name} reaches requests that are not decoded again`, async () => {
    const episode = await target.start("noble", new Random(3));
    const prepared = await countPrepared(() => {
      for (let i = 0; i < target.cases; i++) episode.step();
      return Promise.resolve();
    });
    episode.finish();
    const repeated = episode.sent - prepared;
    ok(episode.alike > target.cases / 2);
    ok(
      repeated > 0.9 * episode.alike,
      `${repeated} of ${episode.alike} repetitions`,
    );
  });
}
