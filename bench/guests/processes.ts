/**
 * The device with many sockets, and the process that plays their guests.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { IdleKeeper } from "./idle_keeper.ts";
import { linesOf } from "./lines.ts";
import type { GuestAnswer, GuestOrder } from "./protocol.ts";

const READY_MS = 60_000;
const POLL_MS = 50;

const program = (path: string) =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The device: one process for all guests. */
export class ManyGuestsDevice implements AsyncDisposable {
  readonly folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #keeper: IdleKeeper | undefined;

  private constructor(
    folder: string,
    child: Deno.ChildProcess,
    keeper: IdleKeeper | undefined,
  ) {
    this.folder = folder;
    this.#child = child;
    this.#keeper = keeper;
  }

  /** Starts it with sockets for so many guests, which are kept or not. */
  static async start(
    guests: number,
    options: readonly string[],
    isKept = false,
  ): Promise<ManyGuestsDevice> {
    const keeper = isKept ? new IdleKeeper() : undefined;
    const folder = await Deno.makeTempDir({ prefix: "guests-bench-" });
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", program("cli/main.ts"), "serve"],
        ...["--socket-path", `${folder}/%i.sock`, "--guests", `${guests}`],
        ...["--log-level", "warn", ...options],
      ],
      env: keeper ? { NOTIFY_SOCKET: keeper.name } : {},
      stdin: "null",
      stdout: "null",
    }).spawn();
    const device = new ManyGuestsDevice(folder, child, keeper);
    const last = `${folder}/${guests - 1}.sock`;
    const deadline = performance.now() + READY_MS;
    while (!await Deno.stat(last).catch(() => undefined)) {
      if (performance.now() > deadline) throw new Error("It does not listen");
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return device;
  }

  #status(name: string): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1]);
  }

  /** Resident memory but for what guests share, in MB. */
  get megabytes(): number {
    return (this.#status("VmRSS") - this.#status("RssShmem")) * 1024 / 1e6;
  }

  get threads(): number {
    return this.#status("Threads");
  }

  get descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.#child.pid}/fd`)].length;
  }

  get mappings(): number {
    const maps = Deno.readTextFileSync(`/proc/${this.#child.pid}/maps`);
    return maps.split("\n").length;
  }

  /** Processor time that it has used, in seconds. */
  get cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    this.#keeper?.[Symbol.dispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The process of the guests. */
export class GuestProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  constructor(folder: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check"],
        ...[program("bench/guests/guest_process.ts"), folder],
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Has guests do something; what came of it. */
  async follow(order: GuestOrder): Promise<readonly number[]> {
    await this.#input.write(
      new TextEncoder().encode(`${JSON.stringify(order)}\n`),
    );
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The guests have ended while they ${order.do}`);
    return (JSON.parse(value) as GuestAnswer).figures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
  }
}
