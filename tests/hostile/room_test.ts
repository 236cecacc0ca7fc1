// What a host gives to a process ends: descriptors, memory, room for mappings.
// Whoever comes then is refused with one line, and the rest goes on.

import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Driver } from "../../mod.ts";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { eventually } from "../../testing/vhost_user_server.ts";
import { testWith } from "../../testing/real_parts.ts";

const SOCKETS = 8;
const WORDS = ["--backend", "noble", "--log-level", "debug"];
/** What the device leaves free, and some front-ends more. */
const MORE_DESCRIPTORS = 64 + 30;
const MEBIBYTE = 2 ** 20;

async function found(command: string): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args: ["--version"] }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const PRLIMIT = {
  present: await found("prlimit"),
  name: "prlimit",
  remedy: "Debian: util-linux",
};

/** Gives a running process a limit. */
async function limit(
  pid: number,
  resource: string,
  value: number,
) {
  const { success } = await new Deno.Command("prlimit", {
    args: ["--pid", `${pid}`, `--${resource}=${value}:`],
  }).output();
  ok(success);
}

const openFiles = (pid: number) =>
  [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

function addressSpaceBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmSize:\s*(\d+)/.exec(status)![1]) * 1024;
}

const refusals = (log: string) => log.match(/^.*: warn: .*$/gm) ?? [];

testWith(
  PRLIMIT,
  "whoever finds no descriptor is refused, and the others go on",
  async () => {
    await using folder = await temporaryFolder();
    const paths = Array.from(
      { length: SOCKETS },
      (_, i) => `${folder.path}/${i}`,
    );
    await using device = await ServeProcess.start(
      `${paths.at(-1)}: listening at`,
      ...paths.flatMap((path) => ["--socket-path", path]),
      ...WORDS,
    );
    match(device.log, /debug: this process may have \d+ files open/);
    const drivers: Driver[] = [await attach(paths[0]!)];
    await encryptSomething(drivers[0]!);
    await limit(device.pid, "nofile", openFiles(device.pid) + MORE_DESCRIPTORS);
    let refused: string | undefined;
    for (const path of paths.slice(1)) {
      try {
        drivers.push(await attach(path));
      } catch {
        refused ??= path;
      }
    }
    ok(refused !== undefined && drivers.length > 1, `${drivers.length}`);
    await device.said(
      /front-end refused: \d+ of \d+ descriptors are in use/,
    );
    for (const driver of drivers) await encryptSomething(driver);
    strictEqual(refusals(device.log).length, SOCKETS - drivers.length);
    // With room there is a place for whoever has been refused.
    const before = openFiles(device.pid);
    await drivers.pop()!.close();
    await eventually(
      () => openFiles(device.pid) < before - 3,
      () => `${openFiles(device.pid)} descriptors, ${before} before`,
    );
    drivers.push(await attach(refused));
    for (const driver of drivers) {
      await encryptSomething(driver);
      await driver.close();
    }
  },
);

/** Where groups of processes have limits of their threads. */
const PIDS_FOLDERS = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

/** A group of processes that may have so many threads as is said. */
class ThreadGroup implements Disposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Undefined where this user can make none. */
  static make(): ThreadGroup | undefined {
    for (const folder of PIDS_FOLDERS) {
      const group = new ThreadGroup(`${folder}/vhost-crypto-test-${Deno.pid}`);
      try {
        Deno.mkdirSync(group.#folder);
      } catch {
        continue;
      }
      try {
        group.limit("max");
        return group;
      } catch {
        group[Symbol.dispose]();
      }
    }
    return undefined;
  }

  add(pid: number): void {
    Deno.writeTextFileSync(`${this.#folder}/cgroup.procs`, `${pid}`);
  }

  limit(threads: number | "max"): void {
    const path = `${this.#folder}/pids.max`;
    Deno.writeTextFileSync(path, `${threads}`, { create: false });
  }

  /** No process may be left in it. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder);
  }
}

function threadGroups() {
  using group = ThreadGroup.make();
  return {
    present: group !== undefined,
    name: "a control group",
    remedy: "a user that may make one that limits threads",
    // No package brings it.
    isHardware: true,
  };
}

testWith(
  threadGroups(),
  "for whom there is no thread is refused, and may come again",
  async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/0`;
    using group = ThreadGroup.make()!;
    const device = await ServeProcess.start(
      `listening at ${path}`,
      ...["--socket-path", path, ...WORDS],
    );
    try {
      group.add(device.pid);
      group.limit(1);
      await rejects(attach(path));
      await device.said("no thread can be started");
      await rejects(attach(path));
      await device.said("front-end gone", 2);
      const files = openFiles(device.pid);
      for (let i = 3; i < 8; i++) {
        await rejects(attach(path));
        await device.said("front-end gone", i);
      }
      await eventually(
        () => openFiles(device.pid) <= files,
        () => `${openFiles(device.pid)} descriptors, ${files} before`,
      );
      group.limit("max");
      await using driver = await attach(path);
      await encryptSomething(driver);
    } finally {
      await device.end("SIGTERM");
    }
  },
);

testWith(
  PRLIMIT,
  "whose memory finds no room is refused, and the others go on",
  async () => {
    await using folder = await temporaryFolder();
    const [first, second] = [`${folder.path}/1`, `${folder.path}/2`];
    await using device = await ServeProcess.start(
      `${second}: listening at`,
      ...["--socket-path", first, "--socket-path", second, ...WORDS],
    );
    await using driver = await attach(first);
    await encryptSomething(driver);
    const bytes = addressSpaceBytes(device.pid);
    await limit(device.pid, "as", bytes + 256 * MEBIBYTE);
    await rejects(attach(second, 1024 * MEBIBYTE));
    await device.said(
      `warn: ${second}: SET_MEM_TABLE refused: memory region at guest address`,
    );
    match(refusals(device.log).join("\n"), /^[^\n]*Cannot allocate memory$/);
    await encryptSomething(driver);
    await using small = await attach(second);
    await encryptSomething(small);
  },
);
