/**
 * The device as a process of its own.
 *
 * @module
 */

const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 20;
/** Longer than a supervisor gives the process under it. */
const END_TIMEOUT_MS = 12_000;
const EXIT_INTERRUPTED = 130;

/** How the device runs: by itself, or kept by a parent. */
export type Command = readonly ["serve"] | readonly ["supervise", "--"];

/** A device with one backend, until it is disposed of. */
export class DeviceProcess implements AsyncDisposable {
  readonly socketPath: string;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  readonly #said: Promise<string>;
  #ended = false;
  #stopping: Promise<void> | undefined;

  private constructor(folder: string, backend: string, command: Command) {
    this.#folder = folder;
    this.socketPath = `${folder}/crypto.sock`;
    const program = new URL("../../cli/main.ts", import.meta.url);
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", program.href, ...command],
        ...["--socket-path", this.socketPath, "--backend", backend],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#said = new Response(this.#process.stderr).text();
    this.#process.status.then(() => this.#ended = true);
  }

  /** Starts a device and waits until it listens. */
  static async start(
    backend: string,
    command: Command = ["serve"],
  ): Promise<DeviceProcess> {
    const folder = await Deno.makeTempDir({ prefix: "virtio-crypto-demo-" });
    const device = new DeviceProcess(folder, backend, command);
    try {
      await device.#untilItListens();
      return device;
    } catch (error) {
      await device[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The process that serves under its parent; undefined between two of them. */
  get servingPid(): number | undefined {
    const tasks = `/proc/${this.#process.pid}/task`;
    for (const { name } of Deno.readDirSync(tasks)) {
      const children = Deno.readTextFileSync(`${tasks}/${name}/children`);
      if (children !== "") return Number.parseInt(children);
    }
    return undefined;
  }

  /** Rejects when the device ends before `work` does. */
  async whileAlive<T>(work: Promise<T>): Promise<T> {
    const death = this.#process.status.then(async ({ code }) => {
      const said = (await this.#said).trim();
      throw new Error(`The device ended with exit code ${code}: ${said}`);
    });
    return await Promise.race([work, death]);
  }

  /** Stops the process and removes its socket. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#signal("SIGTERM");
    const patience = setTimeout(() => this.#signal("SIGKILL"), END_TIMEOUT_MS);
    await this.#process.status;
    clearTimeout(patience);
    await this.#said;
    await Deno.remove(this.#folder, { recursive: true });
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      // It has ended by itself, for example by the same Ctrl-C.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #untilItListens(): Promise<void> {
    const end = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < end) {
      if (this.#ended) {
        throw new Error(`The device ended: ${(await this.#said).trim()}`);
      }
      try {
        await Deno.lstat(this.socketPath);
        return;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    throw new Error(`The device does not listen on ${this.socketPath}`);
  }
}

/** Stops the device when the program is interrupted. */
export function stopOnSignal(device: DeviceProcess): Disposable {
  const stop = async (): Promise<void> => {
    await device[Symbol.asyncDispose]();
    Deno.exit(EXIT_INTERRUPTED);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, stop);
    },
  };
}
