import { deepStrictEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { makePage, serveFiles } from "../../examples/browser/main.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";
import { LIBRARY, projectWithLibrary } from "./installed.ts";
import {
  BROWSER,
  ESBUILD,
  outputOf,
  ROOT,
  type Visit,
  visit,
} from "./parts.ts";
import { readmeProgram } from "./readme_program.ts";

testWith(
  BROWSER,
  "the example page seals, opens and hashes a text in Chromium",
  async () => {
    await using server = serveFiles(await makePage(), 0);
    const url = `http://localhost:${server.addr.port}/`;
    const { text, complaints, isIsolated } = await visit(
      ...[url, "#run", "#lines", "MB/s|Error"] as const,
    );
    match(text, /^AES-256-GCM {2}[0-9a-f]{134}$/m);
    match(text, /^decrypted {4}The way of a request: ring/m);
    match(text, /^SHA-256 {6}[0-9a-f]{64}$/m);
    deepStrictEqual(complaints, []);
    // So the rings were in ordinary memory.
    ok(!isIsolated);
  },
);

/** What the page runs, in a file of its own with all that it imports. */
const PROGRAM = `
  import * as library from "${LIBRARY}";
  import { useEveryService } from "${
  join(ROOT, "tests/package/every_service.js")
}";
  const answer = document.querySelector("#answer");
  document.querySelector("#run").addEventListener("click", async () => {
    try {
      if (typeof SharedArrayBuffer !== "undefined") throw "memory is shared";
      await useEveryService(library, ["noble"]);
      await useEveryService(library, ["webcrypto", "noble"]);
      answer.textContent = "every answer is right";
    } catch (error) {
      answer.textContent = "wrong: " + error;
    }
  });
`;
const PAGE = `<!DOCTYPE html><link rel="icon" href="data:,">` +
  `<button id="run">Run</button><p id="answer"></p>` +
  `<script type="module" src="program.js"></script>`;

const BROWSER_AND_BUNDLER: RealPart = {
  ...BROWSER,
  present: BROWSER.present && ESBUILD.present,
  name: `${BROWSER.name} and esbuild`,
};

/** What a page answers whose script is `program` with all that it imports. */
async function answerOf(program: string): Promise<Visit> {
  await using project = await projectWithLibrary();
  const source = join(project.folder, "program.mjs");
  const bundle = join(project.folder, "bundle.js");
  await Deno.writeTextFile(source, program);
  await outputOf(ESBUILD.path, [
    ...[source, "--bundle", "--format=esm", "--platform=browser"],
    ...[`--outfile=${bundle}`, "--log-level=error"],
  ], { cwd: project.folder });
  const file = (body: string, type: string) =>
    new Response(body, { headers: { "content-type": type } });
  const files = new Map([
    ["/", file(PAGE, "text/html")],
    ["/program.js", file(await Deno.readTextFile(bundle), "text/javascript")],
  ]);
  await using server = serveFiles(files, 0);
  const url = `http://localhost:${server.addr.port}/`;
  return await visit(url, "#run", "#answer", ".");
}

testWith(
  BROWSER_AND_BUNDLER,
  "the installed library, bundled with nothing left out, runs every service in Chromium",
  async () => {
    const { text, complaints } = await answerOf(PROGRAM);
    deepStrictEqual([text, complaints], ["every answer is right", []]);
  },
);

testWith(
  BROWSER_AND_BUNDLER,
  "the README's program runs in a page",
  async () => {
    const program = await readmeProgram();
    const { text, complaints } = await answerOf(
      `${program}document.querySelector("#answer").textContent = sealed.length;`,
    );
    deepStrictEqual([text, complaints], ["30", []]);
  },
);
