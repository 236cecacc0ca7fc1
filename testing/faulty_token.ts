/**
 * SoftHSM behind a module whose functions fail when a test says so.
 *
 * @module
 */

import { processToken, runTool, type SoftToken } from "./soft_token.ts";

const SOURCE = new URL("../tests/pkcs11/faulty_module.c", import.meta.url);

/** Builds the module in `folder`; its path. */
export async function buildFaultyModule(folder: string): Promise<string> {
  const module = `${folder}/libfaulty.so`;
  await runTool("gcc", [
    ..."-std=gnu11 -O2 -fPIC -shared -Wall -Wextra -Werror".split(" "),
    ...["-o", module, SOURCE.pathname, "-pthread", "-ldl"],
  ]);
  return module;
}

/** A token, and a say in what its functions return. */
export class FaultyToken {
  readonly options: SoftToken["options"];
  /** What the module reads when its process starts. */
  readonly env: Readonly<Record<string, string>>;
  readonly #control: string;
  readonly #calls: string;

  /** Without a fault; `module` is the one that fails. */
  constructor(token: SoftToken, module: string) {
    this.options = { ...token.options, module };
    this.#control = `${token.folder}/faults`;
    this.#calls = `${token.folder}/calls`;
    this.env = {
      FAULTY_PKCS11_MODULE: token.options.module,
      FAULTY_PKCS11_CONTROL: this.#control,
      FAULTY_PKCS11_CALLS: this.#calls,
    };
    this.set({});
    Deno.writeTextFileSync(this.#calls, "");
  }

  /** The token of this process. */
  static async make(): Promise<FaultyToken> {
    const token = await processToken();
    const module = await buildFaultyModule(token.folder);
    const faulty = new FaultyToken(token, module);
    for (const [name, value] of Object.entries(faulty.env)) {
      Deno.env.set(name, value);
    }
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
