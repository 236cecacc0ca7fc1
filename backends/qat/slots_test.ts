import { ok, strictEqual } from "node:assert/strict";
import { StandIn } from "../../tests/qat_stand_in/control.ts";
import { standIn } from "../../tests/qat_stand_in/parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import { QatDevice } from "./device.ts";
import { SlotPool } from "./slots.ts";

const part = standIn();

testWith(
  part,
  "slots that the device may still write to are wiped and kept",
  () => {
    using control = new StandIn(part.libraries);
    const device = new QatDevice({ ...part.libraries });
    const before = control.blocks;
    const pool = new SlotPool(device.usdm);
    const slot = pool.take(64)!;
    const data = slot.bytes.subarray(slot.dataAt, slot.dataAt + 64).fill(0xa5);
    pool.quarantine(slot);
    strictEqual(pool.quarantinedCount, 1);
    // Not answered: nobody gets it.
    slot.clearCompletion();
    pool.releaseAnswered();
    strictEqual(pool.quarantinedCount, 1);
    pool.close();
    strictEqual(control.blocks, before + 1);
    ok(data.every((byte) => byte === 0), "a message is left");
    const other = new SlotPool(device.usdm);
    other.close();
    strictEqual(control.blocks, before + 1);
    device.close();
  },
);
