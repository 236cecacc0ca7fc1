import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { nativeBuffer, openLibc } from "../ffi/libc.ts";
import { connectDatagram } from "../ffi/libc_datagram.ts";
import { SocketMessages } from "../ffi/libc_socket.ts";
import { COUNTER_NAME } from "../testing/kept_process.ts";
import { eventually, openDescriptors } from "../testing/vhost_user_server.ts";
import { Supervisor } from "./supervisor.ts";

const PROCESS = fileURLToPath(
  new URL("../testing/kept_process.ts", import.meta.url),
);

const OPTIONS = { sanitizeOps: false, sanitizeResources: false };

/** A supervised process and the lines that it has written. */
class Kept implements AsyncDisposable {
  readonly file = Deno.makeTempFileSync();
  readonly logged: string[] = [];
  readonly supervisor: Supervisor;
  readonly ended: Promise<number>;

  constructor(mood = "", watchdogMs = 0) {
    this.supervisor = new Supervisor({
      libc: openLibc(),
      command: [Deno.execPath(), "run", "-A", "--no-check", PROCESS]
        .concat(this.file, mood),
      watchdogMs,
      log: (_, line) => this.logged.push(line),
    });
    this.ended = this.supervisor.run();
  }

  get lines(): string[] {
    return Deno.readTextFileSync(this.file).split("\n").slice(0, -1);
  }

  /** Waits for the line with this number, from 1 on. */
  async line(number: number): Promise<string> {
    const until = performance.now() + 20_000;
    while (this.lines.length < number) {
      ok(performance.now() < until, `no line ${number}: ${this.lines}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.lines[number - 1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervisor.stop();
    await this.ended;
  }

  async pid(number: number): Promise<number> {
    return Number((await this.line(number)).split(" ")[0]);
  }
}

Deno.test(
  "a process that is killed finds what it kept when it is back",
  OPTIONS,
  async () => {
    const before = openDescriptors();
    await using kept = new Kept();
    match(await kept.line(1), / found 0 counted 2$/);
    for (let kills = 1; kills <= 3; kills++) {
      Deno.kill(await kept.pid(kills), "SIGKILL");
      // Each adds 2 and takes 1.
      match(
        await kept.line(kills + 1),
        RegExp(` found 1 counted ${2 + kills}$`),
      );
    }
    kept.supervisor.stop();
    strictEqual(await kept.ended, 0);
    strictEqual(kept.lines.at(-1), "asked to end");
    ok(kept.logged.every((line) => /by signal 9; starts again/.test(line)));
    strictEqual(kept.logged.length, 3);
    strictEqual(openDescriptors(), before);
  },
);

Deno.test("another takes over with all that is kept", OPTIONS, async () => {
  await using kept = new Kept();
  await kept.line(1);
  kept.supervisor.replace();
  strictEqual(await kept.line(2), "asked to end");
  match(await kept.line(3), / found 1 counted 3$/);
  deepStrictEqual(kept.logged, []);
});

Deno.test(
  "one that ends before it was ever ready is not started again",
  OPTIONS,
  async () => {
    await using kept = new Kept("fail");
    strictEqual(await kept.ended, 3);
    match(kept.logged[0]!, /exit code 3 before it was ready/);
  },
);

Deno.test(
  "one that says nothing any more is started anew",
  OPTIONS,
  async () => {
    await using kept = new Kept("silent", 400);
    const first = await kept.pid(1);
    ok(await kept.pid(2) !== first);
    match(kept.logged[0]!, /said nothing for 400 ms; is killed/);
    kept.supervisor.stop();
    await kept.ended;
  },
);

/** How many descriptors of this process are the file that `fd` is. */
function descriptorsOf(fd: number): number {
  const folder = "/proc/self/fd";
  const links = [...Deno.readDirSync(folder)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`);
    } catch {
      // The one that the folder was read with.
      return "";
    }
  });
  const own = Deno.readLinkSync(`${folder}/${fd}`);
  return links.filter((link) => link === own).length;
}

Deno.test(
  "what other processes send is not obeyed, and its descriptors are closed",
  OPTIONS,
  async () => {
    const libc = openLibc();
    await using kept = new Kept();
    const pid = await kept.pid(1);
    const environment = Deno.readTextFileSync(`/proc/${pid}/environ`);
    const name = /NOTIFY_SOCKET=([^\0]+)/.exec(environment)![1]!;
    const fd = connectDatagram(libc, name);
    ok(fd >= 0);
    const text = new TextEncoder().encode(
      `FDSTOREREMOVE=1\nFDSTORE=1\nFDNAME=${COUNTER_NAME}`,
    );
    const bytes = nativeBuffer(text.length);
    bytes.set(text);
    strictEqual(new SocketMessages(libc).send(fd, bytes, [fd]), bytes.length);
    Deno.kill(pid, "SIGKILL");
    match(await kept.line(2), / found 1 counted 3$/);
    await eventually(
      () => descriptorsOf(fd) === 1,
      () => `${descriptorsOf(fd)} descriptors of what was sent`,
    );
    libc.close(fd);
    kept.supervisor.stop();
    await kept.ended;
  },
);
