/**
 * Runs a peer in a guest, and tells what differs from what was expected.
 *
 * @module
 */

import { lines } from "../guest/guest.ts";
import { GuestConsole } from "../guest/guest_console.ts";
import type { GuestParts } from "../guest/guest_parts.ts";
import { type QemuCommand, qemuCommand } from "../guest/qemu_command.ts";
import { serveDevice } from "../../testing/command_process.ts";
import { buildImage } from "./image.ts";
import { differences, type Outcomes, type Peer } from "./peer.ts";

/** What a peer said and did. */
export interface PeerReport {
  readonly outcomes: Outcomes;
  /** Sessions that the device created while each program ran. */
  readonly sessions: ReadonlyMap<string, number>;
  /** What was not as expected, one line each. */
  readonly problems: readonly string[];
  /** Everything on the guest's console. */
  readonly console: readonly string[];
  readonly deviceLog: string;
  readonly seconds: number;
}

/** The device logs a session when it has been created. */
const SESSION_CREATED = /session \d+ created/g;
/** Longer than a line of the device's log is under way. */
const LOG_MS = 300;

/** Runs `peer` on a device of its own; `cache` has its programs. */
export async function runPeer(
  peer: Peer,
  parts: GuestParts,
  cache: string,
): Promise<PeerReport> {
  const started = performance.now();
  const archive = `${cache}/${peer.name}.cpio`;
  await buildImage(archive, peer.image, {
    root: `${cache}/${peer.folder}`,
    busybox: parts.busybox,
    modulesFolder: parts.modulesFolder,
  });
  await using device = await serveDevice(
    ...["--backend", "openssl", "--log-level", "debug"],
    ...peer.deviceOptions,
  );
  const { process, socketPath } = device;
  const guest = new PeerGuest(() =>
    [...process.log.matchAll(SESSION_CREATED)].length
  );
  const problems = await guest.run(
    qemuCommand(parts, archive, {
      mode: "generic",
      qemu: "11.1",
      socketPath,
      memoryMebibytes: peer.memoryMebibytes,
      // Debian's DPDK needs SSE 4.2.
      processor: "max",
      kernelWords: peer.kernelWords,
    }),
    peer,
  );
  const { code } = await process.end("SIGTERM");
  if (code !== 0) problems.push(`the device ended with ${code}`);
  const outcomes = new Map([...guest.checks, ...peer.read(guest.console)]);
  problems.push(...differences(peer, outcomes));
  for (const program of peer.reaching) {
    if ((guest.sessions.get(program) ?? 0) > 0) continue;
    problems.push(`${program} did not reach the device`);
  }
  return {
    outcomes,
    sessions: guest.sessions,
    problems,
    console: guest.console,
    deviceLog: process.log,
    seconds: (performance.now() - started) / 1000,
  };
}

/** A guest under way. */
class PeerGuest {
  readonly console: string[] = [];
  /** Sessions that the device created while each program ran. */
  readonly sessions = new Map<string, number>();
  readonly #reader = new GuestConsole();
  readonly #countSessions: () => number;

  constructor(countSessions: () => number) {
    this.#countSessions = countSessions;
  }

  /** What the scripts checked. */
  get checks(): Outcomes {
    return this.#reader.boots[0]?.checks ?? new Map();
  }

  /** Runs the guest to its end; returns what went wrong with it. */
  async run(
    { program, args, env }: QemuCommand,
    { timeoutMs, qemuSays }: Peer,
  ): Promise<string[]> {
    const problems: string[] = [];
    await using qemu = new Deno.Command(program, {
      args,
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => {
      problems.push(`not done after ${timeoutMs / 1000} s`);
      qemu.kill("SIGKILL");
    }, timeoutMs);
    try {
      const [said] = await Promise.all([
        new Response(qemu.stderr).text(),
        this.#follow(qemu.stdout),
      ]);
      const { code } = await qemu.status;
      if (code !== 0) problems.push(`QEMU ended with exit code ${code}`);
      const unknown = said.split("\n").filter((line) =>
        line.trim() !== "" && !qemuSays?.test(line)
      );
      problems.push(...unknown.map((line) => `QEMU says: ${line}`));
    } finally {
      clearTimeout(timer);
    }
    problems.push(...this.#reader.complaints);
    if (!this.#reader.boots[0]?.done) {
      problems.push("the guest did not come to its end");
    }
    return problems;
  }

  async #follow(stdout: ReadableStream<Uint8Array<ArrayBuffer>>) {
    let before = 0;
    for await (const line of lines(stdout)) {
      this.console.push(line);
      this.#reader.read(line);
      const [kind, program = ""] = line.split(" ");
      if (kind !== "BEGIN" && kind !== "END") continue;
      await new Promise((resolve) => setTimeout(resolve, LOG_MS));
      const sessions = this.#countSessions();
      if (kind === "BEGIN") before = sessions;
      else this.sessions.set(program, sessions - before);
    }
  }
}
