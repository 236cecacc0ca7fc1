import { strictEqual } from "node:assert/strict";
import { Region } from "../memory/region.ts";
import { RequestSlot } from "./request_slot.ts";
import { KEPT_DESCRIPTORS } from "./ring/chain.ts";
import { DataRequest } from "./wire/data_request.ts";

/** A slot as a chain of so many pieces leaves it. */
function slotAfter(descriptors: number): RequestSlot {
  const slot = new RequestSlot(new DataRequest());
  const region = new Region(new Uint8Array(64));
  for (let i = 0; i < 8; i++) {
    slot.chain.readable.append(region, 4 * i, 1);
    slot.operation.source.append(region, 4 * i, 1);
  }
  slot.chain.descriptorCount = descriptors;
  return slot;
}

Deno.test("a slot gives back the lists of a very long chain and keeps the others", () => {
  const long = slotAfter(KEPT_DESCRIPTORS + 1);
  long.releaseLongLists();
  strictEqual(long.chain.readable.count, 0);
  strictEqual(long.operation.source.count, 0);
  const short = slotAfter(KEPT_DESCRIPTORS);
  short.releaseLongLists();
  strictEqual(short.chain.readable.count, 8);
  strictEqual(short.operation.source.count, 8);
});
