import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  backendChannel,
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
import { inSomeTry } from "../../../testing/tries.ts";
import { nativeBuffer, POLLFD_BYTES, POLLIN } from "../../../ffi/libc.ts";
import { OFFERED_PROTOCOL_FEATURES, Request } from "./messages.ts";

const PACKED = 1n << 34n;
const REVISION_1 = 1n << 0n;
const STATELESS_CIPHER = 1n << 1n;
/** Long enough for a ring to be served that should not be. */
const SERVED_MS = 50;

type Front = ScriptedFrontEnd;

const pause = (milliseconds: number) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const told = async (front: Front, request: number, payload?: Uint8Array) =>
  strictEqual(await front.tell(request, payload), 0);

const enable = (front: Front, index: number, value = 1) =>
  told(front, Request.SetVringEnable, words(index, value));

/** The device is not to answer yet; what answers it then is to be awaited. */
async function unanswered<T>(answer: Promise<T>): Promise<() => Promise<T>> {
  let answered = false;
  const noted = answer.finally(() => answered = true);
  await pause(SERVED_MS);
  strictEqual(answered, false, "served too early");
  return () => noted;
}

/** Whether something has come that nobody has received. */
function isReadable({ libc, fd }: Front): boolean {
  const fds = nativeBuffer(POLLFD_BYTES);
  const view = new DataView(fds.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  return libc.poll(fds, 1, 0) === 1;
}

withServer(
  "SET_FEATURES without bit 30 enables all rings at once",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30));
    await shareMemory(front);
    const data = await startRing(front, 0);
    const control = await startRing(front, CONTROL);
    const created = await unanswered(createByQueue(front, control));
    await told(front, Request.SetFeatures, longs(RING_FEATURES));
    const session = await created();
    await enable(front, 0, 0);
    const encrypted = await unanswered(encryptsWell(front, data, session));
    await told(front, Request.SetFeatures, longs(RING_FEATURES));
    await encrypted();
  },
);

withServer(
  "features that come in halves are judged when the first ring starts",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    const set = (features: bigint) =>
      told(front, Request.SetFeatures, longs(features));
    await set(BIT_30 | 1n << 28n);
    await shareMemory(front);
    const data = await startRing(front, 0);
    const control = await startRing(front, CONTROL);
    strictEqual(await front.tell(Request.SetVringEnable, words(0, 1)), 1);
    await server.logged(
      "warn: SET_VRING_ENABLE refused: features 0x50000000 are not acceptable",
    );
    await set(BIT_30 | RING_FEATURES);
    await enable(front, 0);
    await enable(front, CONTROL);
    await encryptsWell(front, data, await createByQueue(front, control));
  },
);

withServer(
  "features change under no ring that runs, but for bits 26 and 30",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    const set = (features: bigint) =>
      front.tell(Request.SetFeatures, longs(features));
    const other = RING_FEATURES | REVISION_1 | STATELESS_CIPHER;
    strictEqual(await set(other | BIT_30), 1);
    await server.logged("SET_FEATURES refused: features 0x150000003 while");
    strictEqual(await set(RING_FEATURES | BIT_30), 0);
    strictEqual(await set(RING_FEATURES), 0);
    await encryptsWell(front, data, session);
  },
);

withServer(
  "cryptodev mode has data queues alone, and none of them is a control queue",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const ring = await startCryptodev(front);
    strictEqual(u64(await front.ask(Request.GetQueueNum)), 2);
    strictEqual(
      await front.tell(Request.SetVringNum, words(CONTROL, 64)),
      1,
    );
    await server.logged("SET_VRING_NUM refused: ring 2 of 2");
    const last = await startRing(front, 1);
    for (const data of [ring, last]) {
      const { status, result } = await encrypt(front, data, 77);
      strictEqual(status, 4);
      deepStrictEqual(result, new Array(64).fill(0));
    }
  },
);

withServer(
  "a control ring that was told before the mode was is not started in cryptodev mode",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    front.send(Request.SetFeatures, longs(BIT_30 | RING_FEATURES));
    await shareMemory(front);
    await startRing(front, CONTROL);
    await told(front, Request.SetProtocolFeatures, longs(without(9)));
    await told(front, Request.SetFeatures, longs(RING_FEATURES));
    await startRing(front, 0);
    await server.logged("queue 0 started");
    ok(!server.log.some((line) => line.includes("queue 2 started")));
  },
);

withServer(
  "RESET_OWNER disables rings, and SET_VRING_ENABLE 1 lets them go on",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await told(front, Request.ResetOwner);
    const encrypted = await unanswered(encryptsWell(front, data, session));
    await enable(front, 0);
    await encrypted();
    await enable(front, CONTROL);
    await createByQueue(front, control);
    strictEqual(server.device.sessions.size, 2);
  },
);

