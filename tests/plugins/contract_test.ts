import type { OperationsBackend } from "../../backends/backend.ts";
import { rejects, strictEqual, throws } from "node:assert/strict";
import type { BackendThread } from "../../backends/backend.ts";
import { backendSpecifier, loadBackend } from "../../backends/registry.ts";

const module = (code: string) =>
  `data:text/typescript,${encodeURIComponent(code)}`;

Deno.test("a plugin that breaks the contract is refused with module, member and rule", async () => {
  const refused = async (code: string, expected: RegExp) =>
    await rejects(loadBackend(module(code)), expected);
  await refused("export const x = 1", /its default export is undefined/);
  await refused("export default 3", /its default export is number/);
  await refused("export default { contract: 3 }", /contract is 3, expected 2/);
  await refused(
    "export default { contract: 1, name: 'My Backend' }",
    /name is "My Backend", expected lower-case/,
  );
  await refused(
    "export default { contract: 2, name: 'mine', runs: 'fast' }",
    /runs is "fast", expected one of operations, bursts/,
  );
  for (const limit of ["inFlight: 0", "deadlineMs: 'long'"]) {
    await refused(
      `export default { contract: 2, name: 'mine', runs: 'asynchronous', ${limit} }`,
      /(inFlight is 0|deadlineMs is "long"), expected an integer of 1 or more/,
    );
  }
  await refused(
    "export default { contract: 1, name: 'mine', probe() {} }",
    /backend.open is undefined, expected a function/,
  );
  await refused("throw new Error('no such card')", /no such card/);
});

Deno.test("what a plugin's methods return is looked at too", async () => {
  const backend = async (probe: string, thread: string) =>
    await loadBackend(module(
      `export default { contract: 1, name: "mine", probe: () => (${probe}), ` +
        `open: () => (${thread}) }`,
    )) as OperationsBackend;
  const good = `{ ready: true, version: "1", offers: [], missing: [], ` +
    `notOffered: {} }`;
  const unready = await backend("{}", "{}");
  throws(() => unready.probe({}), /probe\(\).ready is no boolean/);
  const unknown = await backend(
    good.replace("offers: []", `offers: [{ algorithm: "cipher.rot13" }]`),
    "{}",
  );
  throws(() => unknown.probe({}), /names "cipher.rot13"/);
  for (const name of ["rsaPrimes", "fromBytes", "belowBytes"]) {
    const odd = await backend(
      good.replace("[]", `[{ algorithm: "hash.sha256", ${name}: "9" }]`),
      "{}",
    );
    throws(() => odd.probe({}), new RegExp(`has ${name} "9", expected an int`));
  }
  const threadless = await backend(good, "{ run() {} }");
  throws(() => threadless.open({}), /open\(\).openSession is undefined/);
  const methods = "openSession() {}, closeSession() {}, run() {}, close() {}";
  for (const member of ["poll", "health"]) {
    for (const value of ["3", "null", "Promise.resolve()"]) {
      const odd = await backend(good, `{ ${methods}, ${member}: ${value} }`);
      throws(
        () => odd.open({}),
        new RegExp(
          `open\\(\\).${member} is (number|object), expected a function`,
        ),
      );
    }
    const absent = await backend(good, `{ ${methods}, ${member}: undefined }`);
    strictEqual((absent.open({}) as BackendThread).poll, undefined);
  }
  const promised = await backend(good, "Promise.resolve({})");
  throws(() => promised.open({}), /open\(\) returned a promise/);
});

Deno.test("backendSpecifier() tells built-in names, paths and packages apart", () => {
  const base = new URL("file:///home/someone/");
  strictEqual(backendSpecifier("noble", base), "noble");
  strictEqual(
    backendSpecifier("./mine.ts", base),
    "file:///home/someone/mine.ts",
  );
  strictEqual(backendSpecifier("/a/mine.js", base), "file:///a/mine.js");
  throws(
    () => backendSpecifier("opnssl", base),
    /Cannot find backend "opnssl"/,
  );
  strictEqual(backendSpecifier("npm:x@1", base), "npm:x@1");
});
