/**
 * What a report tells of the machine.
 *
 * @module
 */

import { probeBackends } from "../../mod.ts";

/** Why guests cannot run on KVM here; undefined where they can. */
export function withoutKvm(
  device = "/dev/kvm",
  processors = "/proc/cpuinfo",
): string | undefined {
  try {
    using _ = Deno.openSync(device, { read: true, write: true });
    // Without these KVM interprets its guests, and gives some instructions up.
    const text = Deno.readTextFileSync(processors);
    return Deno.build.arch !== "x86_64" || /^flags.*\b(vmx|svm)\b/m.test(text)
      ? undefined
      : "the processor shows neither vmx nor svm";
  } catch (error) {
    return error instanceof Error ? error.message : `${error}`;
  }
}

/** What a text is not to have in it. */
interface Names {
  /** The folder of the repository, and that of whoever runs this. */
  readonly root: string;
  readonly home: string | undefined;
  readonly host: string;
}

/** `text` without folders and names by which somebody could be known. */
export function withoutNames(
  text: string,
  { root, home, host }: Names,
): string {
  const named = text.replaceAll(root, "./");
  const housed = home === undefined || home === "/"
    ? named
    : named.replaceAll(home, "~");
  return housed.replaceAll(
    new RegExp(`\\b${RegExp.escape(host)}\\b`, "g"),
    "HOST",
  );
}

async function outputOf(command: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(command, { args }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "unknown";
  }
}

async function field(path: string, pattern: RegExp): Promise<string> {
  try {
    return pattern.exec(await Deno.readTextFile(path))?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}

/** Lines about hardware, system and libraries; nothing that names the host. */
export async function hostLines(root: string): Promise<string[]> {
  const backends = (await probeBackends()).map(({ backend, probe }) =>
    `- ${backend.name}: ${
      probe.ready
        ? probe.version
        : probe.missing.map(({ what }) => what).join("; ")
    }`
  );
  return [
    `- commit: ${await outputOf("git", "-C", root, "rev-parse", "HEAD")}`,
    `- Deno: ${Deno.version.deno}`,
    `- processor: ${await field(
      "/proc/cpuinfo",
      /^model name\s*: (.*)$/m,
    )}, ${navigator.hardwareConcurrency} of them`,
    `- kernel: ${Deno.osRelease()}`,
    `- system: ${await field("/etc/os-release", /^PRETTY_NAME="(.*)"$/m)}`,
    ...backends,
  ];
}
