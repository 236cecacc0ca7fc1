import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { CipherSession } from "../../algorithms/session_description.ts";
import { Random } from "../../conformance/random.ts";
import { DRAFT_9_REQUEST_BYTES } from "../../device/wire/draft9.ts";
import { encodeDraft9Data } from "../../device/wire/draft9_data.ts";
import { VhostUserServer } from "../../device/transport/vhost_user/server.ts";
import { soundDraft9Request } from "../../testing/overlap_draft9.ts";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import { DirtyLog, LOG_PAGE_BYTES } from "../../device/ring/dirty_log.ts";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { F_VERSION_1 } from "../../device/wire/features.ts";
import { wireMode } from "../../device/wire/mode.ts";
import {
  changedPages,
  driversBytes,
  markedPages,
} from "../../testing/logged_pages.ts";
import {
  CONTROL_RING,
  MovingFrontEnd,
  type SharedLog,
} from "../../testing/moving_front_end.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  type ScriptedRing,
  u64,
  USER_ADDRESS,
} from "../../testing/scripted_front_end.ts";
import { createSession } from "../../testing/sessions.ts";
import { legalRequest, legalSessions } from "../../testing/valid_requests.ts";
import {
  eventually,
  guestMappings,
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";

const MODE = wireMode("virtio", F_VERSION_1);
const DATA_AT = 0x10_0000;
/** The last bytes of a page, so that what is written there goes on in the next. */
const PAGE_END = LOG_PAGE_BYTES - 8;
const AES: CipherSession = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: new Uint8Array(16).fill(7),
};
const FORMS = [
  { packed: false, eventIndex: true },
  { packed: true, eventIndex: false },
] as const;

interface Range {
  readonly guestAddress: number;
  readonly lengthBytes: number;
}

/** Requests of a guest that is being moved, each checked against the log. */
class LoggedGuest {
  readonly guest: MovingFrontEnd;
  readonly log: SharedLog;
  readonly #packed: boolean;

  constructor(guest: MovingFrontEnd, log: SharedLog, packed: boolean) {
    this.guest = guest;
    this.log = log;
    this.#packed = packed;
  }

