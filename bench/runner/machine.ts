/**
 * What a figure belongs to: processor, kernel and versions, no names or paths.
 *
 * @module
 */

/** The machine of a run. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  readonly deno: string;
  readonly openssl: string;
  /** Load average of the last minute when the run began. */
  readonly loadAverage: number;
}

async function opensslVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("openssl", { args: ["version"] })
      .output();
    return new TextDecoder().decode(stdout).split(" ").slice(1, 2).join();
  } catch {
    return "none";
  }
}

/** Describes this machine. */
export async function describeMachine(): Promise<Machine> {
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const processor = /^model name\s*:\s*(.+)$/m.exec(cpuinfo)?.[1];
  return {
    processor: processor ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease().split("-")[0]!,
    deno: Deno.version.deno,
    openssl: await opensslVersion(),
    loadAverage: Deno.loadavg()[0]!,
  };
}

/** One line for tables and charts. */
export function machineLine(machine: Machine): string {
  return `${machine.processor}, ${machine.cores} cores, ` +
    `Linux ${machine.kernel}, Deno ${machine.deno}, ` +
    `OpenSSL ${machine.openssl}, load average ` +
    `${machine.loadAverage.toFixed(1)} at the start`;
}