/** A packed ring that is told to start at `base`; the answer of ENABLE. */
async function startPackedAt(
  front: Front,
  index: number,
  base: number,
): Promise<{ ring: ScriptedRing; refused: number }> {
  const ring = front.makeRing(index, 64, false, true);
  await startRing(front, index, base, ring);
  const refused = await front.tell(Request.SetVringEnable, words(index, 1));
  return { ring, refused };
}

async function shakeHandsPacked(front: Front): Promise<void> {
  await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
  front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30 | PACKED));
  await shareMemory(front);
}

for (const base of [0, 0x8000, 0x8000_8000]) {
  const hex = `0x${base.toString(16)}`;
  withServer(
    `a new packed ring with base ${hex} answers, before a reset and after`,
    async (server) => {
      using front = ScriptedFrontEnd.connect(server.path);
      await shakeHandsPacked(front);
      for (let time = 0; time < 2; time++) {
        const data = (await startPackedAt(front, 0, base)).ring;
        const control = (await startPackedAt(front, CONTROL, base)).ring;
        await encryptsWell(front, data, await createByQueue(front, control));
        strictEqual(server.device.sessions.size, 1);
        for (const index of [0, CONTROL]) {
          await front.ask(Request.GetVringBase, words(index, 0));
          await enable(front, index, 0);
        }
      }
    },
  );
}

withServer(
  "a base at which no ring can stand is refused with the reason",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHandsPacked(front);
    for (
      const [base, reason] of [
        [0x8005, "base 0x8005 has descriptors under way"],
        [0x8040_8040, "base 0x80408040 is outside the ring"],
      ] as const
    ) {
      strictEqual((await startPackedAt(front, 0, base)).refused, 1);
      await server.logged(`SET_VRING_ENABLE refused: ring 0: ${reason}`);
    }
    strictEqual((await startPackedAt(front, 0, 0x8005_8005)).refused, 0);
  },
);

withServer(
  "a config change waits while the front-end has stopped all rings",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data } = await startGeneric(front);
    using channel = await backendChannel(front);
    for (const index of [0, CONTROL]) {
      await front.ask(Request.GetVringBase, words(index, 0));
    }
    server.device.onConfigChange!();
    server.device.onConfigChange!();
    // Started, but disabled: the device is not suspended any more.
    await enable(front, 0, 0);
    await pause(SERVED_MS);
    ok(!isReadable(channel), "sent while suspended");
    await startRing(front, 0, 0, data);
    strictEqual((await channel.receive())?.request, 2);
    await told(front, Request.SetVringEnable, words(0, 1));
    ok(!isReadable(channel), "announced twice");
  },
);

withServer(
  "a call descriptor that comes while all rings are stopped is not signalled",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await startGeneric(front);
    const call = front.eventfd();
    for (const index of [0, CONTROL]) {
      await front.ask(Request.GetVringBase, words(index, 0));
      strictEqual(
        await front.tell(Request.SetVringCall, longs(index), [call]),
        0,
      );
    }
    await pause(SERVED_MS);
    ok(front.libc.clear(call) < 0, "signalled");
  },
);

withServer(
  "a driver that tells DRIVER_OK once is waited for from then on",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
    const status = (value: number) =>
      told(front, Request.SetStatus, longs(value));
    const begin = async () => {
      await status(1);
      await told(front, Request.SetFeatures, longs(RING_FEATURES | BIT_30));
      await status(11);
      await shareMemory(front);
      const data = await startRing(front, 0);
      const control = await startRing(front, CONTROL);
      await enable(front, 0);
      await enable(front, CONTROL);
      return { data, control };
    };
    const first = await begin();
    const old = await createByQueue(front, first.control);
    await status(15);
    await encryptsWell(front, first.data, old);
    await status(0);
    const second = await begin();
    const creating = await unanswered(createByQueue(front, second.control));
    const encrypting = await unanswered(encrypt(front, second.data, old));
    strictEqual(server.device.sessions.size, 0);
    await status(15);
    strictEqual((await encrypting()).status, 4);
    await encryptsWell(front, second.data, await creating());
  },
);

withServer(
  "every ring is looked at when DRIVER_OK comes",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    await inSomeTry(async () => {
      // Both rings run and wait for a kick, which this driver forgets.
      await pause(SERVED_MS);
      const encrypting = await unanswered(
        encryptsWell(front, data, session, false),
      );
      await told(front, Request.SetStatus, longs(15));
      await encrypting();
    });
  },
);
