import { ok, strictEqual } from "node:assert/strict";
import {
  closeKeptMemory,
  createKeptMemory,
  openKeptMemory,
} from "./kept_memory.ts";
import { openLibc } from "./libc.ts";

Deno.test("kept memory is the same for whoever maps its descriptor", () => {
  const libc = openLibc();
  const made = createKeptMemory(libc, "test", 8192);
  ok(typeof made !== "number", `${made}`);
  made.region.bytes[5000] = 7;
  const copy = libc.duplicate(made.fd);
  const again = openKeptMemory(libc, copy);
  ok(typeof again !== "number");
  strictEqual(again.region.bytes.length, 8192);
  strictEqual(again.region.bytes[5000], 7);
  closeKeptMemory(libc, made);
  strictEqual(again.region.bytes[5000], 7);
  closeKeptMemory(libc, again);
});

Deno.test("kept memory keeps its size", () => {
  const libc = openLibc();
  const made = createKeptMemory(libc, "test", 8192);
  ok(typeof made !== "number");
  ok(libc.truncate(made.fd, 4096) < 0);
  strictEqual(libc.fileSize(made.fd), 8192);
  console.log(made.kind);
  closeKeptMemory(libc, made);
});
