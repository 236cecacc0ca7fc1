import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { PlacementCounts } from "./placement_counts.ts";
import type { SessionAnnouncement } from "./session_table.ts";

const announcement = (
  backend: string,
  reason: string,
): SessionAnnouncement => ({
  id: 1,
  description: { service: "hash", algorithm: "sha256", resultBytes: 32 },
  placement: {
    choices: [{ backend, reason, fromBytes: 0, belowBytes: Infinity }],
    onFailure: [],
    onUnsupported: [],
  },
});

Deno.test("placements are counted per backend and reason, each cause told once", () => {
  const told: string[] = [];
  const counts = new PlacementCounts((line) => told.push(line));
  counts.opened(announcement("openssl", "order"));
  counts.opened(announcement("openssl", "order"));
  counts.opened(announcement("noble", "openssl does not offer it"));
  counts.refused({ status: 3, reason: "nobody has it" });
  deepStrictEqual([...counts], [
    { backend: "openssl", reason: "order", sessions: 2 },
    { backend: "noble", reason: "openssl does not offer it", sessions: 1 },
  ]);
  deepStrictEqual(told, [
    "placement: hash.sha256 goes to openssl, because of: order",
    "placement: hash.sha256 goes to noble, because of: openssl does not offer it",
  ]);
  strictEqual(counts.refusedSessions, 1);
});

Deno.test("a guest that makes up causes fills neither the counts nor the log", () => {
  const told: string[] = [];
  const counts = new PlacementCounts((line) => told.push(line));
  for (let i = 0; i < 1000; i++) counts.opened(announcement("noble", `${i}`));
  counts.opened(announcement("noble", "0"));
  strictEqual(told.length, 65);
  const all = [...counts];
  strictEqual(all.length, 65);
  strictEqual(all[0]!.sessions, 2);
  strictEqual(all[64]!.sessions, 1000 - 64);
});
