import { strictEqual } from "node:assert/strict";
import {
  AES,
  BIT_30,
  CONTROL,
  createByQueue,
  encrypt,
  encryptsWell,
  RING_FEATURES,
  shakeHands,
  shareMemory,
  startCryptodev,
  startGeneric,
  startRing,
} from "../../../testing/qemu_front_end.ts";
import {
  longs,
  ScriptedFrontEnd,
  words,
} from "../../../testing/scripted_front_end.ts";
import {
  startTestServer,
  type TestServer,
} from "../../../testing/vhost_user_server.ts";
import {
  decodeSessionReply,
  encodeSessionMessage,
} from "../../wire/session_message_encode.ts";
import { OFFERED_PROTOCOL_FEATURES, Request } from "./messages.ts";

const INVSESS = 4;
const OK = 0;

type Front = ScriptedFrontEnd;

/** A new driver's data queue and control queue. */
async function startAnew(front: Front) {
  front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30));
  const data = await startRing(front, 0);
  const control = await startRing(front, CONTROL);
  for (const index of [0, CONTROL]) {
    strictEqual(await front.tell(Request.SetVringEnable, words(index, 1)), 0);
  }
  return { data, control };
}

/** What QEMU sends when the driver resets the device. */
async function stopRings(front: Front): Promise<void> {
  for (const index of [0, CONTROL]) {
    strictEqual(await front.tell(Request.SetVringEnable, words(index, 0)), 0);
    await front.ask(Request.GetVringBase, words(index, 0));
  }
}

/** How a front-end tells of a reset by the driver, or does not. */
const RESETS: Readonly<Record<string, (front: Front) => Promise<void>>> = {
  RESET_DEVICE: async (front) =>
    strictEqual(await front.tell(Request.ResetDevice), 0),
  "SET_STATUS 0": async (front) =>
    strictEqual(await front.tell(Request.SetStatus, longs(0)), 0),
  "rings that start anew": stopRings,
  "SET_STATUS 0 after stopped rings": async (front) => {
    await stopRings(front);
    strictEqual(await front.tell(Request.SetStatus, longs(0)), 0);
  },
};

const keeping = (keep: boolean): Promise<TestServer> =>
  startTestServer(undefined, "noble", {
    sessionsAcrossReset: keep ? "keep" : "drop",
    maximumSessions: 2,
  });

for (const [how, reset] of Object.entries(RESETS)) {
  for (const keep of [true, false]) {
    const fate = keep ? "outlive" : "do not outlive";
    Deno.test(`sessions ${fate} a reset by ${how}`, async () => {
      await using server = await keeping(keep);
      using front = ScriptedFrontEnd.connect(server.path);
      const { data, control } = await startGeneric(front);
      const session = await createByQueue(front, control);
      await encryptsWell(front, data, session);
      await reset(front);
      const next = await startAnew(front);
      const { status } = await encrypt(front, next.data, session);
      strictEqual(status, keep ? OK : INVSESS);
      strictEqual(server.device.sessions.size, keep ? 1 : 0);
      await server.logged(keep ? "1 sessions stay" : "1 sessions are gone");
      // What the driver before has left makes room.
      for (const _ of [1, 2]) await createByQueue(front, next.control);
      strictEqual((await encrypt(front, next.data, session)).status, INVSESS);
    });
  }
}

Deno.test("kept sessions of cryptodev mode outlive a reset", async () => {
  await using server = await keeping(true);
  using front = ScriptedFrontEnd.connect(server.path);
  const ring = await startCryptodev(front);
  const answer = await front.ask(
    Request.CreateCryptoSession,
    encodeSessionMessage(AES, "C"),
  );
  const session = decodeSessionReply(answer, "C");
  await encryptsWell(front, ring, session);
  await front.ask(Request.GetVringBase, words(0, 0));
  front.send(Request.SetFeatures, longs(BIT_30));
  await encryptsWell(front, await startRing(front, 0), session);
});

Deno.test("no session outlives a new owner of the connection", async () => {
  await using server = await keeping(true);
  using front = ScriptedFrontEnd.connect(server.path);
  const { control } = await startGeneric(front);
  const session = await createByQueue(front, control);
  await stopRings(front);
  await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
  await shareMemory(front);
  const next = await startAnew(front);
  strictEqual((await encrypt(front, next.data, session)).status, INVSESS);
  await server.logged("1 sessions are gone, owner");
});

Deno.test("no session outlives the connection", async () => {
  await using server = await keeping(true);
  let session = 0;
  {
    using front = ScriptedFrontEnd.connect(server.path);
    const { control } = await startGeneric(front);
    session = await createByQueue(front, control);
    await stopRings(front);
    await startAnew(front);
    strictEqual(server.device.sessions.size, 1);
  }
  await server.logged("front-end gone");
  strictEqual(server.device.sessions.size, 0);
  using front = ScriptedFrontEnd.connect(server.path);
  const { data } = await startGeneric(front);
  strictEqual((await encrypt(front, data, session)).status, INVSESS);
});
