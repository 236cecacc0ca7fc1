/**
 * The device as a process of its own.
 *
 * @module
 */

const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 20;
/** Longer than a supervisor gives the process under it. */
const END_TIMEOUT_MS = 12_000;
/** What a shell says of who ended by a signal: this and its number. */
const EXIT_SIGNAL = 128;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** How the device runs: by itself, or kept by a parent. */
export type Command = readonly ["serve"] | readonly ["supervise", "--"];

/** A device with one backend, until it is disposed of. */
export class DeviceProcess implements AsyncDisposable {
  /** All that have been started and are not disposed of yet. */
  static readonly #running = new Set<DeviceProcess>();

  readonly socketPath: string;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  readonly #said: Promise<string>;
  #ended = false;
  #stopping: Promise<void> | undefined;

  /** Nothing can come between the folder, the process and their place in the set. */
  private constructor(backend: string, command: Command) {
    const folder = Deno.makeTempDirSync({ prefix: "virtio-crypto-demo-" });
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
    DeviceProcess.#running.add(this);
  }

  /** Disposes of all that run. */
  static async endAll(): Promise<void> {
    const all = [...DeviceProcess.#running];
    await Promise.all(all.map((device) => device[Symbol.asyncDispose]()));
  }

  /** Starts a device and waits until it listens. */
  static async start(
    backend: string,
    command: Command = ["serve"],
  ): Promise<DeviceProcess> {
    const device = new DeviceProcess(backend, command);
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
    DeviceProcess.#running.delete(this);
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

/** From now on a signal ends all devices, and then this program. */
export function stopOnSignal(): Disposable {
  const listeners = Object.entries(SIGNALS).map(([name, number]) => ({
    signal: name as keyof typeof SIGNALS,
    heard: async () => {
      await DeviceProcess.endAll();
      Deno.exit(EXIT_SIGNAL + number);
    },
  }));
  for (const { signal, heard } of listeners) {
    Deno.addSignalListener(signal, heard);
  }
  return {
    [Symbol.dispose]: () => {
      for (const { signal, heard } of listeners) {
        Deno.removeSignalListener(signal, heard);
      }
    },
  };
}
