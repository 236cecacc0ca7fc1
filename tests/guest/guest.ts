/**
 * Boots a real Linux guest under a real QEMU and reports what its test program found.
 *
 * @module
 */

import { type BootReport, GuestConsole } from "./guest_console.ts";
import { type GuestParts, guestParts } from "./guest_parts.ts";
import { buildInitramfs } from "./initramfs.ts";
import {
  type QemuCommand,
  qemuCommand,
  type QemuOptions,
} from "./qemu_command.ts";

export type { BootReport, GuestParts, QemuOptions };
export { guestParts };

export type GuestTest =
  | "features"
  | "selftest"
  | "aes-kat"
  | "aes-random"
  | "threads"
  | "load"
  | "rebind"
  | "rsa"
  | "key-stub"
  | "suspend";

export interface GuestOptions
  extends Omit<QemuOptions, "kernelWords" | "reboots"> {
  /** In this order, at each boot. */
  readonly tests: readonly GuestTest[];
  /** The descriptors of aes-random's longest chain; by default what the mode survives. */
  readonly longestChain?: number;
  /** The PrivateKeyInfo that key-stub signs with, which is no secret. */
  readonly keyStub?: Uint8Array;
  /** What goes on while the test "load" of a boot works, which ends with it. */
  readonly duringLoad?: (boot: number) => Promise<void>;
  /** How often the guest boots under the same QEMU. */
  readonly boots?: number;
  readonly timeoutMs?: number;
  /** Kills QEMU, as an operator would. */
  readonly killed?: AbortSignal;
}

export interface GuestReport {
  readonly boots: readonly BootReport[];
  /** Lines in which the guest's kernel complained. */
  readonly complaints: readonly string[];
  readonly consoleTail: string;
  /** What QEMU itself said on standard error. */
  readonly qemuErrors: string;
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly seconds: number;
}

/** QEMU's own device dies of a longer chain; Linux makes them from 128 KiB on. */
const LONGEST_CHAIN_OF_QEMU = 1024;
const LONGEST_CHAIN_OF_LINUX = 32768;

let initramfs: Promise<string> | undefined;

/** Runs the guest until it has powered off, QEMU has ended, or the time is over. */
export async function bootGuest(options: GuestOptions): Promise<GuestReport> {
  const found = await guestParts();
  if (!found.ok) throw new Error(`Cannot boot a guest: ${found.missing}`);
  initramfs ??= buildInitramfs(found.parts);
  const longestChain = options.longestChain ??
    (options.mode === "builtin"
      ? LONGEST_CHAIN_OF_QEMU
      : LONGEST_CHAIN_OF_LINUX);
  const command = qemuCommand(found.parts, await initramfs, {
    ...options,
    reboots: (options.boots ?? 1) > 1,
    kernelWords: [
      `vhost_crypto_tests=${options.tests.join(",")}`,
      `vhost_crypto_longest_chain=${longestChain}`,
      ...(options.keyStub
        ? [`vhost_crypto_stub=${options.keyStub.toHex()}`]
        : []),
    ],
  });
  return await runQemu(command, options);
}

async function runQemu(
  command: QemuCommand,
  options: GuestOptions,
): Promise<GuestReport> {
  const started = performance.now();
  const { program, args, env } = command;
  await using qemu = new Deno.Command(program, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    qemu.kill("SIGKILL");
  }, options.timeoutMs ?? 300_000);
  options.killed?.addEventListener("abort", () => qemu.kill("SIGKILL"));
  const guestConsole = new GuestConsole();
  try {
    const [qemuErrors] = await Promise.all([
      new Response(qemu.stderr).text(),
      converse(qemu, guestConsole, options),
    ]);
    const { code } = await qemu.status;
    return {
      boots: guestConsole.boots,
      complaints: guestConsole.complaints,
      consoleTail: guestConsole.tail,
      qemuErrors,
      exitCode: code,
      timedOut,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Follows the console, ends the load, and tells the guest at each end of the tests
 * what comes next.
 */
async function converse(
  qemu: Deno.ChildProcess,
  guestConsole: GuestConsole,
  { boots = 1, duringLoad }: GuestOptions,
): Promise<void> {
  const keyboard = qemu.stdin.getWriter();
  // A QEMU that dies just now is found by its exit code.
  const say = (word: string) =>
    keyboard.write(new TextEncoder().encode(`${word}\n`)).catch(() => {});
  let load = Promise.resolve();
  for await (const line of lines(qemu.stdout)) {
    if (guestConsole.read(line)) {
      await say(guestConsole.boots.length < boots ? "reboot" : "poweroff");
    } else if (line === "BEGIN load") {
      const earlier = load;
      load = (duringLoad?.(guestConsole.boots.length) ?? load)
        .then(() => earlier).finally(() => say("enough"));
      // What fails in it is told at the end.
      load.catch(() => {});
    }
  }
  await keyboard.close().catch(() => {});
  await load;
}

/**
 * Boots a guest for each of `setups`, side by side: most of a boot is on one
 * processor. All have ended when the first failure is told.
 */
export async function together<Setup>(
  setups: readonly Setup[],
  boot: (setup: Setup) => Promise<unknown>,
): Promise<void> {
  const outcomes = await Promise.allSettled(setups.map(boot));
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** The lines of a console. */
export async function* lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let unfinished = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const complete = (unfinished + text).split("\n");
    unfinished = complete.pop() ?? "";
    for (const line of complete) yield line.replace(/\r$/, "");
  }
  if (unfinished !== "") yield unfinished;
}

/**
 * What QEMU says of every back-end that serves both modes: the config space is
 * offered for generic mode, and cryptodev mode keeps its own.
 */
const CONFIG_NOT_USED =
  "warning: vhost-user backend supports VHOST_USER_PROTOCOL_F_CONFIG but QEMU does not.";

/** Everything in a report that is not as it should be, one line each. */
export function guestProblems(
  options: GuestOptions,
  report: GuestReport,
): string[] {
  const problems = report.complaints.map((line) =>
    `the guest's kernel says: ${line}`
  );
  if (report.timedOut) {
    problems.push(`not done after ${report.seconds.toFixed(0)} s`);
  } else if (report.exitCode !== 0) {
    problems.push(`QEMU ended with exit code ${report.exitCode}`);
  }
  const said = report.qemuErrors.split("\n").filter((line) =>
    line.trim() !== "" &&
    !(options.mode === "cryptodev" && line.endsWith(CONFIG_NOT_USED))
  );
  if (said.length > 0) problems.push(`QEMU says: ${said.join("; ")}`);
  const expected = options.boots ?? 1;
  if (report.boots.length !== expected) {
    problems.push(`${report.boots.length} boots instead of ${expected}`);
  }
  for (const boot of report.boots) {
    problems.push(...bootProblems(options, boot));
  }
  return problems;
}

function bootProblems(options: GuestOptions, boot: BootReport): string[] {
  const problems = [...boot.checks]
    .filter(([, reason]) => reason !== undefined)
    .map(([name, reason]) => `${name}: ${reason}`);
  const unfinished = options.tests.filter((test) =>
    !boot.finishedTests.has(test)
  );
  if (unfinished.length > 0) {
    problems.push(
      `not finished: ${
        unfinished.join(", ")
      }; the last begun: ${boot.lastTest}`,
    );
  }
  if (boot.checks.size === 0) problems.push("the guest made no check");
  if (!boot.done) problems.push("the guest did not come to its end");
  return problems;
}
