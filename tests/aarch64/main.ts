/**
 * Runs the suites of {@linkcode SUITES} on aarch64: with this Deno where it is
 * one for aarch64, else with one under QEMU's user-mode emulation, which runs the
 * instructions of aarch64 but keeps the order of memory accesses of the machine
 * that it runs on.
 *
 *     deno task test:aarch64 [SUITE]...
 *
 * Fetches what it needs into the cache. Ends with 1 where a suite fails, takes
 * too long, or a part is missing.
 *
 * @module
 */

import { LEFT_OUT, type Suite, SUITES } from "./suites.ts";
import { Mistake, runTask } from "../../testing/task.ts";

/** A program that begins with `deno`, and its environment. */
interface Runner {
  readonly program: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly isEmulated: boolean;
}

/** What became of a suite. */
interface Verdict {
  readonly suite: Suite;
  readonly passed: boolean;
  readonly text: string;
}

function cacheFolder(): string {
  const named = Deno.env.get("VHOST_CRYPTO_AARCH64_CACHE");
  if (named) return named;
  const caches = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME")}/.cache`;
  return `${caches}/vhost-device-crypto/aarch64`;
}

async function succeeds(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const child = new Deno.Command(command, { args: [...args], env }).spawn();
  return (await child.status).success;
}

/** Fetches what is missing; a string says what could not be had. */
async function findRunner(): Promise<Runner | string> {
  if (Deno.build.arch === "aarch64") {
    return { program: [Deno.execPath()], env: {}, isEmulated: false };
  }
  const version = Deno.version.deno;
  const fetch = new URL("./fetch.sh", import.meta.url).pathname;
  if (!await succeeds(fetch, [version])) {
    return `a part is missing; ${fetch} ${version} says which`;
  }
  const cache = cacheFolder();
  // What this Deno has cached for itself would be of another processor.
  const env = { DENO_DIR: `${cache}/deno-dir` };
  const files = ["mod.ts", "cli/main.ts", "tests/standard/setups.ts"];
  if (!await succeeds(Deno.execPath(), ["cache", "-q", ...files], env)) {
    return "the packages of deno.json cannot be fetched from npm";
  }
  return {
    program: [
      `${cache}/emulator/usr/bin/qemu-aarch64`,
      "-L",
      `${cache}/libraries`,
      `${cache}/deno-${version}/package/deno`,
    ],
    env,
    isEmulated: true,
  };
}

async function runSuite(runner: Runner, suite: Suite): Promise<Verdict> {
  const [command, ...before] = runner.program;
  const started = performance.now();
  const child = new Deno.Command(command, {
    args: [
      ...before,
      ...["test", "-q", "-A", "--no-check", "--cached-only"],
      ...suite.paths,
    ],
    env: { ...runner.env, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isOverdue = false;
  const timer = setTimeout(() => {
    isOverdue = true;
    child.kill("SIGKILL");
  }, suite.limitSeconds * 1000);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const text = new TextDecoder().decode(stdout) +
    new TextDecoder().decode(stderr);
  const summary = text.match(/^(?:ok|FAILED) \| .*$/m)?.[0];
  const passed = success && summary !== undefined;
  const outcome = isOverdue
    ? `NOT at its end after ${suite.limitSeconds} s`
    : summary ?? "FAILED before its end";
  const details = passed ? "" : `\n${text}`;
  return { suite, passed, text: `${outcome}, ${seconds} s${details}` };
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.find((name) =>
    !SUITES.some((suite) => suite.name === name)
  );
  if (unknown !== undefined) {
    const known = SUITES.map(({ name }) => name).join(", ");
    throw new Mistake(`Cannot run suite "${unknown}": expected ${known}`);
  }
  const runner = await findRunner();
  if (typeof runner === "string") {
    console.error(`Cannot run tests on aarch64: ${runner}`);
    return 1;
  }
  if (runner.isEmulated) {
    for (const { paths, why } of LEFT_OUT) {
      console.log(`left out: ${paths.join(", ")} (${why})`);
    }
  }
  const waiting = SUITES.filter(({ name }) =>
    names.length === 0 || names.includes(name)
  );
  let failed = 0;
  const lane = async () => {
    for (let suite = waiting.shift(); suite; suite = waiting.shift()) {
      const verdict = await runSuite(runner, suite);
      if (!verdict.passed) failed++;
      console.log(`${suite.name}: ${verdict.text}`);
    }
  };
  // Each suite keeps a processor busy; those with threads leave some idle.
  const lanes = Math.max(1, Math.min(2, navigator.hardwareConcurrency));
  await Promise.all(Array.from({ length: lanes }, lane));
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  await runTask({
    usage: "test:aarch64 [SUITE]...",
    about: `runs tests on aarch64: ${
      SUITES.map(({ name }) => name).join(", ")
    }`,
  }, main);
}
