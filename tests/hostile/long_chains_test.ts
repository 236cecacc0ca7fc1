import { ok, strictEqual } from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";

import { writeRawDescriptor } from "../../testing/raw_ring.ts";
import { INDIRECT, NEXT, RawGuest } from "../../testing/raw_guest.ts";

const CHAINS = 64;
const DESCRIPTORS = 32 * 1024;
const KEPT_BYTES = 8 * 1024 * 1024;

/** Bytes outside the engine's heap that something still refers to. */
function heldBytes(): number {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  collect();
  collect();
  return Deno.memoryUsage().external;
}

Deno.test("a burst of very long chains holds no memory when it is over", async () => {
  using guest = await RawGuest.start({ backends: ["noble"] });
  const { memory } = guest.link;
  const table = guest.allocate(16 * DESCRIPTORS);
  for (let i = 0; i < DESCRIPTORS; i++) {
    // Every second byte, so that no two descriptors are one range.
    writeRawDescriptor(memory, table + 16 * i, {
      address: guest.address(2 * i),
      lengthBytes: 1,
      flags: i + 1 < DESCRIPTORS ? NEXT : 0,
      next: i + 1,
    });
  }
  const before = heldBytes();
  const ring = guest.ring(0);
  for (let i = 0; i < CHAINS; i++) {
    ring.descriptor(i, {
      address: guest.address(table),
      lengthBytes: 16 * DESCRIPTORS,
      flags: INDIRECT,
    });
    ring.availableEntry(i, i);
  }
  ring.availableIndex(CHAINS);
  guest.link.kick(0);
  strictEqual(ring.usedIndex, CHAINS);
  const held = heldBytes() - before;
  ok(held < KEPT_BYTES, `${held} bytes are still held`);
});
