import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { CoveredMemory } from "./covered_memory.ts";
import { type Mapping, openLibc, regionAt } from "./libc.ts";

const libc = openLibc();
const BYTES = 1 << 20;

function open(): CoveredMemory {
  const covered = CoveredMemory.open(libc);
  ok(typeof covered !== "string", `${covered}`);
  return covered;
}

function map(lengthBytes = BYTES): { fd: number; mapping: Mapping } {
  const fd = libc.memfdCreate("covered", lengthBytes);
  const mapping = libc.map(fd, 0, lengthBytes);
  ok(typeof mapping !== "number");
  return { fd, mapping };
}

Deno.test("each owner hears of its own memory, once, and the whole mapping is zeros", () => {
  const covered = open();
  const heard: number[] = [];
  const all = [0, 1, 2].map((i) => {
    const { fd, mapping } = map();
    const region = regionAt(mapping.address, BYTES);
    region.bytes.fill(i + 1);
    const entry = covered.cover(mapping, () => heard.push(i))!;
    return { fd, mapping, region, entry };
  });
  strictEqual(libc.clear(covered.wakeFd), -11);
  libc.truncate(all[1]!.fd, BYTES / 2);
  const { bytes } = all[1]!.region;
  strictEqual(bytes[BYTES / 2 - 1], 2);
  ok(!covered.isLost(all[1]!.entry));
  strictEqual(bytes[BYTES - 1], 0);
  strictEqual(bytes[0], 0);
  ok(covered.isLost(all[1]!.entry));
  deepStrictEqual(heard, []);
  covered.tellLosses();
  covered.tellLosses();
  deepStrictEqual(heard, [1]);
  // A loss of which nobody has told yet is told before the mapping goes.
  libc.truncate(all[2]!.fd, 0);
  strictEqual(all[2]!.region.bytes[5], 0);
  for (const { fd, mapping, entry } of all) {
    covered.uncover(entry);
    libc.unmap(mapping);
    libc.close(fd);
  }
  deepStrictEqual(heard, [1, 2]);
  covered.close();
});

Deno.test("a place in the table is used again, without what was there", () => {
  const covered = open();
  const heard: number[] = [];
  const entries = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const { fd, mapping } = map();
    const entry = covered.cover(mapping, () => heard.push(i))!;
    entries.add(entry);
    ok(!covered.isLost(entry));
    libc.truncate(fd, 0);
    strictEqual(regionAt(mapping.address, BYTES).bytes[i], 0);
    covered.uncover(entry);
    libc.unmap(mapping);
    libc.close(fd);
  }
  strictEqual(entries.size, 1);
  deepStrictEqual(heard, Array.from({ length: 200 }, (_, i) => i));
  covered.close();
});

Deno.test("a full table refuses, and takes again what has room", () => {
  const covered = open();
  const { fd, mapping } = map();
  const entries: number[] = [];
  for (;;) {
    const entry = covered.cover(mapping, () => {});
    if (entry === undefined) break;
    entries.push(entry);
  }
  ok(entries.length > 60_000, `${entries.length}`);
  covered.uncover(entries.pop()!);
  const heard: string[] = [];
  // Found behind all others, which are no other mapping's.
  const last = map();
  const entry = covered.cover(last.mapping, () => heard.push("last"))!;
  libc.truncate(last.fd, 0);
  strictEqual(regionAt(last.mapping.address, BYTES).bytes[0], 0);
  for (const one of [...entries, entry]) covered.uncover(one);
  deepStrictEqual(heard, ["last"]);
  for (const one of [fd, last.fd]) libc.close(one);
  for (const one of [mapping, last.mapping]) libc.unmap(one);
  covered.close();
});
