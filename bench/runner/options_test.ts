import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { parseBenchOptions } from "./options.ts";

const parse = (...words: string[]) =>
  parseBenchOptions(["--backend", "openssl", ...words], {
    seconds: 0.5,
    rounds: 10,
  });

Deno.test("--dpdk alone starts it, and with a socket and a process takes those", async () => {
  strictEqual((await parse()).dpdk, undefined);
  strictEqual((await parse("--dpdk")).dpdk, "start");
  const { dpdk, rounds } = await parse("--dpdk", "--rounds", "2");
  deepStrictEqual([dpdk, rounds], ["start", 2]);
  for (const words of [["--dpdk", "/run/a,b,17"], ["--dpdk=/run/a,b,17"]]) {
    deepStrictEqual((await parse(...words)).dpdk, {
      socketPath: "/run/a,b",
      pid: 17,
    });
  }
});

Deno.test("a word that says nothing is refused by name", async () => {
  await rejects(parse("--dpdk=/run/a"), /--dpdk \/run\/a: expected SOCKET,PID/);
  await rejects(parse("--rounds", "many"), /--rounds many: expected a number/);
  await rejects(parse("--seconds", "0"), /--seconds 0: expected a number/);
});
