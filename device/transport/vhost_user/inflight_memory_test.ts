import { ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import { InflightMemory } from "./inflight_memory.ts";

const SIZES = { lengthBytes: 0, fileOffset: 0, queues: 1, queueSize: 16 };

Deno.test("who goes on has the region that is used and the one that was offered since", () => {
  const libc = openLibc();
  const inflight = () =>
    new InflightMemory({
      libc,
      memoryGuard: { cover: () => () => {} },
      keep: (fd) => fd,
      numberOf: (fd) => fd,
      lost: () => {},
    });
  const before = inflight();
  const used = before.offer(SIZES, false);
  ok(typeof used !== "string");
  const usedFd = libc.duplicate(before.offered, 0);
  ok(usedFd >= 0);
  strictEqual(before.use(used, usedFd, false), undefined);
  ok(typeof before.offer(SIZES, false) !== "string");
  const next = inflight();
  const offered = before.offered;
  const problem = next.resume(before.kept, offered, (number) => number);
  strictEqual(problem, undefined);
  strictEqual(next.queueSize, SIZES.queueSize);
  strictEqual(next.offered, offered);
  ok(libc.fileSize(offered) > 0, "it is open");
  next.close();
  ok(libc.fileSize(offered) < 0);
  before.offered = -1;
  before.close();
});
