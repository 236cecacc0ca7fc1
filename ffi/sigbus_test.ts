// Processes of their own, most of which end.

import { deepStrictEqual, ok } from "node:assert/strict";

const SCRIPT = new URL("../testing/missing_pages.ts", import.meta.url).href;

async function touch(way: string) {
  const { code, signal, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    { args: ["run", "-A", "--no-check", SCRIPT, way], env: { NO_COLOR: "1" } },
  ).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const said = text(stdout);
  ok(said !== "" || signal !== null, `${code}: ${text(stderr)}`);
  return { signal, said: said === "" ? undefined : JSON.parse(said) };
}

for (const way of ["covered", "room for a page"]) {
  Deno.test(`a missing page of covered memory is zeros from then on: ${way}`, async () => {
    deepStrictEqual(await touch(way), {
      signal: null,
      said: { found: 0, kept: 9, losses: ["covered"] },
    });
  });
}

for (const way of ["uncovered", "beside", "sent", "no room"]) {
  Deno.test(`what is no missing page of covered memory ends the process: ${way}`, async () => {
    deepStrictEqual(await touch(way), { signal: "SIGBUS", said: undefined });
  });
}
