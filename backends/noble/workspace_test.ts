import { ok, strictEqual } from "node:assert/strict";
import { Workspace } from "./workspace.ts";

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

const NAMES = ["data", "additional", "digest"] as const;
const LONG_BYTES = 4 * 1024 * 1024 + 1;

Deno.test("memory of a long message is wiped and given back in all parts", () => {
  const workspace = new Workspace();
  for (const name of NAMES) {
    const long = workspace[name].take(LONG_BYTES).fill(0xa5);
    workspace.release();
    ok(workspace[name].view.byteLength < LONG_BYTES, name);
    ok(isZero(long), name);
  }
});

Deno.test("a workspace that is wiped holds no message", () => {
  const workspace = new Workspace();
  const all = NAMES.map((name) => workspace[name].take(100).fill(0xa5));
  workspace.wipe();
  strictEqual(all.filter(isZero).length, NAMES.length);
});
