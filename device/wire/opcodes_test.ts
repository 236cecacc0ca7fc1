import { deepEqual, equal } from "node:assert/strict";
import {
  createOpcode,
  destroyOpcode,
  isCreateOpcode,
  isDataOpcode,
  isDestroyOpcode,
  serviceNumber,
  SERVICES,
} from "./opcodes.ts";

const range = Array.from({ length: 0x700 }, (_, opcode) => opcode);

Deno.test("the data queues know the standard's opcodes and no other", () => {
  deepEqual(range.filter(isDataOpcode), [
    ...[0x000, 0x001, 0x100, 0x200, 0x300, 0x301],
    ...[0x400, 0x401, 0x402, 0x403],
  ]);
  for (const opcode of [0x10000, 0x80000000, 0xffffffff, 0xffffff00]) {
    equal(isDataOpcode(opcode), false, `${opcode}`);
  }
});

Deno.test("the control queue knows the standard's opcodes and no other", () => {
  deepEqual(range.filter(isCreateOpcode), [0x002, 0x102, 0x202, 0x302, 0x404]);
  deepEqual(range.filter(isDestroyOpcode), [0x003, 0x103, 0x203, 0x303, 0x405]);
  for (const opcode of [0x10002, 0x80000003, 0xffffffff]) {
    equal(isCreateOpcode(opcode), false, `${opcode}`);
    equal(isDestroyOpcode(opcode), false, `${opcode}`);
  }
});

Deno.test("services and opcodes lead to each other", () => {
  deepEqual(SERVICES.map(serviceNumber), [0, 1, 2, 3, 4]);
  deepEqual(SERVICES.map(serviceNumber).map(createOpcode), [
    ...[0x002, 0x102, 0x202, 0x302, 0x404],
  ]);
  deepEqual(SERVICES.map(serviceNumber).map(destroyOpcode), [
    ...[0x003, 0x103, 0x203, 0x303, 0x405],
  ]);
});
