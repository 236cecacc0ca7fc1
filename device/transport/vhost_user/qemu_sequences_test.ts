import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type CipherSession } from "../../../algorithms/session_description.ts";
import {
  AES,
  backendChannel,
  BIT_30,
  CONTROL,
  createByQueue,
  encrypt,
  encryptsWell,
  KEY,
  RING_FEATURES,
  shakeHands,
  shareMemory,
  startCryptodev,
  startGeneric,
  startRing,
  without,
  withServer,
} from "../../../testing/qemu_front_end.ts";
import {
  longs,
  ScriptedFrontEnd,
  type ScriptedRing,
  u64,
  words,
} from "../../../testing/scripted_front_end.ts";
import {
  decodeSessionReply,
  encodeSessionMessage,
} from "../../wire/session_message_encode.ts";
import { OFFERED_PROTOCOL_FEATURES, Request } from "./messages.ts";

withServer(
  "generic mode: sessions by control queue, requests by data queue",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    for (let i = 0; i < 200; i++) await encryptsWell(front, data, session);
    const other = await createByQueue(front, control);
    await encryptsWell(front, data, other);
    strictEqual((await encrypt(front, data, 999)).status, 4);
    strictEqual(server.device.sessions.size, 2);
  },
);

withServer(
  "generic mode: a driver that is unbound and bound again starts anew",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    await createByQueue(front, control);
    await encrypt(front, data, 7);
    for (const index of [0, CONTROL]) {
      strictEqual(await front.tell(Request.SetVringEnable, words(index, 0)), 0);
      const base = await front.ask(Request.GetVringBase, words(index, 0));
      deepStrictEqual([...base], [...words(index, 1)]);
    }
    strictEqual(server.device.sessions.size, 1);
    const again = await startRing(front, CONTROL);
    const dataAgain = await startRing(front, 0);
    for (const index of [0, CONTROL]) {
      strictEqual(await front.tell(Request.SetVringEnable, words(index, 1)), 0);
    }
    strictEqual(server.device.sessions.size, 0);
    const session = await createByQueue(front, again);
    await encryptsWell(front, dataAgain, session);
  },
);

withServer(
  "generic mode: a ring waits for SET_VRING_ENABLE",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30));
    await shareMemory(front);
    const control = await startRing(front, CONTROL);
    const waiting = createByQueue(front, control);
    await new Promise((resolve) => setTimeout(resolve, 50));
    strictEqual(server.device.sessions.size, 0);
    await front.tell(Request.SetVringEnable, words(CONTROL, 1));
    ok(await waiting > 0);
  },
);

withServer("a guest that pauses keeps its sessions", async (server) => {
  using front = ScriptedFrontEnd.connect(server.path);
  const { data, control } = await startGeneric(front);
  const session = await createByQueue(front, control);
  await encryptsWell(front, data, session);
  const stopped: [number, ScriptedRing, Uint8Array][] = [];
  for (const [index, ring] of [[0, data], [CONTROL, control]] as const) {
    const answer = await front.ask(Request.GetVringBase, words(index, 0));
    await front.tell(Request.SetVringEnable, words(index, 0));
    stopped.push([index, ring, answer]);
  }
  await front.tell(Request.SetStatus, longs(0));
  front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30));
  for (const [index, ring, answer] of stopped) {
    front.send(Request.SetVringBase, answer);
    front.send(Request.SetVringAddr, front.ringAddresses(index, ring));
    await front.tell(Request.SetVringKick, longs(index), [ring.kickFd]);
    await front.tell(Request.SetVringEnable, words(index, 1));
  }
  strictEqual(server.device.sessions.size, 1);
  await encryptsWell(front, data, session);
});

withServer("cryptodev mode: the ring runs from its kick on", async (server) => {
  using front = ScriptedFrontEnd.connect(server.path);
  const ring = await startCryptodev(front);
  const payload = encodeSessionMessage(AES, "C");
  const answer = await front.ask(Request.CreateCryptoSession, payload);
  strictEqual(answer.length, 1072);
  const session = decodeSessionReply(answer, "C");
  ok(session > 0);
  await encryptsWell(front, ring, session);
  front.send(Request.CloseCryptoSession, longs(session));
  strictEqual(
    await front.tell(Request.CloseCryptoSession, longs(session)),
    1,
  );
  strictEqual(server.device.sessions.size, 0);
  strictEqual((await encrypt(front, ring, session)).status, 4);
});

