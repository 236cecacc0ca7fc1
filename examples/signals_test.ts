import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../testing/files.ts";

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

/** Each demo, a line by which its device is there, and what a shell says of its end. */
const CASES = [
  ["restart.ts", "kill 1:", "SIGTERM", 143],
  ["demo.ts", "Data: ", "SIGTERM", 143],
  ["demo.ts", "Data: ", "SIGHUP", 129],
] as const;

for (const [file, line, signal, code] of CASES) {
  Deno.test(`${signal} to ${file} leaves no process and no file`, async () => {
    await using folder = await temporaryFolder();
    const program = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", fileURLToPath(new URL(file, import.meta.url))],
      env: { TMPDIR: folder.path },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = program.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    let said = "";
    while (!said.includes(line)) {
      const { value, done } = await reader.read();
      if (done) break;
      said += value;
    }
    const end = performance.now() + 20_000;
    while (processesOf(folder.path).length === 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    ok(processesOf(folder.path).length > 0, said);
    program.kill(signal);
    strictEqual((await program.status).code, code, said);
    await reader.cancel();
    deepStrictEqual(processesOf(folder.path), []);
    deepStrictEqual([...Deno.readDirSync(folder.path)], []);
  });
}
