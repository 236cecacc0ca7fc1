import { ok, strictEqual } from "node:assert/strict";
import { nativeBuffer, openLibc } from "./libc.ts";
import { openFilesLimit, raiseOpenFilesLimit } from "./libc_limits.ts";

const libc = openLibc();

Deno.test("the limit of open files is raised as far as a process may", () => {
  const library = Deno.dlopen("libc.so.6", {
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const hard = raiseOpenFilesLimit(libc);
  ok(hard >= 256, `${hard}`);
  strictEqual(openFilesLimit(libc), hard);
  const limits = nativeBuffer(16);
  new BigUint64Array(limits.buffer).set([250n, BigInt(hard)]);
  strictEqual(library.symbols.setrlimit(7, limits), 0);
  strictEqual(openFilesLimit(libc), 250);
  strictEqual(raiseOpenFilesLimit(libc), hard);
  strictEqual(openFilesLimit(libc), hard);
  library.close();
});