  /** Runs a request; all pages that the device changes must be marked. */
  async run(
    ring: ScriptedRing,
    readable: readonly Range[],
    writable: readonly Range[],
    content?: Uint8Array,
  ): Promise<number[]> {
    const { front } = this.guest;
    const { bytes } = front.region;
    ring.queue.add(readable, writable, 0);
    for (const { guestAddress, lengthBytes } of writable) {
      const at = guestAddress - GUEST_ADDRESS;
      if (readable.some((one) => one.guestAddress === guestAddress)) continue;
      if (content) bytes.set(content, at);
      else bytes.fill(0xa5, at, at + lengthBytes);
    }
    this.log.bytes.fill(0);
    const before = bytes.slice();
    ring.queue.publish();
    front.libc.signal(ring.kickFd);
    await eventually(() => ring.queue.enableInterrupts(), () => "an answer");
    ring.queue.take();
    const ignored = driversBytes(this.guest, this.#packed);
    const changed = () => changedPages(before, bytes, ignored);
    // The last writes to the ring may come after the answer.
    await eventually(
      () => {
        const marked = markedPages(this.log);
        return changed().every((page) => marked.has(page));
      },
      () => `pages ${changed()} changed, ${[...markedPages(this.log)]} marked`,
    );
    return changed();
  }

  place(bytes: Uint8Array, page: number): Range {
    const at = DATA_AT + page * LOG_PAGE_BYTES;
    this.guest.front.region.bytes.set(bytes, at);
    return { guestAddress: GUEST_ADDRESS + at, lengthBytes: bytes.length };
  }

  /** Writable bytes that begin at the end of a page. */
  room(lengthBytes: number, page: number): Range {
    const at = DATA_AT + page * LOG_PAGE_BYTES + PAGE_END;
    return { guestAddress: GUEST_ADDRESS + at, lengthBytes };
  }
}

async function withLoggedGuest(
  form: typeof FORMS[number],
  body: (logged: LoggedGuest, server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer();
  using guest = await MovingFrontEnd.start(server.path, form);
  const log = await guest.startLogging();
  await body(new LoggedGuest(guest, log, form.packed), server);
}

for (const form of FORMS) {
  const name = `${form.packed ? "packed" : "split"} rings`;

  Deno.test(`every page that a request of any service changes is marked: ${name}`, () =>
    withLoggedGuest(form, async (logged, server) => {
      const [ring] = logged.guest.rings;
      const statuses = new Set<number>();
      for (const description of legalSessions()) {
        const created = await server.device.sessions.create(description);
        ok("id" in created, "reason" in created ? created.reason : "");
        const { id } = created;
        for (const operation of [0, 1, 2, 3]) {
          const { readable, writableBytes } = legalRequest(
            MODE,
            description,
            id,
            {
              operation,
              sourceBytes: description.service === "akcipher" ? 128 : 64,
              additionalDataBytes: 16,
              destinationBytes: 128,
            },
          );
          const status = logged.room(1, 20);
          const changed = await logged.run(
            ring!,
            [logged.place(readable, 0)],
            writableBytes > 0
              ? [logged.room(writableBytes, 10), status]
              : [status],
          );
          const { bytes } = logged.guest.front.region;
          statuses.add(bytes[status.guestAddress - GUEST_ADDRESS]!);
          ok(changed.includes(DATA_AT / LOG_PAGE_BYTES + 20));
        }
        server.device.sessions.destroy(id);
      }
      ok(statuses.has(0) && statuses.size > 2, [...statuses].join());
    }));

  Deno.test(`requests in place, of the control queue and without a session are marked: ${name}`, () =>
    withLoggedGuest(form, async (logged) => {
      const [ring] = logged.guest.rings;
      const control = logged.guest.rings[CONTROL_RING]!;
      const { bytes } = logged.guest.front.region;
      const pieces = encodeCreateRequest(AES, MODE);
      const answer = logged.room(16, 30);
      const readable = pieces.map((piece, i) => logged.place(piece, i));
      await logged.run(control, readable, [answer]);
      const at = answer.guestAddress - GUEST_ADDRESS;
      const id = u64(bytes.slice(at, at + 8));
      const lengths = {
        operation: 0,
        sourceBytes: 64,
        additionalDataBytes: 0,
        destinationBytes: 0,
      };
      const data = logged.room(64, 10);
      const status = logged.room(1, 20);
      for (const session of [id, id + 1]) {
        const { readable } = legalRequest(MODE, AES, session, lengths);
        const head = readable.subarray(0, readable.length - 64);
        const inputs = [logged.place(head, 0), data];
        const changed = await logged.run(ring!, inputs, [data, status]);
        // Without a session only the status is written.
        strictEqual(
          changed.includes(DATA_AT / LOG_PAGE_BYTES + 11),
          session === id,
        );
      }
    }));
}

Deno.test("no page is marked in a log after another has taken its place, nor without logging", () =>
  withLoggedGuest(FORMS[0], async (logged, server) => {
    const { guest } = logged;
    const id = createSession(server.device, AES);
    const { readable } = legalRequest(MODE, AES, id, {
      operation: 0,
      sourceBytes: 64,
      additionalDataBytes: 0,
      destinationBytes: 0,
    });
    const second = await guest.nextLog();
    logged.log.bytes.fill(0);
    const run = (log: SharedLog) =>
      new LoggedGuest(guest, log, false).run(
        guest.rings[0]!,
        [logged.place(readable, 0)],
        [logged.room(64, 10), logged.room(1, 20)],
      );
    await run(second);
    strictEqual(markedPages(logged.log).size, 0);
    await guest.stopLogging();
    second.bytes.fill(0);
    await guest.front.request(guest.rings[0]!, [readable], [64, 1]);
    deepStrictEqual([...markedPages(second)], []);
    const mappings = guestMappings();
    const third = await guest.startLogging();
    await run(third);
    // The front-end's own.
    strictEqual(guestMappings(), mappings + 1);
  }));

Deno.test("memory that comes past the end of the log is told of, once", () =>
  withLoggedGuest(FORMS[0], async ({ guest: { front } }, server) => {
    for (let i = 1; i <= 2; i++) {
      const beyond = i * 2 ** 36;
      const region = longs(
        0,
        GUEST_ADDRESS + beyond,
        MEMORY_BYTES,
        USER_ADDRESS + beyond,
        0,
      );
      const { memoryFd } = front;
      strictEqual(await front.tell(Request.AddMemReg, region, [memoryFd]), 0);
    }
    const told = server.log.filter((line) => line.includes("is not marked"));
    strictEqual(told.length, 1, `${server.log}`);
  }));

Deno.test("buffers that requests of the draft name by address are marked", async () => {
  await using server = await startTestServer(VhostUserServer.listen, "noble", {
    layout: "draft-9",
  });
  using guest = await MovingFrontEnd.start(server.path);
  const log = await guest.startLogging();
  const logged = new LoggedGuest(guest, log, false);
  const id = createSession(server.device, { ...AES, key: AES.key.slice() });
  const { request } = soundDraft9Request(AES, id, 0, 64, new Random(1));
  request.ivAddress = logged.room(16, 30).guestAddress;
  request.sourceAddress = logged.room(64, 32).guestAddress;
  request.destinationAddress = logged.room(64, 34).guestAddress;
  const structure = new Uint8Array(DRAFT_9_REQUEST_BYTES);
  encodeDraft9Data(request, new DataView(structure.buffer));
  const changed = await logged.run(
    guest.rings[0]!,
    [],
    [logged.room(structure.length, 36)],
    structure,
  );
  const first = DATA_AT / LOG_PAGE_BYTES;
  for (const page of [34, 35]) ok(changed.includes(first + page), `${changed}`);
});

Deno.test("a log marks what it has bits for, of each page that is touched", () => {
  const bytes = new Uint8Array(3);
  const log = new DirtyLog(bytes);
  log.mark(0, 0);
  deepStrictEqual([...bytes], [0, 0, 0]);
  log.mark(4095, 2);
  deepStrictEqual([...bytes], [3, 0, 0]);
  log.mark(7 * 4096, 2 * 4096);
  deepStrictEqual([...bytes], [0x83, 1, 0]);
  log.mark(10 * 4096, 1);
  deepStrictEqual([...bytes], [0x83, 5, 0]);
  log.mark(23 * 4096, 2 ** 40);
  deepStrictEqual([...bytes], [0x83, 5, 0x80]);
  log.mark(2 ** 52, 2 ** 31);
  log.mark(0, 2 ** 52);
  deepStrictEqual([...bytes], [0xff, 0xff, 0xff]);
});

Deno.test("a log that is too short, past its file or not there is refused", async () => {
  await using server = await startTestServer();
  const top = 2n ** 64n - 1n;
  for (
    const [size, offset, withFile = true] of [
      [0n, 0n],
      [4096n, 0n],
      [131200n, 4096n],
      [top, top],
      [131200n, top - 4095n],
      [2n ** 52n, 0n],
      [131200n, 0n, false],
    ] as const
  ) {
    const mappings = guestMappings();
    {
      using guest = await MovingFrontEnd.start(server.path);
      const { front } = guest;
      const file = front.libc.memfdCreate("guest-log", 131200);
      front.send(
        Request.SetLogBase,
        longs(size, offset),
        withFile ? [file] : [],
      );
      front.libc.close(file);
      strictEqual(await front.receive(), undefined, `${size} ${offset}`);
    }
    await eventually(
      () => guestMappings() <= mappings,
      () => `${guestMappings()} mappings, before ${mappings}`,
    );
  }
});
