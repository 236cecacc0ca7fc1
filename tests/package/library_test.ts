import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import { LIBRARY, type Project, projectWithLibrary } from "./installed.ts";
import { readmeProgram } from "./readme_program.ts";
import {
  BUN,
  NODE,
  outputOf,
  PACKAGES,
  type Program,
  ROOT,
  run,
  TYPESCRIPT,
} from "./parts.ts";

const EVERY_SERVICE = join(ROOT, "tests/package/every_service.js");

const DENO: Program = {
  path: Deno.execPath(),
  ...{ name: "Deno", present: PACKAGES.present, remedy: PACKAGES.remedy },
};

/** Runs `program` in the project, with no permission where there are some. */
async function runIn(
  { folder }: Project,
  runtime: Program,
  program: string,
): Promise<string> {
  const path = join(folder, "program.mjs");
  await Deno.writeTextFile(path, program);
  const args = runtime === DENO
    ? ["run", "--no-prompt", "--cached-only", path]
    : [path];
  return await outputOf(runtime.path, args, { cwd: folder });
}

const USE_EVERY_SERVICE = `
  import * as library from "${LIBRARY}";
  import { useEveryService } from "${EVERY_SERVICE}";
  await useEveryService(library, ["noble"]);
  await useEveryService(library, ["webcrypto", "noble"]);
  console.log("every answer is right");
`;

const ASK_FOR_WHAT_IS_NATIVE = `
  import { connectVhostUser, createDevice, probeBackends } from "${LIBRARY}";
  for (const { backend, probe } of await probeBackends()) {
    const { ready, missing } = probe;
    console.log(backend.name, ready, missing.map(({ what }) => what).join());
  }
  const tell = ({ message }) => console.log(message);
  await createDevice({ backends: ["openssl"] }).catch(tell);
  await connectVhostUser("/s", { memoryBytes: 65536 }).catch(tell);
`;

for (const runtime of [DENO, NODE, BUN]) {
  testWith(
    runtime,
    `the installed library runs every service under ${runtime.name}`,
    async () => {
      await using project = await projectWithLibrary();
      const said = await runIn(project, runtime, USE_EVERY_SERVICE);
      strictEqual(said, "every answer is right\n");
    },
  );
}

for (const runtime of [DENO, NODE, BUN]) {
  testWith(
    runtime,
    `the README's program runs in an empty folder under ${runtime.name}`,
    async () => {
      await using project = await projectWithLibrary();
      const said = await runIn(project, runtime, await readmeProgram());
      strictEqual(said, "sealed 30\n");
    },
  );
}

for (const runtime of [NODE, BUN]) {
  testWith(
    runtime,
    `under ${runtime.name} what is native says that it needs Deno`,
    async () => {
      await using project = await projectWithLibrary();
      const said = await runIn(project, runtime, ASK_FOR_WHAT_IS_NATIVE);
      match(said, /^openssl false the foreign functions of Deno, /m);
      match(said, /^noble true $/m);
      match(said, /^webcrypto true $/m);
      match(said, /^Cannot use backend "openssl": the foreign functions of D/m);
      match(said, /^Cannot open libc\.so\.6: it needs the foreign functions /m);
    },
  );
}

testWith(
  NODE,
  "noble passes the whole conformance kit under Node",
  async () => {
    await using project = await projectWithLibrary();
    const said = await runIn(
      project,
      NODE,
      `import { loadBackend } from "${LIBRARY}";
       import { checkBackend, formatReport } from "${LIBRARY}/conformance";
       const report = checkBackend(await loadBackend("noble"));
       console.log(report.passed ? "passed" : formatReport(report));`,
    );
    strictEqual(said, "passed\n");
  },
);

/** Types that a user sees, and one mistake that they have to tell. */
const TYPED = `
  import { createDevice, type DeviceOptions, Driver } from "${LIBRARY}";
  import { type Backend, CONTRACT_VERSION } from "${LIBRARY}/backend";
  import { checkBackend } from "${LIBRARY}/conformance";
  import { connectVhostUser } from "${LIBRARY}/driver";
  import { main } from "${LIBRARY}/cli";
  const options: DeviceOptions = { backends: ["noble"] };
  const driver = await Driver.start(await createDevice(options));
  const hash = await driver.hash({ algorithm: "sha256" });
  export const digest: Uint8Array = await hash.digest(new Uint8Array(3));
  // @ts-expect-error: a number is no data
  await hash.digest(3);
  export const name: (backend: Backend) => string = ({ name }) => name;
  export { checkBackend, connectVhostUser, CONTRACT_VERSION, main };
`;

testWith(
  TYPESCRIPT,
  "TypeScript takes the library's types without those of Deno",
  async () => {
    await using project = await projectWithLibrary();
    await Deno.writeTextFile(join(project.folder, "typed.ts"), TYPED);
    for (const resolution of ["nodenext", "bundler"]) {
      const module = resolution === "bundler" ? "esnext" : resolution;
      const { stdout } = await run(TYPESCRIPT.path, [
        ...["--noEmit", "--strict", "--target", "es2022"],
        ...["--lib", "es2024,esnext.disposable,dom"],
        ...["--module", module, "--moduleResolution", resolution, "typed.ts"],
      ], { cwd: project.folder });
      strictEqual(stdout, "");
    }
  },
);

testWith(
  PACKAGES,
  "the library's package is JavaScript, types and texts",
  async () => {
    await using project = await projectWithLibrary();
    const folder = join(project.folder, "node_modules", LIBRARY);
    const found = await outputOf("find", [folder, "-type", "f"]);
    const paths = found.trim().split("\n")
      .map((path) => path.slice(folder.length + 1));
    const others = paths.filter((path) => !/(\.js|\.d\.ts)$/.test(path));
    deepStrictEqual(others.sort(), [
      ...["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md"],
      ...["THIRD_PARTY_NOTICES.md", "cli/http/page/page.css"],
      ...["cli/http/page/page.html", "package.json"],
    ]);
    ok(paths.includes("device/transport/vhost_user/queue_worker.js"));
    ok(paths.includes("device/lane/lane_worker.js"));
    for (const path of paths) ok(!path.includes("_test"), path);
  },
);

testWith(PACKAGES, "no binary comes with the library", async () => {
  await using project = await projectWithLibrary();
  const modules = join(project.folder, "node_modules");
  const names = await Array.fromAsync(Deno.readDir(modules));
  deepStrictEqual(
    names.map(({ name }) => name).filter((name) => !name.startsWith("."))
      .sort(),
    ["@noble", "@vhost-device-crypto", "node-forge"],
  );
});

Deno.test("a program in any folder imports the clone by its path", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "program.ts");
  const program = USE_EVERY_SERVICE.replace(LIBRARY, join(ROOT, "mod.ts"));
  await Deno.writeTextFile(path, program);
  const args = ["run", "--no-prompt", "--no-check", path];
  const said = await outputOf(Deno.execPath(), args, { cwd: folder.path });
  strictEqual(said, "every answer is right\n");
});
