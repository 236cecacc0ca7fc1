/**
 * The program as a user starts it: a process of its own.
 *
 * @module
 */

import { parseHttpAddress } from "../cli/http/http_address.ts";
import { permissionWords } from "../cli/permissions.ts";
import { DRAIN_MS } from "../device/drain.ts";
import { temporaryFolder } from "./files.ts";

const MAIN = new URL("../cli/main.ts", import.meta.url).href;
/** Longer than a start takes on a busy machine. */
const START_TIMEOUT_MS = 120_000;
/** Then the process is killed, and its exit code says so. */
const PATIENCE_MS = 120_000;

/** Less than a device waits for anything that may never come; to be had in some try. */
export const LONGEST_END_MS = DRAIN_MS - 100;

/** How a process ended. */
export interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cli/main.ts` with `words` to its end. */
export async function runCommand(...words: string[]): Promise<Ending> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...words],
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** What the words of the command line follow. */
type Program = readonly [string, ...string[]];

/** No more than the program's own launchers grant. */
function programFor(words: readonly string[]): Program {
  const [, place = ""] = words.slice(words.indexOf("--http"));
  const address = words.includes("--http")
    ? parseHttpAddress(place)
    : undefined;
  const granted = permissionWords({
    isolate: words.includes("--isolate"),
    http: address && { address },
  });
  return [Deno.execPath(), "run", ...granted, MAIN];
}

type Environment = Readonly<Record<string, string>>;

/** A running `serve`; disposing of it kills it. */
export class ServeProcess implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #logged: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #log = "";
  #ended = false;

  private constructor(
    words: readonly string[],
    env: Environment,
    [program, ...own]: Program,
  ) {
    this.#child = new Deno.Command(program, {
      args: [...own, ...words],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      env: { NO_COLOR: "1", ...env },
    }).spawn();
    this.pid = this.#child.pid;
    this.#logged = this.#read();
  }

  /** Starts `serve` and waits until it says `line`. */
  static start(
    line: string | RegExp,
    ...words: string[]
  ): Promise<ServeProcess> {
    return ServeProcess.startIn({}, line, ...words);
  }

  /** Like `start`, with more environment variables. */
  static startIn(
    env: Environment,
    line: string | RegExp,
    ...words: string[]
  ): Promise<ServeProcess> {
    return ServeProcess.#startCommand(env, line, ["serve", ...words]);
  }

  /** Like `start`, for a supervised `serve`; signals go to its parent. */
  static supervise(
    line: string | RegExp,
    ...words: string[]
  ): Promise<ServeProcess> {
    return ServeProcess.#startCommand({}, line, ["supervise", "--", ...words]);
  }

  /** Like `start`, by another program, which becomes the device. */
  static startBy(
    program: Program,
    line: string | RegExp,
    ...words: string[]
  ): Promise<ServeProcess> {
    return ServeProcess.#startCommand({}, line, ["serve", ...words], program);
  }

  static async #startCommand(
    env: Environment,
    line: string | RegExp,
    words: readonly string[],
    program = programFor(words),
  ): Promise<ServeProcess> {
    const process = new ServeProcess(words, env, program);
    try {
      await process.said(line);
      return process;
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Everything on standard error so far. */
  get log(): string {
    return this.#log;
  }

  /** Waits until the log has `line`, `times` times. */
  async said(line: string | RegExp, times = 1): Promise<void> {
    const pattern = typeof line === "string" ? RegExp.escape(line) : line;
    const wanted = new RegExp(pattern, "g");
    const end = performance.now() + START_TIMEOUT_MS;
    while ([...this.#log.matchAll(wanted)].length < times) {
      if (this.#ended || performance.now() > end) {
        throw new Error(`The device did not say "${line}" but:\n${this.#log}`);
      }
      await this.#change();
    }
  }

  /** Sends `signal`; answers the exit code and how long the end took. */
  async end(signal: Deno.Signal): Promise<{ code: number; tookMs: number }> {
    const start = performance.now();
    this.#signal(signal);
    const code = await this.exitCode();
    return { code, tookMs: performance.now() - start };
  }

  /** Waits for the end. */
  async exitCode(): Promise<number> {
    const overdue = setTimeout(() => this.#signal("SIGKILL"), PATIENCE_MS);
    const { code } = await this.#child.status;
    clearTimeout(overdue);
    await this.#logged;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGKILL");
    await this.#child.status;
    await this.#logged;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #read(): Promise<void> {
    const texts = this.#child.stderr.pipeThrough(new TextDecoderStream());
    for await (const text of texts) {
      this.#log += text;
      this.#changed();
    }
    this.#ended = true;
    this.#changed();
  }

  /** The next text, the end, or the start's timeout. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const overdue = setTimeout(() => this.#changed(), START_TIMEOUT_MS);
      this.#waiting.add(() => {
        clearTimeout(overdue);
        resolve();
      });
    });
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** A device process on a socket in a folder of its own. */
export interface ServedDevice extends AsyncDisposable {
  readonly socketPath: string;
  readonly process: ServeProcess;
}

/** Starts `serve` with `words` on a socket of its own; it listens by then. */
export function serveDevice(...words: string[]): Promise<ServedDevice> {
  return serveDeviceIn({}, ...words);
}

/** Like `serveDevice`, with more environment variables. */
export async function serveDeviceIn(
  env: Environment,
  ...words: string[]
): Promise<ServedDevice> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const socketPath = `${folder.path}/crypto.sock`;
  const process = stack.use(
    await ServeProcess.startIn(
      env,
      "listening at",
      ...["--socket-path", socketPath, ...words],
    ),
  );
  const running = stack.move();
  return {
    socketPath,
    process,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
