import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { connectVhostUser, Driver } from "../../driver/mod.ts";
import { exists, untilExists } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import { type Project, projectWithProgram } from "./installed.ts";
import { PACKAGES, run } from "./parts.ts";

/** No registry answers, and nothing is cached. */
async function offline({ folder }: Project) {
  const home = join(folder, "home");
  await Deno.mkdir(home, { recursive: true });
  const nowhere = "http://127.0.0.1:9";
  return {
    HOME: home,
    DENO_DIR: join(home, "deno"),
    npm_config_registry: nowhere,
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
  };
}

const programIn = ({ folder }: Project): string =>
  join(folder, "node_modules/.bin/vhost-device-crypto");

/** A request needs all of the device, its queue threads too. */
async function hashOver(socketPath: string): Promise<number> {
  const link = await connectVhostUser(socketPath, { memoryBytes: 2 ** 21 });
  await using driver = await Driver.start(link);
  await using hash = await driver.hash({ algorithm: "sha256" });
  return (await hash.digest(new TextEncoder().encode("abc")))[0]!;
}

/** Starts the program with the noble backend. */
function start(
  project: Project,
  env: Readonly<Record<string, string>>,
  words: readonly string[],
): Deno.ChildProcess {
  return new Deno.Command(programIn(project), {
    args: [...words, "--backend", "noble"],
    cwd: "/",
    env,
    stdout: "null",
    stderr: "null",
  }).spawn();
}

testWith(
  PACKAGES,
  "the installed program serves and ends without any network",
  async () => {
    await using project = await projectWithProgram();
    const env = await offline(project);
    const probe = await run(programIn(project), ["probe"], { cwd: "/", env });
    strictEqual(probe.code, 0, probe.stderr);
    match(probe.stdout, /^noble: ready/m);

    const socket = join(project.folder, "crypto.sock");
    const child = start(project, env, ["serve", "--socket-path", socket]);
    await untilExists(socket);
    strictEqual(await hashOver(socket), 0xba);
    child.kill("SIGTERM");
    deepStrictEqual(
      [(await child.status).code, await exists(socket)],
      [0, false],
    );
    // It has written nothing either, but what Deno keeps of its own.
    const files = await Array.fromAsync(Deno.readDir(env.HOME));
    deepStrictEqual(files.map(({ name }) => name), ["deno"]);
  },
);

for (
  const [name, words] of [
    ["supervised", ["supervise", "--"]],
    ["with a process for each guest", ["serve", "--isolate"]],
  ] as const
) {
  testWith(PACKAGES, `the installed program serves ${name}`, async () => {
    await using project = await projectWithProgram();
    const env = await offline(project);
    const socket = join(project.folder, "crypto.sock");
    const child = start(project, env, [...words, "--socket-path", socket]);
    await untilExists(socket);
    strictEqual(await hashOver(socket), 0xba);
    child.kill("SIGTERM");
    strictEqual((await child.status).code, 0);
  });
}

testWith(
  PACKAGES,
  "the installed program answers mistakes with its exit code and one line",
  async () => {
    await using project = await projectWithProgram();
    const env = await offline(project);
    const { code, stderr } = await run(programIn(project), ["serv"], { env });
    strictEqual(code, 2);
    match(stderr, /^vhost-device-crypto: [^\n]*"serv"[^\n]*\n$/);
  },
);

testWith(
  PACKAGES,
  "without its Deno the installed program says what is missing",
  async () => {
    await using project = await projectWithProgram();
    const modules = join(project.folder, "node_modules");
    await Deno.remove(join(modules, "deno"), { recursive: true });
    const env = await offline(project);
    // Where npm ran no scripts, the binary is in a package of its own.
    strictEqual((await run(programIn(project), ["--help"], { env })).code, 0);
    await Deno.remove(join(modules, "@deno"), { recursive: true });
    const { code, stderr } = await run(programIn(project), [], { env });
    strictEqual(code, 1);
    match(
      stderr,
      /^vhost-device-crypto: cannot find the package deno: [^\n]+\n$/,
    );
  },
);
