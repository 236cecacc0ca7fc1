/**
 * What the rows of one run have in common: compiled programs, options, and the
 * devices, each of which is started when a row first asks for it.
 *
 * @module
 */

import { type BenchBackend, isPlugin } from "./chosen_backends.ts";
import {
  adoptDpdk,
  type BenchDevice,
  startDevice,
  startEvpDevice,
} from "./devices.ts";
import { prepareDpdk } from "./dpdk.ts";
import type { BenchOptions } from "./options.ts";
import type { Programs } from "./programs.ts";

/** One run of a bench. */
export class BenchRun implements AsyncDisposable {
  readonly programs: Programs;
  readonly options: BenchOptions;
  readonly #stack = new AsyncDisposableStack();
  readonly #devices = new Map<string, Promise<BenchDevice>>();

  constructor(programs: Programs, options: BenchOptions) {
    this.programs = programs;
    this.options = options;
  }

  has(backend: string): boolean {
    return this.#find(backend) !== undefined;
  }

  #find(name: string): BenchBackend | undefined {
    return this.options.backends.find((one) => one.name === name);
  }

  /** Names of those of `built` that take part, and of all that are plugins. */
  names(built: readonly string[]): string[] {
    return this.options.backends
      .filter((one) => built.includes(one.name) || isPlugin(one))
      .map(({ name }) => name);
  }

  /** The device with one backend; all else is as a user has it. */
  device(backend: string): Promise<BenchDevice> {
    return this.#kept(backend, () => this.start(backend));
  }

  /** The same as one of its own, which the caller ends. */
  start(backend: string): Promise<BenchDevice> {
    const found = this.#find(backend)!;
    return startDevice(this.programs, found, { polling: false });
  }

  /** The plain C device over EVP, which polls without end. */
  evpDevice(): Promise<BenchDevice> {
    return this.#kept(
      "C over EVP",
      () => startEvpDevice(this.programs, { polling: true }),
    );
  }

  /** The same, which waits for kicks as a user's device does. */
  sleepingEvpDevice(): Promise<BenchDevice> {
    return this.#kept(
      "C over EVP, sleeping",
      () => startEvpDevice(this.programs, { polling: false }),
    );
  }

  /** Undefined where it was not asked for. */
  async dpdk(): Promise<BenchDevice | undefined> {
    const { dpdk } = this.options;
    if (dpdk === undefined) return undefined;
    return await this.#kept(
      "DPDK",
      () =>
        dpdk === "start"
          ? prepareDpdk(this.programs)
          : Promise.resolve(adoptDpdk(dpdk.socketPath, dpdk.pid)),
    );
  }

  #kept(
    name: string,
    start: () => Promise<BenchDevice>,
  ): Promise<BenchDevice> {
    const known = this.#devices.get(name) ??
      start().then((device) => this.#stack.use(device));
    this.#devices.set(name, known);
    return known;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
