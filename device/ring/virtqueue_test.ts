import { match, strictEqual } from "node:assert/strict";
import { Region } from "../../memory/region.ts";
import { GuestMemory } from "./guest_memory.ts";
import { createVirtqueue } from "./create_virtqueue.ts";
import type { VirtqueueOptions } from "./virtqueue.ts";

const GUEST = 0x10_0000;

function memoryOf(lengthBytes: number, byteOffset = 0) {
  const memory = new GuestMemory();
  const bytes = new Uint8Array(
    new ArrayBuffer(lengthBytes + byteOffset),
    byteOffset,
  );
  memory.add({
    guestAddress: GUEST,
    userAddress: 0,
    lengthBytes,
    region: new Region(bytes),
  });
  return memory;
}

function create(options: Partial<VirtqueueOptions>) {
  const made = createVirtqueue({
    memory: memoryOf(0x100000),
    size: 8,
    base: 0,
    descriptorAddress: GUEST,
    availableAddress: GUEST + 0x80000,
    usedAddress: GUEST + 0xa0000,
    packed: false,
    eventIndex: true,
    inOrder: false,
    ...options,
  });
  return "error" in made ? made.error : `ring of ${made.size}`;
}

Deno.test("createVirtqueue() takes every legal size", () => {
  for (const size of [1, 2, 1024, 32768]) {
    strictEqual(create({ size }), `ring of ${size}`);
  }
  for (const size of [1, 3, 1000, 32767, 32768]) {
    strictEqual(create({ size, packed: true }), `ring of ${size}`);
  }
});

Deno.test("createVirtqueue() refuses other sizes", () => {
  for (const size of [0, 3, 1000, 65536, -8, 8.5, NaN]) {
    match(create({ size }), /^ring size/);
  }
  for (const size of [0, 32769, NaN]) {
    match(create({ size, packed: true }), /^ring size/);
  }
});

Deno.test("createVirtqueue() refuses areas that are misaligned", () => {
  match(create({ descriptorAddress: GUEST + 8 }), /descriptor area.*16 bytes/);
  match(create({ availableAddress: GUEST + 1 }), /driver area.*2 bytes/);
  match(create({ usedAddress: GUEST + 2 }), /device area.*4 bytes/);
  match(create({ packed: true, availableAddress: GUEST + 2 }), /driver area/);
  match(create({ memory: memoryOf(0x100000, 1) }), /odd address/);
  match(create({ memory: memoryOf(0x100000, 2) }), /odd address/);
  match(create({ usedAddress: NaN }), /not aligned/);
});

Deno.test("createVirtqueue() refuses areas outside memory or in two regions", () => {
  const end = GUEST + 0x100000;
  match(create({ descriptorAddress: end - 112 }), /outside guest memory/);
  strictEqual(create({ descriptorAddress: end - 128 }), "ring of 8");
  match(create({ availableAddress: end - 20 }), /outside guest memory/);
  match(create({ usedAddress: end - 64 }), /outside guest memory/);
  match(create({ usedAddress: 2 ** 60 }), /outside guest memory/);
  const memory = memoryOf(0x100000);
  memory.add({
    guestAddress: end,
    userAddress: 0,
    lengthBytes: 0x1000,
    region: new Region(new Uint8Array(0x1000)),
  });
  match(create({ memory, descriptorAddress: end - 64 }), /outside/);
});

Deno.test("createVirtqueue() refuses a packed base outside the ring", () => {
  match(create({ packed: true, base: 8 }), /outside the ring/);
  match(create({ packed: true, base: 0x8008_8000 }), /outside the ring/);
  strictEqual(create({ packed: true, base: 0x8007_8007 }), "ring of 8");
});

Deno.test("base gives back where a queue resumes", () => {
  for (
    const [packed, base] of [[false, 65535], [true, 0x8003_0005]] as const
  ) {
    const queue = createVirtqueue({
      memory: memoryOf(0x1000),
      size: 8,
      base,
      descriptorAddress: GUEST,
      availableAddress: GUEST + 0x100,
      usedAddress: GUEST + 0x200,
      packed,
      eventIndex: false,
      inOrder: false,
    });
    strictEqual("error" in queue ? queue.error : queue.base, base);
  }
});
