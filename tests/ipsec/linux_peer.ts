/**
 * A Linux guest whose IPsec packets a test sends and receives: its kernel is
 * Debian's, and its console carries packets as lines.
 *
 * @module
 */

import { cpioArchive, type CpioEntry } from "../guest/cpio.ts";
import { type GuestParts, guestParts } from "../guest/guest_parts.ts";
import { lines } from "../guest/guest.ts";
import { moduleEntries, run } from "../guest/initramfs.ts";
import { qemuCommand } from "../guest/qemu_command.ts";
import { exists } from "../../testing/files.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";

const MODULES: readonly string[] = [
  ...["tun", "xfrm_user", "esp4", "esp6"],
  ...["authenc", "authencesn", "echainiv", "seqiv", "hmac", "crypto_null"],
  ...["aes_generic", "cbc", "ctr", "gcm", "ccm", "ghash_generic", "cmac"],
  ...["xcbc", "sha1_generic", "sha256_generic", "chacha20poly1305"],
  ...["chacha_generic", "poly1305_generic"],
];

const IP = "/sbin/ip";
const FETCH = "run tests/guest/fetch.sh";

interface LinuxParts {
  readonly parts: GuestParts;
  readonly kernelImage: string;
  readonly modulesFolder: string;
}

async function onlyEntry(folder: string): Promise<string | undefined> {
  if (!await exists(folder)) return undefined;
  for await (const entry of Deno.readDir(folder)) {
    return `${folder}/${entry.name}`;
  }
  return undefined;
}

async function findParts(): Promise<LinuxParts | string> {
  const found = await guestParts();
  if (!found.ok) return found.missing;
  const { parts } = found;
  const kernelImage = await onlyEntry(`${parts.cache}/linux-net/boot`);
  const modulesFolder = await onlyEntry(`${parts.cache}/linux-net/lib/modules`);
  if (kernelImage === undefined || modulesFolder === undefined) {
    return `a kernel with network modules is not in ${parts.cache}: ${FETCH}`;
  }
  if (!await exists(IP)) return `${IP} is not there: install iproute2`;
  return { parts, kernelImage, modulesFolder };
}

const found = await findParts();

const LINUX: RealPart = {
  present: typeof found !== "string",
  name: "a Linux guest",
  remedy: typeof found === "string" ? found : "",
};

/** Registers a test that needs such a guest. */
export const testWithLinux = (
  name: string,
  body: (context: Deno.TestContext) => Promise<void>,
): void => testWith(LINUX, name, body);

