/**
 * A supervised device whose lives end where a plan says.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { openLibc } from "../../../ffi/libc.ts";
import { Supervisor } from "../../../keeper/supervisor.ts";
import { temporaryFolder } from "../../../testing/files.ts";
import {
  type Holdings,
  holdingsOf,
  holdsNoMore,
} from "../../../testing/holdings.ts";
import { childOf } from "../../../testing/kept_device.ts";
import { countEnds, type Fault, PLAN_VARIABLE } from "./fault_points.ts";

const PROGRAM = fileURLToPath(new URL("./device_main.ts", import.meta.url));
const PATIENCE_MS = 60_000;

/** One device with several sockets; disposing of it ends it. */
export class FaultyDevice implements AsyncDisposable {
  readonly sockets: readonly string[];
  readonly #folder: string;
  readonly #supervisor: Supervisor;
  readonly #ended: Promise<number>;
  readonly #stack: AsyncDisposableStack;
  readonly #faults: number;

  private constructor(
    folder: string,
    sockets: readonly string[],
    supervisor: Supervisor,
    faults: number,
    stack: AsyncDisposableStack,
  ) {
    this.#folder = folder;
    this.sockets = sockets;
    this.#supervisor = supervisor;
    this.#faults = faults;
    this.#stack = stack;
    this.#ended = supervisor.run();
  }

  /** Starts it with more words for `serve` and more of an environment. */
  static async start(
    guests: number,
    faults: readonly Fault[],
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<FaultyDevice> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryFolder());
    // The first life is for the test to end.
    await Deno.writeTextFile(`${path}/plan`, JSON.stringify([null, ...faults]));
    await Deno.writeTextFile(`${path}/lives`, "0");
    const sockets = Array.from({ length: guests }, (_, i) => `${path}/${i}`);
    const places = sockets.flatMap((socket) => ["--socket-path", socket]);
    const variables = Object
      .entries({ ...environment, NO_COLOR: "1", [PLAN_VARIABLE]: path })
      .map(([name, value]) => `${name}=${value}`);
    const supervisor = new Supervisor({
      libc: openLibc(),
      command: [
        ...["env", ...variables, Deno.execPath()],
        ...["run", "-A", "--no-check", PROGRAM, "serve", ...places, ...words],
      ],
      watchdogMs: 0,
      log: () => {},
    });
    const { length } = faults;
    const device = new FaultyDevice(
      path,
      sockets,
      supervisor,
      length,
      stack.move(),
    );
    await device.#until(() => sockets.every(isThere), "it listens");
    return device;
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    let end = performance.now() + PATIENCE_MS;
    let lives = this.lives;
    while (!isSo()) {
      if (this.lives !== lives) {
        lives = this.lives;
        end = performance.now() + PATIENCE_MS;
      }
      if (performance.now() > end) throw new Error(`${what}: waited in vain`);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }

  /** How many processes have begun. */
  get lives(): number {
    return Number(Deno.readTextFileSync(`${this.#folder}/lives`));
  }

  /** Waits until each fault has ended a process. */
  lastLife(): Promise<void> {
    return this.#until(() => this.lives > this.#faults + 1, "the last life");
  }

  /** Ends the process of now. */
  async kill(): Promise<void> {
    Deno.kill(await childOf(Deno.pid), "SIGKILL");
  }

  /** How many processes have ended at each point. */
  get ends(): Readonly<Record<string, number>> {
    return countEnds(this.#folder);
  }

  /** What the process of now holds. */
  async holdings(): Promise<Holdings> {
    return holdingsOf(await childOf(Deno.pid));
  }

  /** Waits until the process of now holds no more than that. */
  async holdsNoMore(bound: Holdings): Promise<void> {
    await holdsNoMore(await childOf(Deno.pid), bound);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#supervisor.stop();
    await this.#ended;
    await this.#stack.disposeAsync();
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
