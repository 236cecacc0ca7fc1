import { ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../ffi/libc.ts";
import { DescriptorStore } from "./descriptor_store.ts";

Deno.test("no more is kept than a process can be told the names of", () => {
  const libc = openLibc();
  const kept = new DescriptorStore(libc);
  const name = "vdc.".padEnd(250, "x");
  let count = 0;
  while (kept.keep(name, libc.eventfd())) count++;
  ok(count > 400 && count * 251 <= 120_000, `${count}`);
  strictEqual(kept.all.length, count);
  kept.forget(name);
  ok(kept.keep(name, libc.eventfd()));
  kept.close();
});

Deno.test("no more is kept than the number of descriptors allows", () => {
  const libc = openLibc();
  const kept = new DescriptorStore(libc, 2);
  ok(kept.keep("a", libc.eventfd()));
  ok(kept.keep("b", libc.eventfd()));
  strictEqual(kept.keep("c", libc.eventfd()), false);
  kept.close();
});
