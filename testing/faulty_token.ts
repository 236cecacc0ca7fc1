/**
 * SoftHSM behind a module whose functions fail when a test says so.
 *
 * @module
 */

import { processToken, runTool, type SoftToken } from "./soft_token.ts";

const SOURCE = new URL("../tests/pkcs11/faulty_module.c", import.meta.url);

/** The token, and a say in what its functions return. */
export class FaultyToken {
  readonly options: SoftToken["options"];
  readonly #control: string;
  readonly #calls: string;

  private constructor(token: SoftToken, module: string) {
    this.options = { ...token.options, module };
    this.#control = `${token.folder}/faults`;
    this.#calls = `${token.folder}/calls`;
  }

  /** Builds the module for the token of this process, without a fault. */
  static async make(): Promise<FaultyToken> {
    const token = await processToken();
    const module = `${token.folder}/libfaulty.so`;
    await runTool("gcc", [
      ..."-std=gnu11 -O2 -fPIC -shared -Wall -Wextra -Werror".split(" "),
      ...["-o", module, SOURCE.pathname, "-pthread", "-ldl"],
    ]);
    const faulty = new FaultyToken(token, module);
    Deno.env.set("FAULTY_PKCS11_MODULE", token.options.module);
    Deno.env.set("FAULTY_PKCS11_CONTROL", faulty.#control);
    Deno.env.set("FAULTY_PKCS11_CALLS", faulty.#calls);
    faulty.set({});
    return faulty;
  }

  /** From now on these functions return these codes, and no others. */
  set(faults: Readonly<Record<string, number>>): void {
    const lines = Object.entries(faults)
      .map(([name, code]) => `${name} ${code.toString(16)}\n`);
    Deno.writeTextFileSync(this.#control, lines.join(""));
  }

  /** How often `name` was called since the last time that this was asked. */
  takeCalls(name: string): number {
    const lines = Deno.readTextFileSync(this.#calls).split("\n");
    Deno.writeTextFileSync(this.#calls, "");
    return lines.filter((line) => line === name).length;
  }
}
