/**
 * The devices that are compared, each a process of its own on the last core. They
 * use no processor time while no front-end is connected.
 *
 * @module
 */

import type { BenchBackend } from "./chosen_backends.ts";
import type { Programs } from "./programs.ts";

const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 20;
/** Beyond this a polling device would sleep between two requests. */
const POLLING_SPIN_MICROSECONDS = 100_000;

/** Until V8 has compiled the hot path; a queue's thread has code of its own. */
const ENGINE_WARM_SECONDS = 1.5;
const NATIVE_WARM_SECONDS = 0.1;

/** Cores of the two sides; undefined where there is only one. */
export const GENERATOR_CORE = navigator.hardwareConcurrency > 1 ? 0 : undefined;
export const DEVICE_CORE = navigator.hardwareConcurrency > 1
  ? navigator.hardwareConcurrency - 1
  : undefined;

/** How a device is started. */
export interface DeviceOptions {
  /** Looks for requests without end, or sleeps when there are none. */
  readonly polling: boolean;
  readonly queues?: number;
  /** Leaves the choice of cores to the kernel. */
  readonly anywhere?: boolean;
}

/** A running device with its socket. */
export interface BenchDevice extends AsyncDisposable {
  readonly name: string;
  readonly socketPath: string;
  /** Whether sessions are made by vhost-user messages. */
  readonly sessionMessages: boolean;
  /** What a load runs before it is measured. */
  readonly warmSeconds: number;
  /** The most memory that it has had so far, or NaN where that is unknown. */
  peakBytes(): number;
  /** Lets it run for the time of one measurement, after which it is paused. */
  resume(): Promise<void>;
  pause(): Promise<void>;
}

/** How a process is started, and what is to be known of it. */
export interface DeviceProcessOptions {
  readonly name: string;
  readonly socketPath: string;
  readonly command: readonly string[];
  /** Leaves the choice of cores to the kernel, or to the process. */
  readonly anywhere?: boolean;
  readonly sessionMessages?: boolean;
  /** Where what it tells goes; absent: the bench's own. */
  readonly stderr?: "null";
  readonly environment?: Readonly<Record<string, string>>;
  readonly warmSeconds?: number;
}

/** A device that is a child of the bench. */
export class DeviceProcess implements BenchDevice {
  readonly name: string;
  readonly socketPath: string;
  readonly sessionMessages: boolean;
  readonly warmSeconds: number;
  readonly #process: Deno.ChildProcess;
  #ended = false;

  constructor(options: DeviceProcessOptions) {
    const { name, socketPath, command, anywhere, environment } = options;
    this.name = name;
    this.socketPath = socketPath;
    this.sessionMessages = options.sessionMessages ?? false;
    this.warmSeconds = options.warmSeconds ?? NATIVE_WARM_SECONDS;
    const words = DEVICE_CORE === undefined || anywhere
      ? command
      : ["taskset", "-c", `${DEVICE_CORE}`, ...command];
    this.#process = new Deno.Command(words[0]!, {
      args: words.slice(1),
      env: { ...environment },
      stdin: "null",
      stdout: "null",
      stderr: options.stderr ?? "inherit",
    }).spawn();
    this.#process.status.then(() => this.#ended = true);
  }

  async untilItListens(): Promise<this> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (this.#ended) throw new Error(`${this.name} ended at once`);
      const found = await Deno.stat(this.socketPath).catch(() => undefined);
      if (found?.isSocket) return this;
      if (performance.now() > deadline) {
        throw new Error(`${this.name} does not listen`);
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  peakBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return 1024 * Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]);
  }

  async resume(): Promise<void> {}

  async pause(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#process.kill("SIGTERM");
    await this.#process.status;
  }
}

let sockets = 0;
const socketIn = (programs: Programs) => `${programs.folder}/${++sockets}.sock`;

/** This project's device with one backend. */
export function startDevice(
  programs: Programs,
  backend: Pick<BenchBackend, "name" | "specifier">,
  options: DeviceOptions,
): Promise<BenchDevice> {
  const socketPath = socketIn(programs);
  const program = new URL("../../cli/main.ts", import.meta.url).href;
  const spin = options.polling
    ? ["--spin", `${POLLING_SPIN_MICROSECONDS}`]
    : [];
  const command = [
    ...[Deno.execPath(), "run", "-A", "--no-check", program, "serve"],
    ...["--socket-path", socketPath, "--backend", backend.specifier],
    ...["--queues", `${options.queues ?? 1}`, ...spin],
    ...["--max-sessions", "20000", "--log-level", "warn"],
    ...["--fallback", "never"],
  ];
  return new DeviceProcess({
    name: backend.name,
    socketPath,
    command,
    anywhere: options.anywhere ?? false,
    warmSeconds: ENGINE_WARM_SECONDS,
  }).untilItListens();
}

/** The plain C device over EVP; `null` answers without any cryptography. */
export function startEvpDevice(
  programs: Programs,
  options: DeviceOptions & { readonly null?: boolean },
): Promise<BenchDevice> {
  const socketPath = socketIn(programs);
  const command = [
    ...[programs.evpDevice, socketPath],
    ...["--queues", `${options.queues ?? 1}`],
    ...(options.polling ? [] : ["--sleep"]),
    ...(options.null ? ["--null"] : []),
  ];
  return new DeviceProcess({
    name: options.null ? "null" : "C over EVP",
    socketPath,
    command,
    anywhere: options.anywhere ?? false,
  }).untilItListens();
}

/**
 * DPDK's vhost_crypto that was started by hand, as `peers/README.md` says. It polls
 * without end, so it is stopped while others are measured.
 */
export function adoptDpdk(socketPath: string, pid: number): BenchDevice {
  const send = (signal: Deno.Signal): Promise<void> => {
    Deno.kill(pid, signal);
    return Promise.resolve();
  };
  send("SIGSTOP");
  return {
    name: "DPDK",
    socketPath,
    sessionMessages: true,
    warmSeconds: NATIVE_WARM_SECONDS,
    peakBytes: () => NaN,
    resume: () => send("SIGCONT"),
    pause: () => send("SIGSTOP"),
    [Symbol.asyncDispose]: () => send("SIGCONT"),
  };
}
