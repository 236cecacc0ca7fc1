/**
 * A real Linux guest on backends of one's choice:
 *
 *     deno task guest [--backend LIST] [--cryptodev]
 *
 * Starts the device, boots the guest of the tests on it, and says what the guest's
 * own checks found and which backend had its sessions. Needs what
 * `tests/guest/fetch.sh` fetches.
 *
 * @module
 */

import { serveDevice } from "../../testing/command_process.ts";
import { Mistake, runTask, taskWords } from "../../testing/task.ts";
import {
  bootGuest,
  type GuestOptions,
  guestParts,
  guestProblems,
  type GuestReport,
} from "./guest.ts";

/** Emulated processors are slow, and so may a backend be. */
const TIMEOUT_MS = 300_000;

/** What the device logs of backends and of where sessions go. */
const WORTH_A_LINE = /(?:info|warn|error): (?:placement|backend|request)\b.*/;

/** How many of `words` there are of each. */
function counts(words: Iterable<string>): string {
  const found = new Map<string, number>();
  for (const word of words) found.set(word, (found.get(word) ?? 0) + 1);
  return [...found].map(([word, count]) => `${count} ${word}`).join(", ");
}

/** What is worth telling of the device's log, times left out. */
function deviceLines(log: string): string[] {
  const told = log.split("\n").flatMap((line) =>
    WORTH_A_LINE.exec(line)?.[0] ?? []
  );
  const sessions = log.matchAll(/ created: .* on (\S+)$/gm);
  const onBackends = [...sessions].map(([, backend]) => `on ${backend}`);
  return [...told, `sessions: ${counts(onBackends) || "none"}`];
}

function guestLines({ boots, seconds }: GuestReport): string[] {
  return boots.map(({ kernel, checks }) => {
    const passed = [...checks].filter(([, reason]) => reason === undefined);
    const tests = passed.map(([name]) => name.split(".")[0]!);
    return `Linux ${kernel}, ${seconds.toFixed(0)} s: ${passed.length} of ` +
      `${checks.size} checks passed (${counts(tests)})`;
  });
}

async function startDevice(backends: string | undefined) {
  const words = backends === undefined ? [] : ["--backend", backends];
  try {
    return await serveDevice(...words, "--log-level", "debug");
  } catch (error) {
    // It has said what is wrong with them.
    throw new Mistake((error as Error).message.trim());
  }
}

async function main(args: string[]): Promise<number> {
  const { values } = taskWords({
    args,
    options: { backend: { type: "string" }, cryptodev: { type: "boolean" } },
  });
  const found = await guestParts();
  if (!found.ok) throw new Mistake(`Guests cannot be run: ${found.missing}`);
  await using device = await startDevice(values.backend);
  const options: GuestOptions = {
    mode: values.cryptodev ? "cryptodev" : "generic",
    qemu: "11.1",
    tests: ["features", "selftest", "aes-kat", "aes-random", "threads"],
    socketPath: device.socketPath,
    timeoutMs: TIMEOUT_MS,
  };
  const report = await bootGuest(options);
  await device.process.end("SIGTERM");
  const problems = guestProblems(options, report);
  console.log([
    ...deviceLines(device.process.log),
    ...guestLines(report),
    ...problems.map((line) => `problem: ${line}`),
  ].join("\n"));
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  await runTask({
    usage: "guest [--backend LIST] [--cryptodev]",
    about:
      "boots a real Linux guest on a device with these backends and tells " +
      "what its own\nchecks of AES-CBC found; with --cryptodev in that mode of QEMU",
  }, main);
}