for (const layout of ["A", "B", "C"] as const) {
  withServer(`session messages in layout ${layout}`, async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const ring = await startCryptodev(front);
    const create = async (description: CipherSession) =>
      decodeSessionReply(
        await front.ask(
          Request.CreateCryptoSession,
          encodeSessionMessage(description, layout),
        ),
        layout,
      );
    ok(await create({ ...AES, key: KEY.subarray(0, 5) }) < 0);
    await encryptsWell(front, ring, await create(AES));
  });
}

withServer("session messages need their protocol feature", async (server) => {
  using front = ScriptedFrontEnd.connect(server.path);
  await shakeHands(front, without(7));
  front.send(Request.CreateCryptoSession, encodeSessionMessage(AES, "C"));
  strictEqual(await front.receive(), undefined);
  await server.logged("CREATE_CRYPTO_SESSION: its protocol feature");
});

withServer(
  "a session is known to a queue thread before its answer",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    for (let i = 0; i < 30; i++) {
      await encryptsWell(front, data, await createByQueue(front, control));
    }
  },
);

withServer(
  "need_reply is answered with 0 or 1 where REPLY_ACK is negotiated, and a reply of its own comes once",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const NEED_REPLY = 9;
    front.send(Request.SetVringEnable, words(0, 1), [], NEED_REPLY);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    strictEqual(await front.tell(Request.SetVringNum, words(0, 64)), 0);
    strictEqual(await front.tell(Request.SetVringNum, words(0, 0)), 1);
    front.send(Request.SetVringNum, words(0, 64));
    const slots = await front.ask(
      Request.GetMaxMemSlots,
      undefined,
      [],
      NEED_REPLY,
    );
    strictEqual(u64(slots), 509);
    strictEqual(u64(await front.ask(Request.GetQueueNum)), 3);
  },
);

withServer("GET_CONFIG answers as long as it was asked", async (server) => {
  using front = ScriptedFrontEnd.connect(server.path);
  await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
  const config = server.device.readConfig();
  const ask = (offset: number, length: number) =>
    front.ask(
      Request.GetConfig,
      Uint8Array.from([...words(offset, length, 0), ...new Uint8Array(length)]),
    );
  const whole = await ask(0, 56);
  deepStrictEqual(whole, Uint8Array.from([...words(0, 56, 0), ...config]));
  deepStrictEqual([...await ask(4, 4)].slice(12), [2, 0, 0, 0]);
  const beyond = await ask(48, 208);
  strictEqual(beyond.length, 12 + 208);
  ok(beyond.subarray(12 + 8).every((byte) => byte === 0));
  strictEqual((await ask(48, 209)).length, 0);
  strictEqual((await ask(0xffff_ffff, 1)).length, 0);
  strictEqual((await ask(0, 0)).length, 0);
  const write = Uint8Array.from([...words(0, 4, 0), 0, 0, 0, 0]);
  strictEqual(await front.tell(Request.SetConfig, write), 1);
  front.send(Request.SetConfig, write);
  deepStrictEqual(await ask(0, 56), whole);
});

withServer(
  "a config change goes out on the channel of the front-end",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await startGeneric(front);
    using channel = await backendChannel(front);
    server.device.onConfigChange!();
    const message = await channel.receive();
    deepStrictEqual(message, {
      request: 2,
      flags: 1,
      payload: message!.payload,
    });
    strictEqual(message!.payload.length, 0);
  },
);

withServer(
  "status: FEATURES_OK stays off for features that cannot be",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    const status = async (value: number) => {
      front.send(Request.SetStatus, longs(value));
      return u64(await front.ask(Request.GetStatus));
    };
    front.send(Request.SetFeatures, longs(BIT_30 | RING_FEATURES | 2n));
    strictEqual(await status(11), 3);
    front.send(Request.SetFeatures, longs(BIT_30 | RING_FEATURES));
    strictEqual(await status(11), 11);
    strictEqual(await status(15), 15);
    strictEqual(await status(0), 0);
    strictEqual(await status(11), 3);
  },
);

for (const how of ["SET_STATUS", "RESET_DEVICE"] as const) {
  withServer(`${how} drops sessions and stops rings`, async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { control } = await startGeneric(front);
    await createByQueue(front, control);
    const request = how === "SET_STATUS"
      ? Request.SetStatus
      : Request.ResetDevice;
    const payload = how === "SET_STATUS" ? longs(0) : undefined;
    strictEqual(await front.tell(request, payload), 0);
    strictEqual(server.device.sessions.size, 0);
    await server.logged("queue 0 stopped");
    await server.logged("queue 2 stopped");
    front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30));
    const again = await startRing(front, CONTROL);
    await front.tell(Request.SetVringEnable, words(CONTROL, 1));
    await createByQueue(front, again);
  });
}
