/**
 * What the kernel alone makes a request at a rate wait: two processes in C that
 * wake each other beside the load. One that answers and sleeps in between is what
 * a device could be at best; one that is busy is what a thread that serves others
 * is.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const ANSWERS = ["sleeping", "busy"] as const;

/** Milliseconds of each round trip. */
export interface WakeupTimes {
  readonly answers: typeof ANSWERS[number];
  readonly took: readonly number[];
}

/** The compiled program. */
export class Wakeups implements Disposable {
  readonly #folder: string;
  readonly #program: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#program = `${folder}/wakeups`;
  }

  /** Without a compiler it measures nothing. */
  static async compile(): Promise<Wakeups> {
    const folder = await Deno.makeTempDir({ prefix: "wakeups-" });
    const wakeups = new Wakeups(folder);
    const source = fileURLToPath(new URL("./wakeups.c", import.meta.url));
    const gcc = new Deno.Command("gcc", {
      args: ["-O2", "-o", wakeups.#program, source],
    });
    await gcc.output().catch((error) => console.error(`${error}`));
    return wakeups;
  }

  /** Each manner for so long. */
  async measure(
    perSecond: number,
    milliseconds: number,
  ): Promise<readonly WakeupTimes[]> {
    const times: WakeupTimes[] = [];
    for (const answers of ANSWERS) {
      const { success, stdout } = await new Deno.Command(this.#program, {
        args: [`${perSecond}`, `${milliseconds}`, answers],
      }).output().catch(() => ({ success: false, stdout: new Uint8Array() }));
      const took = success ? JSON.parse(new TextDecoder().decode(stdout)) : [];
      times.push({ answers, took });
    }
    return times;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
