import { ok, strictEqual } from "node:assert/strict";
import { Scratch, Workspace } from "./scratch.ts";

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

const MIB = 1024 * 1024;

Deno.test("memory that a longer message replaces is wiped", () => {
  const scratch = new Scratch();
  const before = scratch.bytes.fill(0xa5);
  scratch.reserve(before.length);
  strictEqual(scratch.bytes, before);
  scratch.reserve(before.length + 1);
  ok(scratch.bytes !== before && scratch.bytes.length > before.length);
  ok(isZero(before));
  strictEqual(scratch.view.buffer, scratch.bytes.buffer);
});

Deno.test("memory of a long message is wiped and given back, other memory stays", () => {
  const workspace = new Workspace();
  for (const name of ["data", "additional", "digest"] as const) {
    const scratch = workspace[name];
    scratch.reserve(MIB);
    const kept = scratch.bytes;
    workspace.settle();
    strictEqual(scratch.bytes, kept, name);
    scratch.reserve(MIB + 1);
    const long = scratch.bytes.fill(0xa5);
    workspace.settle();
    ok(scratch.bytes.length < MIB, name);
    ok(isZero(long), name);
  }
});

Deno.test("a workspace that is wiped holds no message", () => {
  const workspace = new Workspace();
  const all = [workspace.data, workspace.additional, workspace.digest];
  for (const { bytes } of all) bytes.fill(0xa5);
  workspace.wipe();
  for (const { bytes } of all) ok(isZero(bytes));
});
