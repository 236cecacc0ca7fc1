import { strictEqual } from "node:assert/strict";
import { sizeArgument } from "./size_argument.ts";

Deno.test("a length is itself as an argument, whatever was asked for before", () => {
  for (const length of [0, 1, 4095, 4096, 5000, 4096, 0, 2 ** 31 - 1, 5000]) {
    strictEqual(sizeArgument(length), BigInt(length));
  }
});
