/**
 * A report to send in, of a machine that the authors do not have:
 *
 *     deno task report [--qat] [--output FILE]
 *
 * Runs the tests that boot a Linux guest, with KVM; with `--qat` those of a QAT card
 * and the conformance kit on it besides. Prints a report in Markdown, which names
 * no host and no user. Needs what `tests/guest/fetch.sh` fetches.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { probeBackends } from "../../mod.ts";
import { Mistake, runTask, taskWords } from "../../testing/task.ts";
import { guestParts } from "../guest/guest.ts";
import { hostLines, withoutKvm, withoutNames } from "./host.ts";
import { outcomeLines, outcomesIn } from "./outcomes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LAST_LINES = 60;

const GUEST_TESTS = ["tests/guest"];
const QAT_TESTS = ["backends/qat", "conformance/qat_test.ts"];

/** Runs a program of the repository; what it says comes on the terminal, too. */
async function run(
  ...words: string[]
): Promise<{ code: number; text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: words,
    cwd: ROOT,
    env: { NO_COLOR: "1", VHOST_CRYPTO_KVM: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    await Deno.stderr.write(new TextEncoder().encode(part));
  }
  return { code: (await child.status).code, text };
}

/** The part of a report about some tests. */
async function testPart(
  title: string,
  paths: readonly string[],
): Promise<{ failed: boolean; lines: string[] }> {
  const start = performance.now();
  const { code, text } = await run(
    ...["test", "-A", "--no-check", "--reporter=tap", ...paths],
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const last = text.trimEnd().split("\n").slice(-LAST_LINES);
  const details = code === 0 ? [] : ["", "```text", ...last, "```"];
  const lines = outcomeLines(outcomesIn(text));
  return {
    failed: code !== 0,
    lines: [`## ${title}, ${seconds} s`, "", ...lines, ...details, ""],
  };
}

async function conformancePart(backend: string) {
  const { code, text } = await run("run", "-A", "conformance/main.ts", backend);
  const last = text.trimEnd().split("\n").slice(-LAST_LINES);
  return {
    failed: code !== 0,
    lines: [`## Conformance of ${backend}`, "", "```text", ...last, "```", ""],
  };
}

async function requireCard(): Promise<void> {
  const [found] = await probeBackends(["qat"]);
  const { ready, missing } = found!.probe;
  if (ready) return;
  const what = missing.map((one) => `${one.what} (${one.remedy})`).join("; ");
  throw new Mistake(`This machine has no QAT card that can be used: ${what}`);
}

async function requireGuest(): Promise<void> {
  const reason = withoutKvm();
  if (reason !== undefined) {
    throw new Mistake(`This machine has no KVM that can be used: ${reason}`);
  }
  const found = await guestParts();
  if (!found.ok) throw new Mistake(`Guests cannot be run: ${found.missing}`);
}

async function main(args: string[]): Promise<number> {
  const { values } = taskWords({
    args,
    options: { qat: { type: "boolean" }, output: { type: "string" } },
  });
  await requireGuest();
  if (values.qat) await requireCard();
  const parts = [await testPart("Guests on KVM", GUEST_TESTS)];
  if (values.qat) {
    parts.push(await testPart("A QAT card", QAT_TESTS));
    parts.push(await conformancePart("qat"));
  }
  const text = [
    ...["# Report on vhost-device-crypto", ""],
    ...[...await hostLines(ROOT), ""],
    ...parts.flatMap(({ lines }) => lines),
  ].join("\n");
  // What has failed is told with the paths of files.
  const report = withoutNames(text, {
    root: ROOT,
    home: Deno.env.get("HOME"),
    host: Deno.hostname(),
  });
  console.log(report);
  if (values.output !== undefined) {
    await Deno.writeTextFile(values.output, report);
  }
  return parts.some(({ failed }) => failed) ? 1 : 0;
}

if (import.meta.main) {
  await runTask({
    usage: "report [--qat] [--output FILE]",
    about:
      "boots Linux guests with KVM, with --qat uses a QAT card besides, and " +
      "prints a\nreport to send in, which names no host and no user",
  }, main);
}
