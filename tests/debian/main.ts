/**
 * The Debian package on a bare Debian: checked by lintian, installed without a
 * network, started by a real systemd, used, upgraded and removed.
 *
 *     deno task test:deb [PACKAGE.deb [ROOT]]
 *
 * Makes the package and the bare Debian (of the machine's own release, from its
 * mirror) unless they are given. Needs root, npm, lintian and debootstrap.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Driver } from "../../driver/driver.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { ComparedLoad } from "../../examples/demo/compared_load.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { SERVICE, SOCKET } from "../../testing/service_device.ts";
import { SystemManager } from "../../testing/system_manager.ts";
import { refuseOptions, runTask } from "../../testing/task.ts";

const NAME = "vhost-device-crypto";
const UNITS = "/usr/lib/systemd/system";
const LOG = "/run/vhost-device-crypto.log";
const SOCKET_PATH = "/run/vhost-device-crypto.sock";
/** What the device needs of a bare Debian, and what starts it. */
const INCLUDED = "systemd,libssl3,libgcrypt20";
const PACKAGING = fileURLToPath(
  new URL("../debian_packages.sh", import.meta.url),
);
const BOOTSTRAP = `
set -euo pipefail
. "$1"
find_mirror
release="$(. /etc/os-release && echo "$VERSION_CODENAME")"
debootstrap --variant=minbase --include="$2" "$release" "$3" "$mirror"
`;

async function run(program: string, ...words: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: words,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(
    `${program} ${words.join(" ")}: ${text(stdout)}${text(stderr)}`,
  );
}

async function makePackage(folder: string): Promise<string> {
  const architecture = (await run("dpkg", "--print-architecture")).trim();
  const words = ["task", "-q", "package:deb", folder, architecture];
  return (await run(Deno.execPath(), ...words)).trim();
}

/** Installs it, where there is no network. */
async function install(root: string, archive: string): Promise<string[]> {
  await Deno.copyFile(archive, `${root}/package.deb`);
  await run("unshare", "--net", "chroot", root, "dpkg", "-i", "/package.deb");
  const listed = await run("chroot", root, "dpkg", "-L", NAME);
  return listed.trim().split("\n");
}

/** The program itself, as a person tries it first. */
async function tryProgram(manager: SystemManager): Promise<void> {
  const inside = (...words: string[]) =>
    manager.run("unshare", "--net", ...words);
  ok((await inside(NAME, "--version")).startsWith(NAME));
  ok(/^openssl: ready/m.test(await inside(NAME, "probe")));
  // A device that cannot start ends its supervisor before the signal does.
  await inside(
    ...["timeout", "--signal=TERM", "--preserve-status", "8"],
    ...[NAME, "supervise", "--", "--socket-path", "/run/tried.sock"],
  );
}

/** The service, with a guest, over an upgrade and a crash. */
async function use(manager: SystemManager): Promise<void> {
  await manager.ctl("start", SOCKET);
  const link = await connectVhostUser(manager.pathOf(SOCKET_PATH), {
    memoryBytes: 4 * 1024 * 1024,
  });
  await using driver = await Driver.start(link);
  const load = new ComparedLoad(driver);
  await load.nextAnswer();
  // As often as it takes a package: its own script does it.
  await manager.run("dpkg", "-i", "/package.deb");
  await load.nextAnswer();
  await manager.ctl("kill", "--signal=KILL", SERVICE);
  await load.nextAnswer();
  await load.stop();
  strictEqual(load.wrong, 0);
  strictEqual(load.asked, load.answered);
  const kept = await manager.property(SERVICE, "NFileDescriptorStore");
  ok(Number(kept) > 5, `${kept} descriptors are kept`);
}

/** Nothing is left, of the package and of what was kept. */
async function remove(
  manager: SystemManager,
  root: string,
  files: readonly string[],
): Promise<void> {
  await manager.run("dpkg", "--purge", NAME);
  strictEqual(await manager.property(SERVICE, "MainPID"), "0");
  strictEqual(await exists(manager.pathOf(SOCKET_PATH)), false);
  const left: string[] = [];
  for (const path of files) {
    const isFile = await Deno.lstat(`${root}${path}`)
      .then(({ isDirectory }) => !isDirectory, () => false);
    if (isFile) left.push(path);
  }
  strictEqual(left.join(" "), "");
}

async function main([archive, root]: readonly string[]): Promise<void> {
  await using folder = await temporaryFolder();
  const step = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${what}: ${seconds} s`);
    return result;
  };
  const made = archive ?? await step("made", makePackage(folder.path));
  await step("checked", run("lintian", "--fail-on", "error", made));
  const system = root ?? `${folder.path}/root`;
  if (root === undefined) {
    const words = ["-c", BOOTSTRAP, "bash", PACKAGING, INCLUDED, system];
    await step("a bare Debian", run("bash", ...words));
  }
  const files = await step("installed", install(system, made));
  const unit = (name: string) => Deno.readTextFile(`${system}${UNITS}/${name}`);
  const units = {
    [SERVICE]: await unit(SERVICE),
    // There is no journal.
    [`${SERVICE}.d/log.conf`]: `[Service]\nStandardError=append:${LOG}\n`,
    [SOCKET]: await unit(SOCKET),
  };
  await using manager = await SystemManager.start(units, system);
  await step("tried", tryProgram(manager));
  try {
    await step("used", use(manager));
  } catch (error) {
    console.error(await manager.ctl("show", SERVICE, "-p", "Result,NRestarts"));
    console.error(await manager.run("cat", LOG));
    throw error;
  }
  await step("removed", remove(manager, system, files));
}

if (import.meta.main) {
  await runTask({
    usage: "test:deb [ARCHIVE [ROOT]]",
    about: "installs, starts, uses and removes the package on a bare Debian",
  }, (words) => main(refuseOptions(words)));
}
