/**
 * The C programs of this bench: compiled when gcc and libcrypto's headers are
 * there, into a folder that goes away with the run.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const LOAD_SOURCES = [
  "load/load.c",
  "load/traffic.c",
  "load/front_end.c",
  "load/ring.c",
  "load/workload.c",
  "load/measure.c",
  "load/vhost_user.c",
];
const EVP_DEVICE_SOURCES = [
  "peers/evp_device.c",
  "peers/device.c",
  "load/vhost_user.c",
];

const sourcePath = (name: string) =>
  fileURLToPath(new URL(`../${name}`, import.meta.url));

async function compile(
  output: string,
  sources: readonly string[],
): Promise<void> {
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-O2", "-o", output, ...sources.map(sourcePath), "-lcrypto"],
  }).output();
  if (!success) {
    throw new Error(
      `Cannot compile ${sources[0]}: ${new TextDecoder().decode(stderr)}`,
    );
  }
}

/** Compiled programs and the folder for their sockets. */
export class Programs implements Disposable {
  readonly folder: string;
  readonly load: string;
  readonly evpDevice: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.load = `${folder}/load`;
    this.evpDevice = `${folder}/evp_device`;
  }

  /** Compiles; throws with the compiler's words where that fails. */
  static async compile(): Promise<Programs> {
    const folder = await Deno.makeTempDir({ prefix: "crypto-bench-" });
    const programs = new Programs(folder);
    try {
      await compile(programs.load, LOAD_SOURCES);
      await compile(programs.evpDevice, EVP_DEVICE_SOURCES);
      return programs;
    } catch (error) {
      programs[Symbol.dispose]();
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Error(
        "Cannot find gcc: this bench needs gcc and libcrypto's headers " +
          "(Debian: gcc libc6-dev libssl-dev)",
      );
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
