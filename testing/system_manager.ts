/**
 * A real systemd as PID 1 of namespaces of its own, beside whatever runs the
 * machine. It knows the units that it is given, and nothing else.
 *
 * @module
 */

import { childOf } from "./kept_device.ts";
import { exists, temporaryFolder } from "./files.ts";
import type { RealPart } from "./real_parts.ts";

const SYSTEMD = "/lib/systemd/systemd";
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

/** What the targets of services and sockets need. */
const TARGETS = ["basic", "sysinit", "sockets", "slices", "shutdown"]
  .map((name) => `${name}.target`);

/**
 * What the first process of the namespaces does before it becomes systemd. The
 * variable `container` has it leave the machine's own settings alone.
 */
const BEGIN = `
set -e
root="$2"
if [ -n "$root" ]; then
  # Services have namespaces of their own, for which a root has to be a mount.
  mount --bind "$root" "$root"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
fi
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root/run/units" "$root/run/systemd/system"
for unit in ${TARGETS.join(" ")}; do
  ln -s /lib/systemd/system/$unit "$root/run/units/"
done
ln -s basic.target "$root/run/units/default.target"
cp -r "$1"/. "$root/run/units/"
cd "$root/"
if [ -n "$root" ]; then mount --move . /; fi
exec chroot . env -i PATH="$PATH" container=vhost-crypto-test \\
  SYSTEMD_UNIT_PATH=/run/units \\
  ${SYSTEMD} --system --log-target=null --show-status=no
`;

async function canRun(): Promise<boolean> {
  if (Deno.uid() !== 0 || !await exists(SYSTEMD)) return false;
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["--mount", "--pid", "--ipc", "--uts", "--fork", "true"],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** For `testWith`. */
export const SYSTEM_MANAGER: RealPart = {
  present: await canRun(),
  name: "systemd in namespaces of its own",
  remedy: "install systemd, and run the test as root",
};

/** Running; disposing of it ends all that it has started. */
export class SystemManager implements AsyncDisposable {
  readonly #pid: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(pid: number, stack: AsyncDisposableStack) {
    this.#pid = pid;
    this.#stack = stack;
  }

  /**
   * Starts it with unit files, which may lie in folders (`NAME.d/`), in the system
   * below `root`.
   */
  static async start(
    units: Readonly<Record<string, string>>,
    root = "",
  ): Promise<SystemManager> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    for (const [name, text] of Object.entries(units)) {
      const path = `${folder.path}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.writeTextFile(path, text);
    }
    const child = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"],
        ...["--propagation", "private", "sh", "-c", BEGIN, "sh"],
        ...[folder.path, root],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    stack.defer(async () => {
      child.kill("SIGKILL");
      await child.status;
    });
    const pid = await childOf(child.pid);
    const manager = new SystemManager(pid, stack.move());
    try {
      await manager.#isRunning();
      return manager;
    } catch (error) {
      await manager[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs `systemctl` with `words`; what it printed. */
  ctl(...words: string[]): Promise<string> {
    return this.run("systemctl", ...words);
  }

  /** A property of a unit. */
  property(unit: string, name: string): Promise<string> {
    return this.ctl("show", "--value", "-p", name, unit);
  }

  /** Waits until a property of a unit is as it should be. */
  async until(
    unit: string,
    name: string,
    isGood: (value: string) => boolean,
  ): Promise<string> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const value = await this.property(unit, name);
      if (isGood(value)) return value;
      if (performance.now() > end) {
        throw new Error(`${unit} still has ${name}=${value}`);
      }
      await new Promise((wake) => setTimeout(wake, POLL_MS));
    }
  }

  /** Where a file of its system is for other processes. */
  pathOf(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Runs a program in its system; what it printed. */
  async run(program: string, ...words: string[]): Promise<string> {
    const { success, stdout, stderr } = await this.#inside(program, words);
    if (success) return new TextDecoder().decode(stdout).trim();
    const reason = new TextDecoder().decode(stderr);
    throw new Error(`${program} ${words.join(" ")}: ${reason}`);
  }

  /** A file of `/proc/PID`, whose process has that number inside. */
  procFile(pid: string, name: string): Promise<string> {
    return this.run("cat", `/proc/${pid}/${name}`);
  }

  #inside(
    program: string,
    words: readonly string[],
  ): Promise<Deno.CommandOutput> {
    return new Deno.Command("nsenter", {
      args: [
        ...[`--target=${this.#pid}`, "--mount", "--pid", "--root"],
        ...["env", "--chdir=/", program, ...words],
      ],
      env: { SYSTEMD_COLORS: "0" },
      stdin: "null",
    }).output();
  }

  async #isRunning(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const { stdout } = await this.#inside("systemctl", ["is-system-running"]);
      const state = new TextDecoder().decode(stdout).trim();
      if (state === "running") return;
      if (performance.now() > end) throw new Error(`systemd is ${state}`);
      await new Promise((wake) => setTimeout(wake, POLL_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