/** A program and the libraries that it is linked with. */
async function programEntries(path: string): Promise<CpioEntry[]> {
  const text = new TextDecoder().decode(await run("ldd", [path]));
  const libraries = text.matchAll(/(?:=> )?(\/\S+) \(0x/g).map(([, one]) =>
    one!
  );
  const entries = new Map<string, CpioEntry>();
  for (const file of [path, ...libraries]) {
    // Busybox has an ip of its own, without xfrm; a longer name means a command.
    const target = file === path ? "bin/IP" : file.slice(1);
    for (let end = target.indexOf("/"); end > 0;) {
      const folder = target.slice(0, end);
      if (folder !== "bin") entries.set(folder, { path: folder });
      end = target.indexOf("/", end + 1);
    }
    const content = await Deno.readFile(file);
    entries.set(target, { path: target, content, executable: true });
  }
  return [...entries.values()];
}

async function compile(): Promise<Uint8Array<ArrayBuffer>> {
  const output = await Deno.makeTempFile({ prefix: "guest_xfrm-" });
  try {
    await run("gcc", [
      ..."-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static".split(
        " ",
      ),
      ...["-o", output, `${import.meta.dirname}/guest_xfrm.c`],
    ]);
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(output);
  }
}

async function buildArchive(
  { parts, modulesFolder }: LinuxParts,
): Promise<Uint8Array<ArrayBuffer>> {
  const init = await Deno.readFile(`${import.meta.dirname}/guest_init.sh`);
  return cpioArchive([
    ...["bin", "dev", "proc", "sys", "modules"].map((path) => ({ path })),
    { path: "init", content: init, executable: true },
    {
      path: "bin/busybox",
      content: await Deno.readFile(parts.busybox),
      executable: true,
    },
    { path: "bin/guest_xfrm", content: await compile(), executable: true },
    ...await programEntries(IP),
    ...await moduleEntries(modulesFolder, MODULES),
  ]);
}

/** A packet that the guest has sent, and where. */
export interface GuestPacket {
  readonly place: "wire" | "inside" | "udp";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** How long the guest may take for one line, … */
const ANSWER_MS = 30_000;
/** … and to start. */
const START_MS = 150_000;

/** A running guest. */
export class LinuxPeer implements AsyncDisposable {
  readonly #qemu: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: AsyncGenerator<string>;
  readonly #archive: string;
  /** What the guest has said last, for a test that fails. */
  readonly said: string[] = [];

  private constructor(qemu: Deno.ChildProcess, archive: string) {
    this.#qemu = qemu;
    this.#archive = archive;
    this.#input = qemu.stdin.getWriter();
    this.#output = lines(qemu.stdout);
  }

  static async start(): Promise<LinuxPeer> {
    if (typeof found === "string") throw new Error(`No guest: ${found}`);
    const archive = await Deno.makeTempFile({ prefix: "xfrm-initramfs-" });
    await Deno.writeFile(archive, await buildArchive(found));
    const { kernelImage, parts } = found;
    const command = qemuCommand({ ...parts, kernelImage }, archive, {
      mode: "builtin",
      qemu: "11.1",
      kernelWords: [],
    });
    const qemu = new Deno.Command(command.program, {
      args: command.args,
      env: command.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const peer = new LinuxPeer(qemu, archive);
    await peer.#answer(START_MS);
    return peer;
  }

  /** Runs a shell command in the guest; rejects where it fails. */
  async run(command: string): Promise<void> {
    const { code } = await this.#ask(`run ${command}`);
    if (code === 0) return;
    throw new Error(`${command}: ${code}: ${this.said.slice(-6).join("; ")}`);
  }

  /** Gives the guest a packet from outside, or from the network behind it. */
  give(
    place: "wire" | "inside",
    packet: Uint8Array,
  ): Promise<GuestPacket[]> {
    return this.#packets(`${place} ${packet.toHex()}`);
  }

  /** Has the guest send a datagram of its own to port 2222 of `host`. */
  send(host: string, payload: Uint8Array): Promise<GuestPacket[]> {
    return this.#packets(`send ${host} ${payload.toHex()}`);
  }

  async #packets(line: string): Promise<GuestPacket[]> {
    const { code, packets } = await this.#ask(line);
    if (code === 0) return packets;
    throw new Error(`The guest cannot ${line.slice(0, 60)}: ${code}`);
  }

  /** A counter of /proc/net/xfrm_stat. */
  async count(name: string): Promise<number> {
    await this.run(`grep -w ${name} /proc/net/xfrm_stat`);
    const line = this.said.findLast((one) => one.startsWith(name)) ?? "";
    return Number(line.slice(name.length).trim());
  }

  async #ask(line: string) {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    return await this.#answer();
  }

  async #answer(
    patienceMs = ANSWER_MS,
  ): Promise<{ code: number; packets: GuestPacket[] }> {
    const packets: GuestPacket[] = [];
    const timer = setTimeout(() => this.#qemu.kill("SIGKILL"), patienceMs);
    try {
      for (;;) {
        const { value, done } = await this.#output.next();
        if (done) {
          throw new Error(
            `The guest is gone, or silent for ${patienceMs} ms: ` +
              this.said.slice(-6).join("; "),
          );
        }
        const [word, first, second] = value.split(" ");
        if (word === "ANSWER") return { code: Number(first), packets };
        if (word === "PACKET") {
          const place = first as GuestPacket["place"];
          packets.push({ place, bytes: Uint8Array.fromHex(second ?? "") });
        } else {
          this.said.push(value);
          if (this.said.length > 50) this.said.shift();
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#qemu.kill("SIGKILL");
    await this.#input.close().catch(() => {});
    while (!(await this.#output.next()).done);
    await this.#qemu.status;
    await Deno.remove(this.#archive);
  }
}
