/**
 * The device as a process of its own.
 *
 * @module
 */

const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 20;
const END_TIMEOUT_MS = 3_000;

/** `serve` with one backend, until it is disposed of. */
export class DeviceProcess implements AsyncDisposable {
  readonly socketPath: string;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  readonly #said: Promise<string>;
  #ended = false;
  #stopping: Promise<void> | undefined;

  private constructor(folder: string, backend: string) {
    this.#folder = folder;
    this.socketPath = `${folder}/crypto.sock`;
    const program = new URL("../../cli/main.ts", import.meta.url);
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", program.href, "serve"],
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
  static async start(backend: string): Promise<DeviceProcess> {
    const folder = await Deno.makeTempDir({ prefix: "virtio-crypto-demo-" });
    const device = new DeviceProcess(folder, backend);
    try {
      await device.#untilItListens();
      return device;
    } catch (error) {
      await device[Symbol.asyncDispose]();
      throw error;
    }
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
