/**
 * QEMU's monitor: commands while a guest runs.
 *
 * @module
 */

import { lines } from "./guest.ts";
import { untilExists } from "../../testing/files.ts";

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** Connected; disposing of it leaves QEMU running. */
export class Monitor implements Disposable {
  readonly #connection: Deno.UnixConn;
  readonly #lines: AsyncGenerator<string>;

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
    this.#lines = lines(connection.readable);
  }

  /** Connects to the socket that `qemuCommand` was told as `monitorPath`. */
  static async connect(path: string): Promise<Monitor> {
    await untilExists(path);
    const monitor = new Monitor(
      await Deno.connect({ transport: "unix", path }),
    );
    await monitor.run("qmp_capabilities");
    return monitor;
  }

  /** Runs a command; settled when QEMU has carried it out. */
  async run(command: string, words: object = {}): Promise<void> {
    const text = `${JSON.stringify({ execute: command, arguments: words })}\n`;
    await this.#connection.write(new TextEncoder().encode(text));
    for (;;) {
      const { done, value } = await this.#lines.next();
      if (done) throw new Error(`QEMU ended at ${command}`);
      const answer: Answer = JSON.parse(value);
      if (answer.return !== undefined) return;
      if (!answer.error) continue; // A greeting, or an event.
      throw new Error(`QEMU cannot ${command}: ${answer.error.desc}`);
    }
  }

  /** Gives the guest more memory, which all its devices hear of. */
  async addMemory(name: string, mebibytes: number): Promise<void> {
    await this.run("object-add", {
      "qom-type": "memory-backend-memfd",
      id: `${name}-memory`,
      size: mebibytes * 1024 * 1024,
      share: true,
    });
    await this.run("device_add", {
      driver: "pc-dimm",
      id: name,
      memdev: `${name}-memory`,
    });
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
