import assert from "node:assert/strict";
import { MemoryAllocator } from "./memory_allocator.ts";

Deno.test("allocated pieces are aligned, inside the memory and disjoint", () => {
  const allocator = new MemoryAllocator(4096);
  const first = allocator.allocate(100);
  const second = allocator.allocate(10, 256);
  const third = allocator.allocate(10);
  assert.equal(second % 256, 0);
  assert.ok(third % 64 === 0);
  const pieces = [[first, 100], [second, 10], [third, 10]] as const;
  const taken = new Set<number>();
  for (const [offset, length] of pieces) {
    for (let i = offset; i < offset + length; i++) {
      assert.ok(i < 4096 && !taken.has(i));
      taken.add(i);
    }
  }
});

Deno.test("freed pieces join again, in whatever order they come back", () => {
  const allocator = new MemoryAllocator(1000);
  for (const order of [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2]]) {
    const offsets = [0, 1, 2].map(() => allocator.allocate(300, 1));
    for (const index of order) allocator.free(offsets[index]!);
    assert.equal(allocator.freeBytes, 1000);
    const whole = allocator.allocate(1000, 1);
    allocator.free(whole);
  }
});

Deno.test("a full memory says so and recovers", () => {
  const allocator = new MemoryAllocator(128);
  const offset = allocator.allocate(128);
  assert.equal(allocator.tryAllocate(1), -1);
  assert.throws(() => allocator.allocate(1), RangeError);
  allocator.free(offset);
  assert.equal(allocator.tryAllocate(128), 0);
});

Deno.test("freeing twice is refused", () => {
  const allocator = new MemoryAllocator(128);
  const offset = allocator.allocate(16);
  allocator.free(offset);
  assert.throws(() => allocator.free(offset), RangeError);
});
