/**
 * Runs other people's programs in a Linux guest under QEMU on this device, and
 * compares what they say with what is known of them:
 *
 *     tests/peers/fetch.sh
 *     deno task test:peers [NAME]...
 *
 * Without names, all of them. Ends with 1 where something is not as expected, or
 * a part is missing. The consoles and the device's logs stay in the cache.
 *
 * @module
 */

import { guestParts } from "../guest/guest.ts";
import { exists } from "../../testing/files.ts";
import { DPDK_22_11, DPDK_25_11 } from "./dpdk.ts";
import type { Peer } from "./peer.ts";
import { runPeer } from "./run_peer.ts";
import { TOOLS } from "./tools.ts";
import { Mistake, runTask } from "../../testing/task.ts";

const PEERS: readonly Peer[] = [TOOLS, DPDK_22_11, DPDK_25_11];

function cacheFolder(): string {
  const named = Deno.env.get("VHOST_CRYPTO_PEERS_CACHE");
  if (named) return named;
  const caches = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME")}/.cache`;
  return `${caches}/vhost-device-crypto/peers`;
}

function onlyEntry(folder: string): string {
  const [entry] = Deno.readDirSync(folder);
  if (!entry) throw new Error(`Cannot find anything in ${folder}`);
  return `${folder}/${entry.name}`;
}

async function missingPart(
  peers: readonly Peer[],
  cache: string,
): Promise<string | undefined> {
  for (const folder of ["linux", ...peers.map(({ folder }) => folder)]) {
    if (await exists(`${cache}/${folder}/.recipe`)) continue;
    return `${folder} is not in ${cache}: run tests/peers/fetch.sh`;
  }
  return undefined;
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.find((name) =>
    !PEERS.some((peer) => peer.name === name)
  );
  if (unknown !== undefined) {
    const known = PEERS.map(({ name }) => name).join(", ");
    throw new Mistake(`Cannot run peer "${unknown}": expected ${known}`);
  }
  const peers = PEERS.filter(({ name }) =>
    names.length === 0 || names.includes(name)
  );
  const cache = cacheFolder();
  const found = await guestParts();
  const missing = found.ok ? await missingPart(peers, cache) : found.missing;
  if (!found.ok || missing !== undefined) {
    console.error(`Cannot run peers: ${missing}`);
    return 1;
  }
  const parts = {
    ...found.parts,
    kernelImage: onlyEntry(`${cache}/linux/boot`),
    modulesFolder: onlyEntry(`${cache}/linux/lib/modules`),
  };
  let failed = 0;
  for (const peer of peers) {
    let report = await runPeer(peer, parts, cache);
    for (let made = 1; made < (peer.attempts ?? 1); made++) {
      if (report.problems.length === 0) break;
      console.log(`${peer.name}: once more, for ${report.problems[0]}`);
      report = await runPeer(peer, parts, cache);
    }
    const log = `${cache}/${peer.name}.log`;
    await Deno.writeTextFile(
      log,
      `${report.console.join("\n")}\n${report.deviceLog}`,
    );
    for (const [name, reason] of report.outcomes) {
      const why = peer.ownFailures[name]?.why;
      const own = reason !== undefined && why !== undefined
        ? ` (its own: ${why})`
        : "";
      console.log(`  ${reason ?? "passed"}${own}  ${name}`);
    }
    for (const [program, count] of report.sessions) {
      console.log(`  ${count} sessions  ${program}`);
    }
    for (const problem of report.problems) console.log(`PROBLEM  ${problem}`);
    const verdict = report.problems.length === 0 ? "as expected" : "NOT so";
    console.log(
      `${peer.name}: ${verdict}, ${report.seconds.toFixed(0)} s, ${log}`,
    );
    if (report.problems.length > 0) failed++;
  }
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  await runTask({
    usage: "test:peers [NAME]...",
    about: `runs other people's programs in a guest: ${
      PEERS.map(({ name }) => name).join(", ")
    }`,
  }, main);
}
