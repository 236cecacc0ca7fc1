import { match, strictEqual } from "node:assert/strict";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;
const PLUGIN = join(ROOT, "examples/custom_backend.ts");

interface Settings {
  readonly name: string;
  readonly version: string;
}

/** A project that has this one for a package, and one backend. */
async function makeProject(
  folder: string,
  packageName: string,
): Promise<void> {
  const text = await Deno.readTextFile(PLUGIN);
  const backend = text.replace('"../mod.ts"', `"${packageName}/backend"`);
  await Deno.writeTextFile(join(folder, "backend.ts"), backend);
  const settings = JSON.stringify({ links: [ROOT] });
  await Deno.writeTextFile(join(folder, "deno.json"), settings);
}

Deno.test("a plugin's author runs the kit from the package, without a clone", async () => {
  const settings = await Deno.readTextFile(join(ROOT, "deno.json"));
  const { name, version } = JSON.parse(settings) as Settings;
  const packageName = `jsr:${name}@${version}`;
  const folder = await Deno.makeTempDir();
  try {
    await makeProject(folder, packageName);
    const args = ["run", "-A", "--cached-only", `${packageName}/conformance`];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, "./backend.ts"],
      cwd: folder,
    }).output();
    const decoder = new TextDecoder();
    strictEqual(code, 0, decoder.decode(stderr));
    match(decoder.decode(stdout), /hash\.sha256 +pass +\d+ checks\n/);
    match(decoder.decode(stdout), /\noffers 4 of 47: 6 passed, 0 failed\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
