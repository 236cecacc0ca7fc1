import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  AdminOpcode,
  AdminQualifier,
  AdminStatus,
  decodeAdminCommand,
  decodeAdminOutcome,
  decodeBitmap,
  encodeAdminCommand,
  encodeAdminOutcome,
  encodeBitmap,
  encodeResourceData,
  withZeros,
} from "./admin_command.ts";

Deno.test("a command has the standard's offsets, and a whole number of words", () => {
  const bytes = encodeAdminCommand(0x0a, Uint8Array.of(1, 2, 3));
  strictEqual(bytes.toHex(), "0a00" + "00".repeat(22) + "0102030000000000");
  bytes.set([2, 1], 2);
  bytes.set([5], 16);
  const { opcode, groupType, memberId, data } = decodeAdminCommand(bytes);
  deepStrictEqual([opcode, groupType, memberId], [0x0a, 0x0102, 5]);
  strictEqual(data.toHex(), "0102030000000000");
});

Deno.test("what a short command lacks counts as zeros", () => {
  for (let length = 0; length < 24; length++) {
    const whole = encodeAdminCommand(AdminOpcode.ListUse);
    whole.fill(0xff, 4, 16);
    const command = decodeAdminCommand(whole.slice(0, length));
    strictEqual(command.opcode, length > 0 ? 1 : 0);
    strictEqual(command.groupType, 0);
    strictEqual(command.memberId, 0);
    strictEqual(command.data.length, 0);
  }
  strictEqual(withZeros(Uint8Array.of(7), 4).getUint32(0, true), 7);
});

Deno.test("a member beyond what numbers hold is not member 0", () => {
  const bytes = encodeAdminCommand(AdminOpcode.ListQuery);
  bytes[23] = 0x80;
  strictEqual(Number.isNaN(decodeAdminCommand(bytes).memberId), true);
});

Deno.test("an outcome has the standard's offsets", () => {
  const outcome = {
    status: AdminStatus.Exists,
    qualifier: AdminQualifier.InvalidField,
    result: Uint8Array.of(9),
  };
  const bytes = encodeAdminOutcome(outcome);
  strictEqual(bytes.toHex(), "1100030000000000" + "09");
  deepStrictEqual(decodeAdminOutcome(bytes), outcome);
});

Deno.test("bitmaps are arrays of 64-bit words", () => {
  strictEqual(encodeBitmap([0, 1, 7, 13]).toHex(), "8320000000000000");
  // Capability 0x0801 is bit 1 of word 32 (virtio 1.4 §2.13.1).
  const ids = encodeBitmap([0x0800, 0x0801]);
  strictEqual(ids.length, 264);
  strictEqual(ids[256], 3);
  deepStrictEqual(decodeBitmap(ids), [0x0800, 0x0801]);
  strictEqual(encodeBitmap([]).length, 8);
});

Deno.test("the data of a resource object's command has the standard's offsets", () => {
  strictEqual(
    encodeResourceData(0x0201, 0x01020304, Uint8Array.of(5)).toHex(),
    "01020000" + "04030201" + "0000000000000000" + "05",
  );
});
