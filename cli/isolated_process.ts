/**
 * The process of one socket as the process that started it knows it.
 *
 * @module
 */

import type { Log } from "./log.ts";

/** What a process is started with. */
export interface IsolatedProcessOptions {
  /** What the log calls its socket. */
  readonly name: string;
  /** Program and words. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Log;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

const describe = ({ code, signal }: Deno.CommandStatus): string =>
  signal === null ? `with code ${code}` : `by ${signal}`;

/** Keeps the process of one socket running until it is told to stop. */
export class IsolatedProcess {
  readonly #options: IsolatedProcessOptions;
  #child: Deno.ChildProcess | undefined;
  #stopping = false;
  #pauseMs = FIRST_PAUSE_MS;
  #endPause = () => {};

  constructor(options: IsolatedProcessOptions) {
    this.#options = options;
  }

  /** Starts the process; false where it ended before it served. */
  async start(): Promise<boolean> {
    if (this.#stopping) return false;
    const reader = this.#spawn().stdout.getReader();
    const { done } = await reader.read();
    await reader.cancel();
    return !done;
  }

  /**
   * Settled when the process has ended of its own accord, or was told to. When it
   * dies it is told, and started again after a pause that grows.
   */
  async finished(): Promise<void> {
    const { name, log } = this.#options;
    while (this.#child) {
      const started = performance.now();
      const status = await this.#child.status;
      this.#child = undefined;
      if (this.#stopping || status.success) return;
      const livedMs = performance.now() - started;
      if (livedMs > LONGEST_PAUSE_MS) this.#pauseMs = FIRST_PAUSE_MS;
      log(
        "error",
        `${name}: its process has ended ${describe(status)}, and is started ` +
          `again in ${this.#pauseMs / 1000} s`,
      );
      await this.#pause();
      await this.start();
    }
  }

  /** Has the process end; `finished` tells when it has. */
  stop(): void {
    this.#stopping = true;
    this.#endPause();
    this.signal("SIGTERM");
  }

  signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  #spawn(): Deno.ChildProcess {
    const { command: [program, ...words], environment } = this.#options;
    this.#child = new Deno.Command(program, {
      args: words,
      env: environment,
      clearEnv: true,
      // Open as long as this process lives.
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return this.#child;
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#pauseMs);
    this.#endPause = () => {
      clearTimeout(timer);
      resolve();
    };
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return promise;
  }
}
