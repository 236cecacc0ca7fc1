import { deepStrictEqual } from "node:assert/strict";

const readJson = async (name: string) =>
  JSON.parse(await Deno.readTextFile(new URL(`../${name}`, import.meta.url)));

Deno.test("a first start of the device fetches what its import map names, nothing of the benches", async () => {
  const { imports } = await readJson("deno.json");
  const { specifiers } = await readJson("deno.lock");
  deepStrictEqual(
    Object.keys(specifiers).sort(),
    Object.values(imports).sort(),
  );
});
