import { ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import {
  guestMappings,
  openDescriptors,
  testMemoryTable,
} from "../../../testing/vhost_user_server.ts";
import type { MemoryTable, MemoryTableOptions } from "./memory_table.ts";
import type { RegionDescription } from "./payloads.ts";

const libc = openLibc();
const FILE_BYTES = 0x10000;

const region = (
  guestAddress: number,
  lengthBytes = 0x1000,
  fileOffset = 0,
  userAddress = guestAddress + 0x7000_0000_0000,
): RegionDescription => ({
  guestAddress,
  lengthBytes,
  userAddress,
  fileOffset,
});

function withTable(
  body: (table: MemoryTable, fd: number) => void,
  changes: Partial<MemoryTableOptions> = {},
): void {
  const descriptors = openDescriptors();
  const mappings = guestMappings();
  const fd = libc.memfdCreate("guest", FILE_BYTES);
  const table = testMemoryTable(changes);
  try {
    body(table, fd);
  } finally {
    table.clear();
    table.unmapRetired();
    libc.close(fd);
  }
  strictEqual(guestMappings(), mappings);
  strictEqual(openDescriptors(), descriptors);
}

const refused = (problem: string | undefined, expected: RegExp) =>
  ok(problem !== undefined && expected.test(problem), `${problem}`);

Deno.test("regions of one file at different offsets share its bytes", () => {
  withTable((table, fd) => {
    const regions = [region(0, 0x1000, 0), region(0x5000, 0x800, 0x800)];
    strictEqual(table.replace(regions, [fd, fd]), undefined);
    const low = table.memory.locate(0x900, 4)!;
    const high = table.memory.locate(0x5100, 4)!;
    low.region.bytes[low.offset] = 77;
    strictEqual(high.region.bytes[high.offset], 77);
    strictEqual(table.memory.locate(0x57ff, 2), undefined);
    strictEqual(table.memory.userToGuest(0x7000_0000_5004), 0x5004);
    strictEqual(table.ranges.length, 2);
    strictEqual(table.totalBytes, 0x1800);
  });
});

Deno.test("a region must end inside its file", () => {
  withTable((table, fd) => {
    strictEqual(table.add(region(0, FILE_BYTES), fd), undefined);
    refused(table.add(region(0x20_0000, FILE_BYTES + 1), fd), /of a file of/);
    refused(table.add(region(0x20_0000, 0x1000, FILE_BYTES), fd), /of a file/);
    refused(
      table.add(region(0x20_0000, 0x1000, FILE_BYTES - 0xfff), fd),
      /of a file/,
    );
  });
});

Deno.test("offset and length are added in full width", () => {
  withTable((table, fd) => {
    refused(table.add(region(0, 2 ** 53 - 4096, 8192), fd), /past 2\^53/);
    refused(table.add(region(0, NaN, 0), fd), /past 2\^53/);
    refused(table.add(region(0, 4096, NaN), fd), /past 2\^53/);
    refused(table.add(region(0, 0), fd), /empty/);
    refused(table.add(region(2 ** 53 - 4096, 8192), fd), /past 2\^53/);
    refused(table.add(region(NaN, 4096), fd), /past 2\^53/);
    refused(table.add(region(0, 4096, 0, 2 ** 53 - 1), fd), /past 2\^53/);
    strictEqual(guestMappings(), 0);
  });
});

Deno.test("overlapping regions are refused and leave the map as it was", () => {
  withTable((table, fd) => {
    strictEqual(table.replace([region(0x1000)], [fd]), undefined);
    const { memory } = table;
    refused(table.add(region(0x1fff), fd), /overlaps/);
    refused(
      table.replace([region(0x8000), region(0x8800)], [fd, fd]),
      /overlaps/,
    );
    refused(
      table.replace([region(0x8000), region(0x9000, FILE_BYTES * 2)], [fd, fd]),
      /of a file/,
    );
    strictEqual(table.memory, memory);
    strictEqual(guestMappings(), 1);
    strictEqual(table.add(region(0x2000), fd), undefined);
  });
});

Deno.test("there is room for 509 regions and no more", () => {
  withTable((table, fd) => {
    for (let i = 0; i < 509; i++) {
      strictEqual(table.add(region(i * 0x1000), fd), undefined);
    }
    refused(table.add(region(600 * 0x1000), fd), /more than 509/);
    strictEqual(table.remove(region(3 * 0x1000)), undefined);
    strictEqual(table.add(region(600 * 0x1000), fd), undefined);
  });
});

Deno.test("a removed region stays mapped until nobody uses it", () => {
  withTable((table, fd) => {
    table.replace([region(0), region(0x1000)], [fd, fd]);
    refused(table.remove(region(0, 0x2000)), /no memory region/);
    refused(table.remove(region(0, 0x1000, 0, 1)), /no memory region/);
    strictEqual(table.remove(region(0x1000, 0x1000, 0x9999)), undefined);
    strictEqual(table.memory.locate(0x1000, 1), undefined);
    strictEqual(guestMappings(), 2);
    table.unmapRetired();
    strictEqual(guestMappings(), 1);
  });
});

Deno.test("what is no file of memory is refused", () => {
  withTable((table) => {
    const event = libc.eventfd();
    refused(table.add(region(0), event), /of a file of 0x0/);
    refused(table.add(region(0), -1), /Bad file descriptor/);
    libc.close(event);
  });
});

Deno.test("a sparse file of many terabytes can be mapped or is refused", () => {
  withTable((table) => {
    const fd = libc.memfdCreate("guest", 2 ** 46);
    const problem = table.add(region(0, 2 ** 46), fd);
    strictEqual(typeof (problem ?? ""), "string");
    libc.close(fd);
  });
});

Deno.test("no more is mapped than a guest may have, however it comes", () => {
  withTable((table, fd) => {
    const two = [region(0), region(0x4000, 0x1000, 0x1000)];
    const more = region(0x8000, 0x1000, 0x2000);
    const expected = /^memory of 12288 bytes: expected at most 8192$/;
    refused(table.replace([...two, more], [fd, fd, fd]), expected);
    strictEqual(table.ranges.length, 0);
    strictEqual(table.replace(two, [fd, fd]), undefined);
    refused(table.add(more, fd), expected);
    strictEqual(table.ranges.length, 2);
    strictEqual(table.remove(two[0]!), undefined);
    strictEqual(table.add(more, fd), undefined);
  }, { maximumMemoryBytes: 0x2000 });
});

Deno.test("whole pages count, as they are mapped", () => {
  withTable((table, fd) => {
    refused(
      table.replace([region(0, 0x100), region(0x4000, 0x100)], [fd, fd]),
      /^memory of 8192 bytes: expected at most 4096$/,
    );
  }, { maximumMemoryBytes: 0x1000 });
});
