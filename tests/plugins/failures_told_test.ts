import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { SessionMessageHandlers } from "../../device/transport/vhost_user/session_messages.ts";
import { STATUS_HW_READY } from "../../device/wire/config_space.ts";
import { SESSION_MESSAGE_BYTES } from "../../device/wire/session_message.ts";
import { Status } from "../../device/wire/status.ts";
import {
  FAILS,
  FORGETS,
  REFUSES,
  THROWS,
} from "../../testing/forgetful_backend.ts";
import type {
  ScriptedFrontEnd,
  ScriptedRing,
} from "../../testing/scripted_front_end.ts";
import { aesCbc, createSession } from "../../testing/sessions.ts";
import {
  connect,
  encryption,
  startRing,
} from "../../testing/vhost_user_rings.ts";
import {
  startTestServer,
  testDevice,
  type TestServer,
} from "../../testing/vhost_user_server.ts";

const FORGETFUL = import.meta.resolve("../../testing/forgetful_backend.ts");
const GOOD = 77;

function session(server: TestServer, firstKeyByte: number): number {
  return createSession(
    server.device,
    aesCbc(new Uint8Array(16).fill(firstKeyByte)),
  );
}

/** Status of one request of a session. */
async function request(
  front: ScriptedFrontEnd,
  ring: ScriptedRing,
  id: number,
): Promise<number> {
  const [, status] = await front.request(ring, [encryption(id)], [64, 1]);
  return status![0]!;
}

/** What the log says at warn level. */
const warnings = ({ log }: TestServer) =>
  log.filter((line) => line.startsWith("warn: "));

/** How often a request is made that cannot be done. */
const TIMES = 20;

for (
  const [what, habit, expected] of [
    [
      "a session that a backend refuses",
      REFUSES,
      "warn: session refused by backend forgetful: " +
      "cipher.aes-cbc 128 encrypt: no room",
    ],
    [
      "a request that a backend fails at",
      FAILS,
      "warn: request failed by backend forgetful: " +
      "cipher.aes-cbc 128 encrypt: it answered ERR",
    ],
    [
      "a backend that breaks down",
      THROWS,
      "warn: backend forgetful on queue thread 0 failed: out of order",
    ],
    [
      "a backend that leaves an operation pending without poll()",
      FORGETS,
      "warn: backend forgetful on queue thread 0 failed: " +
      "it left an operation pending and has no poll()",
    ],
  ] as const
) {
  Deno.test(`over vhost-user, ${what} is answered with ERR and told once`, async () => {
    await using server = await startTestServer(undefined, FORGETFUL);
    using front = connect(server);
    const ring = await startRing(front, 0);
    const bad = session(server, habit);
    for (let i = 0; i < TIMES; i++) {
      strictEqual(await request(front, ring, bad), Status.Error);
    }
    await server.logged(expected);
    // A later failure of another kind comes after whatever else was told.
    await front.ask(Request.GetFeatures);
    deepStrictEqual(warnings(server), [expected]);
    const isDown = habit === THROWS || habit === FORGETS;
    const good = session(server, GOOD);
    strictEqual(
      await request(front, ring, good),
      isDown ? Status.Error : Status.Ok,
    );
    if (!isDown) return;
    await server.logged(
      "info: backend forgetful on queue thread 0 works again",
    );
    strictEqual(await request(front, ring, good), Status.Ok);
  });
}

Deno.test("over vhost-user, a session that nobody may have is told at a level that is seen, once", async () => {
  await using server = await startTestServer(undefined, FORGETFUL);
  using front = connect(server);
  await front.ask(Request.GetFeatures);
  for (let i = 0; i < TIMES; i++) {
    server.device.sessions.create({
      service: "hash",
      algorithm: "sha256",
      resultBytes: 33,
    });
  }
  strictEqual(warnings(server).length, 1);
  const [line] = warnings(server);
  strictEqual(
    line!.startsWith("warn: session refused: status 1, "),
    true,
    line,
  );
});

Deno.test("over vhost-user, a backend that fails on the control queue's thread clears HW_READY and comes back", async () => {
  await using server = await startTestServer(undefined, FORGETFUL);
  using front = connect(server);
  await front.ask(Request.GetFeatures);
  const { device } = server;
  const isReady = () => (device.readConfig()[0]! & STATUS_HW_READY) !== 0;
  strictEqual(isReady(), true);
  device.backends.backendFailed("forgetful", "unplugged");
  strictEqual(isReady(), false);
  deepStrictEqual(warnings(server), [
    "warn: backend forgetful on the control queue failed: unplugged",
  ]);
  await server.logged(
    "info: backend forgetful on the control queue works again",
  );
  strictEqual(isReady(), true);
});

Deno.test("a session message that is refused is told like a control request", async () => {
  const device = await testDevice();
  const told: string[] = [];
  device.sessions.observe({
    opened() {},
    closed() {},
    refused: ({ reason }) => told.push(reason),
  });
  const messages = new SessionMessageHandlers(device, "C");
  const payload = new Uint8Array(SESSION_MESSAGE_BYTES.C).fill(0xff);
  const message = { payload, fds: [], request: 0, wantsReply: true };
  const { CreateCryptoSession } = messages.handlers;
  ok(await CreateCryptoSession(message as never) instanceof Uint8Array);
  strictEqual(told.length, 1);
  device.close();
});
