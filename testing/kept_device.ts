/**
 * A device process that is kept by `supervise`, to be killed under its guests.
 *
 * @module
 */

import { ServeProcess } from "./command_process.ts";
import { temporaryFolder } from "./files.ts";
import { type Holdings, holdingsOf, holdsNoMore } from "./holdings.ts";
import { eventually } from "./vhost_user_server.ts";

const PATIENCE_MS = 120_000;

/** Supervised; disposing of it ends both processes. */
export class KeptDevice implements AsyncDisposable {
  readonly socketPath: string;
  readonly #process: ServeProcess;
  readonly #stack: AsyncDisposableStack;
  /** How many processes have served so far. */
  #lives = 1;

  private constructor(
    socketPath: string,
    process: ServeProcess,
    stack: AsyncDisposableStack,
  ) {
    this.socketPath = socketPath;
    this.#process = process;
    this.#stack = stack;
  }

  /** Starts it with more words for `serve`; it listens by then. */
  static async start(...words: string[]): Promise<KeptDevice> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const socketPath = `${folder.path}/crypto.sock`;
    const process = await ServeProcess.supervise(
      "listening at",
      ...["--socket-path", socketPath, ...words],
    );
    // A supervisor that is killed leaves its process: it is asked to end.
    stack.defer(async () => void await process.end("SIGTERM"));
    return new KeptDevice(socketPath, process, stack.move());
  }

  get log(): string {
    return this.#process.log;
  }

  /** The supervisor's. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Kills the process that serves, as soon as it has got its guest back. */
  async kill(): Promise<void> {
    await this.#served();
    Deno.kill(await childOf(this.pid), "SIGKILL");
    this.#lives++;
  }

  /** Has `meanwhile` happen while the process stands still, and then kills it. */
  async stopAndKill(meanwhile: () => Promise<void>): Promise<void> {
    await this.#served();
    const pid = await childOf(this.pid);
    Deno.kill(pid, "SIGSTOP");
    // A thread goes on until it hears of it.
    await eventually(() => isStopped(pid), () => `process ${pid} stands still`);
    await meanwhile();
    Deno.kill(pid, "SIGKILL");
    this.#lives++;
  }

  /** Has another process take over. */
  async replace(): Promise<void> {
    await this.#served();
    Deno.kill(this.pid, "SIGHUP");
    this.#lives++;
  }

  /** Waits until the process of now serves what the one before has left. */
  async #served(): Promise<void> {
    await this.listening();
    if (this.#lives > 1) {
      await this.#process.said(/goes on with/, this.#lives - 1);
    }
  }

  /** Waits until all that was killed has been replaced. */
  settled(): Promise<void> {
    return this.#served();
  }

  /** Waits until the process of now listens. */
  listening(): Promise<void> {
    return this.#process.said(/listening at/, this.#lives);
  }

  /** What the process that serves holds. */
  async holdings(): Promise<Holdings> {
    return holdingsOf(await childOf(this.pid));
  }

  /** Waits until the process that serves holds no more than that. */
  async holdsNoMore(bound: Holdings): Promise<void> {
    await holdsNoMore(await childOf(this.pid), bound);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The process that `pid` has started, once there is one. */
export async function childOf(pid: number): Promise<number> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && parentOf(name) === pid) return Number(name);
    }
    await new Promise((wake) => setTimeout(wake, 5));
  }
  throw new Error(`Process ${pid} has no child`);
}

/** Whether all threads of a process stand still. */
function isStopped(pid: number): boolean {
  const folder = `/proc/${pid}/task`;
  try {
    return [...Deno.readDirSync(folder)].every(({ name }) =>
      /^State:\s*T/m.test(Deno.readTextFileSync(`${folder}/${name}/status`))
    );
  } catch {
    return false; // A thread has just ended.
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
  } catch {
    return undefined; // It has ended.
  }
}
