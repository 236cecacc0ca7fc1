// A front-end takes away pages of memory that it has shared, or they run out:
// whoever touches them gets SIGBUS. Its own connection ends, and nothing else.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { MemoryGuard } from "../../device/transport/vhost_user/memory_guard.ts";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { VhostUserServer } from "../../device/transport/vhost_user/server.ts";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import { cString, openLibc } from "../../ffi/libc.ts";
import { sealSize } from "../../ffi/libc_seals.ts";
import {
  INDIRECT,
  LENT_BYTES,
  lentAddress,
  lentRequest,
  LosingFrontEnd,
  NEXT,
  REQUEST_AT,
  RESULT_AT,
  RING_SIZE,
  TABLE_AT,
  WRITE,
} from "../../testing/losing_front_end.ts";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { AES } from "../../testing/qemu_front_end.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";
import { RawSplitRing } from "../../testing/raw_ring.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { cipherHeader, LEGACY } from "../../testing/requests.ts";
import { aesCbc, createSession } from "../../testing/sessions.ts";
import {
  connect,
  encryption,
  expectAnswer,
  openDeviceSession,
} from "../../testing/vhost_user_rings.ts";
import {
  eventually,
  guestMappings,
  openDescriptors,
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";

const CONTROL = 2;
const MFD_HUGETLB = 0x4;
const O_RDWR = 2;
const O_CREAT = 0o100;
const LARGE_BYTES = 256 * 1024;
const RUNS = 8;
const libc = openLibc();

const lentFile = () => libc.memfdCreate("guest-lent", LENT_BYTES);

/** One warning says why the front-end is gone, and nothing else is said. */
async function expectLoss(server: TestServer, before: number): Promise<void> {
  await server.logged("front-end gone", before + 1);
  const gone = server.log.filter((line) => line.includes("front-end gone"));
  strictEqual(gone.length, before + 1);
  match(
    gone.at(-1)!,
    /^warn: .*memory region at guest address 0x200000000 is gone/,
  );
  deepStrictEqual(server.log.filter((line) => line.includes("broken")), []);
}

/** Another guest, which is served while `body` runs. */
async function besides(
  backend: string,
  body: (server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer(undefined, backend);
  await using other = await startTestServer(undefined, backend);
  await expectAnswer(other);
  await expectAnswer(server);
  const descriptors = openDescriptors();
  const mappings = guestMappings();
  await body(server);
  await expectAnswer(other);
  await expectAnswer(server);
  await eventually(
    () => openDescriptors() <= descriptors && guestMappings() <= mappings,
    () => `${openDescriptors()} descriptors, ${guestMappings()} mappings`,
  );
}

await testOnBackends(
  "data that is gone",
  (backend) =>
    besides(backend, async (server) => {
      for (const length of [64, LARGE_BYTES]) {
        using lost = await LosingFrontEnd.connect(server.path, lentFile());
        const ring = await lost.startRing(0, "own");
        const session = createSession(
          server.device,
          aesCbc(new Uint8Array(16)),
        );
        const header = cipherHeader(session, 16, length, length);
        lost.front.region.bytes.set(header, 0x10_0000);
        const own = BigInt(0x1_0000_0000 + 0x10_0000);
        const pieces = [
          { address: own, lengthBytes: header.length, flags: NEXT, next: 1 },
          {
            address: lentAddress(REQUEST_AT),
            lengthBytes: 16 + length,
            flags: NEXT,
            next: 2,
          },
          {
            address: lentAddress(RESULT_AT),
            lengthBytes: length + 1,
            flags: WRITE,
          },
        ];
        lost.send(ring, pieces);
        await eventually(() => ring.own!.usedIndex === 1, () => "answer");
        lost.lose();
        lost.send(ring, pieces, 20);
        const runs = server.log.filter((line) => line.includes("gone")).length;
        await expectLoss(server, runs);
      }
    }),
);

await testOnBackends(
  "data that goes while bursts run",
  (backend) =>
    besides(backend, async (server) => {
      for (let run = 1; run <= RUNS; run++) {
        using lost = await LosingFrontEnd.connect(server.path, lentFile());
        const ring = await lost.startRing(0, "own");
        const session = createSession(
          server.device,
          aesCbc(new Uint8Array(16)),
        );
        const request = Uint8Array.from([
          ...cipherHeader(session, 16, LARGE_BYTES, LARGE_BYTES),
          ...new Uint8Array(16 + LARGE_BYTES),
        ]);
        lost.fill(REQUEST_AT, request);
        const pieces = lentRequest(request.length, LARGE_BYTES + 1);
        lost.send(ring, pieces, 60);
        await eventually(() => ring.own!.usedIndex >= run % 4, () => "answers");
        lost.lose();
        lost.send(ring, pieces);
        await expectLoss(server, run);
      }
    }),
);

const requestBytes = (server: TestServer) =>
  encryption(openDeviceSession(server));

// Zeros are no ring that goes on: nobody is told that it is broken.
Deno.test("a ring that is gone", () =>
  besides("noble", async (server) => {
    using lost = await LosingFrontEnd.connect(server.path, lentFile());
    lost.fill(REQUEST_AT, requestBytes(server));
    lost.change((region) => {
      const ring = new RawSplitRing(region, 0, RING_SIZE);
      lentRequest(152, 65).forEach((one, i) => ring.descriptor(i, one));
      ring.availableIndex(3);
    });
    const ring = await lost.startRing(0, "lent");
    lost.kick(ring);
    await eventually(() => libc.clear(ring.callFd) >= 0, () => "answers");
    lost.lose();
    lost.kick(ring);
    await expectLoss(server, 1);
  }));

Deno.test("an indirect table that is gone", () =>
  besides("noble", async (server) => {
    using lost = await LosingFrontEnd.connect(server.path, lentFile());
    const ring = await lost.startRing(0, "own");
    const table = [{
      address: lentAddress(TABLE_AT),
      lengthBytes: 32,
      flags: INDIRECT,
    }];
    lost.fill(REQUEST_AT, requestBytes(server));
    lost.lose();
    lost.send(ring, table, 40);
    await expectLoss(server, 1);
  }));

for (const what of ["ring", "request"] as const) {
  Deno.test(`the control queue's ${what} that is gone`, () =>
    besides("noble", async (server) => {
      using lost = await LosingFrontEnd.connect(server.path, lentFile());
      const where = what === "ring" ? "lent" : "own";
      const ring = await lost.startRing(CONTROL, where);
      const request = Uint8Array.from(
        encodeCreateRequest(AES, LEGACY).flatMap((piece) => [...piece]),
      );
      lost.fill(REQUEST_AT, request);
      if (what === "request") {
        lost.send(ring, lentRequest(request.length, 16));
        await eventually(() => ring.own!.usedIndex === 1, () => "session");
        strictEqual(server.device.sessions.size, 1);
      }
      lost.lose();
      if (what === "request") {
        lost.send(ring, lentRequest(request.length, 16), 30);
      } else lost.kick(ring);
      await expectLoss(server, 1);
      strictEqual(server.device.sessions.size, 0);
    }));
}

// Whether the ring or the message comes first is open: then nothing is lost.
Deno.test("memory that is gone and taken back in the same moment", () =>
  besides("noble", async (server) => {
    using lost = await LosingFrontEnd.connect(server.path, lentFile());
    const { front } = lost;
    const ring = await lost.startRing(0, "own");
    lost.lose();
    lost.send(ring, lentRequest(152, 65));
    front.send(Request.SetMemTable, front.memoryTable(), [front.memoryFd]);
    await eventually(
      () => server.log.at(-1)!.match(/gone|memory mapped: 1 /) !== null,
      () => server.log.join("\n"),
    );
  }));

/** A region of a file whose pages are gone, or could never be had. */
async function servesWithout(
  server: TestServer,
  fd: number,
  hasPages: boolean,
): Promise<void> {
  ok(fd >= 0, libc.describe(fd));
  using lost = await LosingFrontEnd.connect(server.path, fd);
  const ring = await lost.startRing(0, "own");
  if (hasPages) {
    lost.fill(REQUEST_AT, requestBytes(server));
    lost.send(ring, lentRequest(152, 65));
    await eventually(() => ring.own!.usedIndex === 1, () => "answer");
    lost.lose();
  }
  lost.send(ring, lentRequest(152, 65));
  await expectLoss(server, 1);
}

/** A file of huge pages. */
function hugeFile(): number {
  const fd = libc.check(
    libc.symbols.memfd_create(cString("guest-huge"), MFD_HUGETLB),
  );
  if (fd < 0) return fd;
  const resized = libc.truncate(fd, LENT_BYTES);
  return resized < 0 ? resized : fd;
}

function freeHugePages(): number {
  const found = Deno.readTextFileSync("/proc/meminfo");
  return Number(/HugePages_Free:\s*(\d+)/.exec(found)?.[1] ?? 0);
}

Deno.test(`huge pages that are ${freeHugePages() > 0 ? "gone" : "not there"}`, () =>
  besides(
    "noble",
    (server) => servesWithout(server, hugeFile(), freeHugePages() > 0),
  ));

/** A full folder in memory, in a mount namespace of its own. */
class FullFolder implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Mounts it; undefined where that is not allowed. */
  static async mount(): Promise<FullFolder | undefined> {
    const script = "mount -t tmpfs -o size=64k none /mnt && " +
      "head -c 64k /dev/zero >/mnt/all && echo && exec cat";
    try {
      const child = new Deno.Command("unshare", {
        args: ["-Urm", "sh", "-c", script],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = child.stdout.getReader();
      const { value } = await reader.read();
      await reader.cancel();
      const folder = new FullFolder(child);
      if (value !== undefined) return folder;
      await folder[Symbol.asyncDispose]();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return undefined;
  }

  /** A file of 2 MiB there, none of which can have a page. */
  makeFile(): number {
    const library = Deno.dlopen("libc.so.6", {
      open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
    });
    const path = cString(`/proc/${this.#child.pid}/root/mnt/file`);
    const fd = libc.check(library.symbols.open(path, O_RDWR | O_CREAT, 0o600));
    if (fd >= 0) libc.truncate(fd, LENT_BYTES);
    library.close();
    return fd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
  }
}

async function namespaces(): Promise<RealPart> {
  await using folder = await FullFolder.mount();
  return {
    present: folder !== undefined,
    name: "unshare",
    remedy: "a system that lets this user mount in a namespace",
  };
}

testWith(
  await namespaces(),
  "a full file system in memory",
  () =>
    besides("noble", async (server) => {
      await using folder = await FullFolder.mount();
      await servesWithout(server, folder!.makeFile(), false);
    }),
);

Deno.test("the guest whose memory is gone shares its thread with another", async () => {
  await using folder = await temporaryFolder();
  const path = (index: number) => `${folder.path}/${index}`;
  await using device = await ServeProcess.start(
    `listening at ${path(1)}`,
    ...["--socket-path", `${folder.path}/%i`, "--guests", "2"],
    ...["--threads", "1", "--backend", "noble"],
  );
  await using driver = await attach(path(0));
  for (let round = 1; round <= 3; round++) {
    using lost = await LosingFrontEnd.connect(path(1), lentFile());
    const ring = await lost.startRing(0, "own");
    lost.send(ring, lentRequest(152, 65));
    await eventually(() => ring.own!.usedIndex === 1, () => "answer");
    const busy = Promise.all([1, 2, 3, 4].map(() => encryptSomething(driver)));
    lost.lose();
    lost.send(ring, lentRequest(152, 65), 30);
    await device.said(
      `warn: ${path(1)}: front-end gone: memory region at guest address`,
      round,
    );
    await busy;
    await encryptSomething(driver);
  }
  strictEqual((await device.end("SIGTERM")).code, 0);
});

for (const sealed of [true, false]) {
  const what = sealed ? "sealed" : "unsealed";
  Deno.test(`${what} memory where unsealed memory is refused`, async () => {
    let memoryGuard: MemoryGuard | undefined;
    await using server = await startTestServer((path, options) => {
      memoryGuard = new MemoryGuard(libc, options.reactor, "refuse");
      return VhostUserServer.listen(path, { ...options, memoryGuard });
    });
    using front = connect(server);
    if (sealed) strictEqual(sealSize(libc, front.memoryFd), 0);
    const table = front.memoryTable();
    const { memoryFd } = front;
    const answer = await front.tell(Request.SetMemTable, table, [memoryFd]);
    strictEqual(answer, sealed ? 0 : 1);
    const text = `memory region at guest address 0x100000000 is ${
      sealed ? "" : "not "
    }sealed against shrinking`;
    await server.logged(`debug: ${text}`);
    const refused = server.log.filter((line) => line.startsWith("warn: "));
    deepStrictEqual(
      refused,
      sealed ? [] : [`warn: SET_MEM_TABLE refused: ${text}`],
    );
    memoryGuard!.close();
  });
}
