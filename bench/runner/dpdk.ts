/**
 * DPDK's vhost_crypto, fetched from Debian, compiled and started
 * (`peers/README.md` says what there is to know of it). Nothing is installed: the
 * packages are unpacked into a folder of the user's.
 *
 * @module
 */

import { type BenchDevice, DEVICE_CORE, DeviceProcess } from "./devices.ts";
import type { Programs } from "./programs.ts";

/** With what the example needs to compile and what the two drivers load. */
const PACKAGES = [
  ...["libdpdk-dev", "dpdk-doc", "libbsd-dev", "libmd-dev", "libfdt1"],
  ...[
    "librte-vhost23",
    "librte-cryptodev23",
    "librte-eal23",
    "librte-mempool23",
  ],
  ...[
    "librte-mbuf23",
    "librte-ring23",
    "librte-kvargs23",
    "librte-telemetry23",
  ],
  ...["librte-net23", "librte-ethdev23", "librte-meter23", "librte-hash23"],
  ...["librte-rcu23", "librte-security23", "librte-pci23", "librte-bus-pci23"],
  ...["librte-bus-vdev23", "librte-dmadev23", "librte-mempool-ring23"],
  ...["librte-crypto-ipsec-mb23"],
];
const NEEDED_LIBRARIES = ["libIPSec_MB.so.1", "libnuma.so.1", "libbsd.so.0"];

async function succeed(
  words: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    cwd,
    env,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(`Cannot start DPDK: ${words[0]} failed: ${text(stderr)}`);
}

/** DPDK refuses to load drivers from below a folder that all can write. */
function folder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME")}/.cache`;
  return `${cache}/vhost-device-crypto/dpdk-22.11`;
}

interface Paths {
  readonly program: string;
  readonly libraries: string;
  readonly drivers: string;
}

/** Where Debian's libraries look for drivers, beside what `-d` names. */
const SYSTEM_DRIVERS = "/usr/lib/x86_64-linux-gnu/dpdk/pmds-";

/**
 * Has our copy of the libraries look for drivers in a folder that nobody has: where
 * DPDK is installed, too, its drivers would come with libraries of their own, and
 * two of a kind in one process end it.
 */
async function leaveSystemDrivers(libraries: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(libraries)) {
    if (!isFile || !name.startsWith("librte_eal.so.")) continue;
    const path = `${libraries}/${name}`;
    const bytes = await Deno.readFile(path);
    const at = new TextDecoder("latin1").decode(bytes).indexOf(SYSTEM_DRIVERS);
    if (at < 0) continue;
    bytes.set(new TextEncoder().encode("/not"), at);
    await Deno.writeFile(path, bytes);
  }
}

async function build(): Promise<Paths> {
  const base = folder();
  const libraries = `${base}/usr/lib/x86_64-linux-gnu`;
  const program = `${base}/vhost_crypto`;
  const paths = { program, libraries, drivers: `${libraries}/dpdk/pmds-23.0` };
  const built = await Deno.stat(program).catch(() => undefined);
  if (built) {
    await leaveSystemDrivers(libraries);
    return paths;
  }
  await Deno.mkdir(`${base}/packages`, { recursive: true, mode: 0o755 });
  const packages = `${base}/packages`;
  await succeed(["apt-get", "-q", "download", ...PACKAGES], packages);
  for await (const { name } of Deno.readDir(packages)) {
    await succeed(["dpkg", "-x", `${packages}/${name}`, base], base);
  }
  await leaveSystemDrivers(libraries);
  const include = `${base}/usr/include`;
  await succeed([
    ...["gcc", "-O3", "-march=native", "-DALLOW_EXPERIMENTAL_API"],
    ...["-include", "rte_config.h", `-I${include}`, `-I${include}/dpdk`],
    `-I${include}/x86_64-linux-gnu/dpdk`,
    `${base}/usr/share/dpdk/examples/vhost_crypto/main.c`,
    ...["-o", `${program}.new`, `-L${libraries}`],
    `-Wl,-rpath-link,${libraries}`,
    ...["-lrte_vhost", "-lrte_cryptodev", "-lrte_eal"],
    ...["-lrte_mempool", "-lrte_mbuf", "-lrte_ring"],
  ], base);
  await Deno.rename(`${program}.new`, program);
  return paths;
}

async function checkLibraries(): Promise<void> {
  const known = await succeed(["/sbin/ldconfig", "-p"], "/");
  const missing = NEEDED_LIBRARIES.filter((name) => !known.includes(name));
  if (missing.length === 0) return;
  throw new Error(
    `Cannot start DPDK: ${missing.join(", ")} missing ` +
      `(Debian: libipsec-mb1 libnuma1 libbsd0)`,
  );
}

/** Memory of a process that has just begun, and no more. */
const WARM_SECONDS = 0.3;

/**
 * A process for each measurement: it polls without end on its core, and may
 * answer nothing more once some front-ends have come and gone.
 */
class Dpdk implements BenchDevice {
  readonly name = "DPDK";
  readonly sessionMessages = true;
  readonly warmSeconds = WARM_SECONDS;
  readonly #paths: Paths;
  readonly #folder: string;
  #started = 0;
  #process: DeviceProcess | undefined;

  constructor(paths: Paths, folder: string) {
    this.#paths = paths;
    this.#folder = folder;
  }

  get socketPath(): string {
    return `${this.#folder}/dpdk${this.#started}.sock`;
  }

  peakBytes(): number {
    return this.#process?.peakBytes() ?? NaN;
  }

  async resume(): Promise<void> {
    this.#started++;
    const { program, libraries, drivers } = this.#paths;
    this.#process = await new DeviceProcess({
      name: this.name,
      socketPath: this.socketPath,
      environment: { LD_LIBRARY_PATH: libraries },
      // It tells all that it does.
      stderr: "null",
      // It chooses the cores of its threads itself.
      anywhere: true,
      command: [
        ...[program, "--no-huge", "-m", "512", "--no-pci", "--no-telemetry"],
        ...["--no-shconf", "--lcores", `0@0,1@${DEVICE_CORE}`],
        ...["-d", `${drivers}/librte_mempool_ring.so`],
        ...["-d", `${drivers}/librte_crypto_ipsec_mb.so`],
        ...["--vdev", "crypto_aesni_mb", "--"],
        ...["--config", "(1,0,0)", "--socket-file", `1,${this.socketPath}`],
        "--guest-polling",
      ],
    }).untilItListens();
  }

  async pause(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#process = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.pause();
  }
}

/**
 * DPDK's device, polling on the core of the devices, with the driver of ipsec-mb
 * and ordinary memory.
 */
export async function prepareDpdk(programs: Programs): Promise<BenchDevice> {
  if (DEVICE_CORE === undefined) {
    throw new Error("Cannot start DPDK: it polls on a core of its own");
  }
  await checkLibraries();
  return new Dpdk(await build(), programs.folder);
}
