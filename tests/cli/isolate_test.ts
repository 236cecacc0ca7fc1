import assert from "node:assert/strict";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { runCommand, ServeProcess } from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { eventually } from "../../testing/vhost_user_server.ts";

const WORDS = ["--isolate", "--backend", "noble"];

/** Processes whose parent is `pid`, by the socket that they are started for. */
function children(pid: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const parent = Number(
        stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1],
      );
      if (parent !== pid) continue;
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      found.set(words[words.indexOf("isolated") + 1]!, Number(name));
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

/** A device with a process for each of two sockets. */
async function startTwo(folder: string) {
  const paths = [`${folder}/0`, `${folder}/1`] as const;
  const device = await ServeProcess.start(
    `${paths[1]}: listening at`,
    ...["--socket-path", `${folder}/%i`, "--guests", "2", ...WORDS],
  );
  await device.said(`${paths[0]}: listening at`);
  return { paths, device };
}

Deno.test("each socket has a process, and the death of one is nothing to the other", async () => {
  await using folder = await temporaryFolder();
  const { paths, device: started } = await startTwo(folder.path);
  await using device = started;
  await using first = await attach(paths[0]);
  const second = await attach(paths[1]);
  await encryptSomething(first);
  await encryptSomething(second);
  const before = children(device.pid);
  assert.deepEqual([...before.keys()].sort(), [...paths]);
  Deno.kill(before.get(paths[1])!, "SIGKILL");
  await device.said(
    `error: ${
      paths[1]
    }: its process has ended by SIGKILL, and is started again in 1 s`,
  );
  await encryptSomething(first);
  await second.close();
  await device.said(`${paths[1]}: listening at`, 2);
  await using again = await attach(paths[1]);
  await encryptSomething(again);
  await encryptSomething(first);
  const { code } = await device.end("SIGTERM");
  assert.equal(code, 0, device.log);
  assert.match(device.log, /info: ended\n$/);
  for (const path of paths) assert.equal(await exists(path), false);
});

Deno.test("the counters of all sockets are told by their processes", async () => {
  await using folder = await temporaryFolder();
  const { paths, device: started } = await startTwo(folder.path);
  await using device = started;
  for (const path of paths) {
    await using driver = await attach(path);
    await encryptSomething(driver);
    Deno.kill(device.pid, "SIGUSR2");
    await device.said(`${path}: counted: queue 0 answered 1 request`);
  }
});

Deno.test("no process outlives the one that started it", async () => {
  await using folder = await temporaryFolder();
  const { device: started } = await startTwo(folder.path);
  await using device = started;
  const pids = [...children(device.pid).values()];
  assert.equal(pids.length, 2);
  await device.end("SIGKILL");
  const alive = () =>
    pids.filter((pid) => {
      try {
        return Deno.readTextFileSync(`/proc/${pid}/cmdline`) !== "";
      } catch {
        return false;
      }
    });
  await eventually(() => alive().length === 0, () => `${alive()} live on`);
});

Deno.test("a mistake is one line and exit code 2, and no process stays", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/%i`;
  await Deno.writeTextFile(`${folder.path}/1`, "");
  for (
    const [words, line] of [
      [["--backend", "noble,nobel"], /^[^\n]*nobel[^\n]*\n$/],
      [["--backend", "noble"], /^[^\n]*\/1"[^\n]*\n$/],
    ] as const
  ) {
    const { code, stderr } = await runCommand(
      ...["serve", "--isolate", "--socket-path", path, "--guests", "2"],
      ...words,
    );
    assert.equal(code, 2, stderr);
    assert.match(stderr, line);
    assert.equal(await exists(`${folder.path}/0`), false);
  }
});
