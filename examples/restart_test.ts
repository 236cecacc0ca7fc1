import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Driver } from "../mod.ts";
import { connectVhostUser } from "../driver/vhost_user_front_end.ts";
import { temporaryFolder } from "../testing/files.ts";
import { ToyDevice } from "../testing/toy_device.ts";
import { ComparedLoad } from "./demo/compared_load.ts";
import { DeviceProcess } from "./demo/device_process.ts";
import { showKills } from "./demo/kills.ts";

const PROGRAM = new URL("restart.ts", import.meta.url).pathname;

Deno.test("the restart demo kills the device twice and loses nothing", async () => {
  await using device = await DeviceProcess.start("noble", ["supervise", "--"]);
  const link = await connectVhostUser(device.socketPath, {
    memoryBytes: 1024 * 1024,
  });
  await using driver = await Driver.start(link);
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  ok(await showKills(device, driver, 2, 200, say), lines.join("\n"));
  strictEqual(lines.length, 3);
  match(lines[0]!, /^kill 1: \d+ requests so far, a pause of \d+ ms$/);
  match(lines[2]!, /^\n[1-9]\d* requests, 0 lost, 0 wrong$/);
});

Deno.test("the restart demo notices a device that computes wrongly", async () => {
  await using driver = await Driver.start(new ToyDevice("virtio", 1 << 24));
  const load = new ComparedLoad(driver);
  await load.nextAnswer();
  await load.stop();
  strictEqual(load.wrong, load.answered);
});

/** Command lines that name `folder`. */
function processesOf(folder: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      if (words.includes(folder)) found.push(words);
    } catch {
      // It has ended.
    }
  }
  return found;
}

Deno.test("a restart demo that is told to end leaves no process and no file", async () => {
  await using folder = await temporaryFolder();
  const program = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM],
    env: { TMPDIR: folder.path },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = program.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  let said = "";
  while (!said.includes("kill 1:")) {
    const { value, done } = await reader.read();
    if (done) break;
    said += value;
  }
  ok(processesOf(folder.path).length > 0, said);
  program.kill("SIGTERM");
  strictEqual((await program.status).code, 130, said);
  await reader.cancel();
  deepStrictEqual(processesOf(folder.path), []);
  deepStrictEqual([...Deno.readDirSync(folder.path)], []);
});
