/**
 * DPDK's librte_ipsec behind a program of this folder, which is compiled for it.
 *
 * @module
 */

import { run } from "../guest/initramfs.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";

const SOURCE = `${import.meta.dirname}/dpdk_ipsec.c`;

async function flags(): Promise<string[] | undefined> {
  try {
    const text = await run("pkg-config", ["--cflags", "--libs", "libdpdk"]);
    return new TextDecoder().decode(text).trim().split(/\s+/);
  } catch {
    return undefined;
  }
}

const found = await flags();

const DPDK: RealPart = {
  present: found !== undefined,
  name: "librte_ipsec",
  remedy: "install gcc, pkg-config and libdpdk-dev",
};

/** Registers a test that needs librte_ipsec. */
export const testWithDpdk = (name: string, body: () => Promise<void>): void =>
  testWith(DPDK, name, body);

/** A program that runs packets through librte_ipsec; its file goes with it. */
export class DpdkProgram implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async compile(): Promise<DpdkProgram> {
    if (!found) throw new Error(`No librte_ipsec: ${DPDK.remedy}`);
    const path = await Deno.makeTempFile({ prefix: "dpdk_ipsec-" });
    await run("gcc", [
      ..."-std=gnu17 -O2 -Wall -Wextra -Werror -DALLOW_EXPERIMENTAL_API"
        .split(" "),
      ...[SOURCE, "-o", path, ...found, "-lrte_bus_vdev"],
    ]);
    return new DpdkProgram(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}
