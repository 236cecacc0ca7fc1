import { ok, strictEqual } from "node:assert/strict";
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
  withServer,
} from "../../../testing/qemu_front_end.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  type ScriptedRing,
  USER_ADDRESS,
  words,
} from "../../../testing/scripted_front_end.ts";
import { inSomeTry } from "../../../testing/tries.ts";
import {
  decodeSessionReply,
  encodeSessionMessage,
} from "../../wire/session_message_encode.ts";
import { OFFERED_PROTOCOL_FEATURES, Request } from "./messages.ts";

const PACKED = 1n << 34n;
const PACKED_START = 0x8000_8000;
const INVSESS = 4;
/** As long as a ring waits for others that can tell. */
const JUDGEMENT_MS = 100;

type Front = ScriptedFrontEnd;

const told = async (front: Front, request: number, payload?: Uint8Array) =>
  strictEqual(await front.tell(request, payload), 0);

const enable = (front: Front, index: number, value = 1) =>
  told(front, Request.SetVringEnable, words(index, value));

/** GET_VRING_BASE, as QEMU sends it at a pause and at a reset. */
async function stopRing(front: Front, index: number): Promise<number> {
  await enable(front, index, 0);
  const answer = await front.ask(Request.GetVringBase, words(index, 0));
  return new DataView(answer.buffer).getUint32(4, true);
}

/** Stops a ring and starts it as a pause does, without enabling it. */
async function pauseRing(
  front: Front,
  index: number,
  ring: ScriptedRing,
): Promise<void> {
  await startRing(front, index, await stopRing(front, index), ring);
}

/** The old driver's session is nobody's. */
async function expectForgotten(
  front: Front,
  data: ScriptedRing,
  old: number,
): Promise<void> {
  strictEqual((await encrypt(front, data, old)).status, INVSESS);
}

withServer(
  "a reset by SET_VRING_ENABLE 0 alone leaves no session",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const old = await createByQueue(front, control);
    await encryptsWell(front, data, old);
    for (const index of [0, 1, CONTROL]) await enable(front, index, 0);
    const newData = await startRing(front, 0);
    const newControl = await startRing(front, CONTROL);
    await enable(front, 0);
    await enable(front, CONTROL);
    await expectForgotten(front, newData, old);
    const fresh = await createByQueue(front, newControl);
    await encryptsWell(front, newData, fresh);
    strictEqual(server.device.sessions.size, 1);
    await server.logged("1 sessions are gone, reset: rings start as those of");
  },
);

/** Packed rings; the control ring of 3 entries is at its start every 2nd time. */
async function startPacked(
  front: Front,
): Promise<{ data: ScriptedRing; control: ScriptedRing }> {
  await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
  front.send(Request.SetFeatures, longs(RING_FEATURES | BIT_30 | PACKED));
  await shareMemory(front);
  return { data: await packedData(front), control: await packedControl(front) };
}

async function packedRing(front: Front, index: number, size: number) {
  const ring = front.makeRing(index, size, false, true);
  await startRing(front, index, PACKED_START, ring);
  await enable(front, index);
  return ring;
}

const packedData = (front: Front) => packedRing(front, 0, 64);
const packedControl = (front: Front) => packedRing(front, CONTROL, 3);

for (const first of ["data", "control"] as const) {
  withServer(
    `a packed control ring that stands at its start hides no reset, ${first} ring first`,
    async (server) => {
      using front = ScriptedFrontEnd.connect(server.path);
      const { data, control } = await startPacked(front);
      const old = await createByQueue(front, control);
      await createByQueue(front, control);
      await encryptsWell(front, data, old);
      ok(await stopRing(front, 0) !== PACKED_START);
      strictEqual(await stopRing(front, CONTROL), PACKED_START);
      const newControl = first === "control" && await packedControl(front);
      const newData = await packedData(front);
      await expectForgotten(front, newData, old);
      const made = await createByQueue(
        front,
        newControl || await packedControl(front),
      );
      await encryptsWell(front, newData, made);
      strictEqual(server.device.sessions.size, 1);
    },
  );
}

withServer(
  "a pause of packed rings keeps sessions",
  (server) =>
    // A control ring at its start waits so long for the other one.
    inSomeTry(async () => {
      using front = ScriptedFrontEnd.connect(server.path);
      const { data, control } = await startPacked(front);
      const session = await createByQueue(front, control);
      await createByQueue(front, control);
      await encryptsWell(front, data, session);
      for (let time = 0; time < 3; time++) {
        const bases = [
          await stopRing(front, 0),
          await stopRing(front, CONTROL),
        ];
        await startRing(front, CONTROL, bases[1]!, control);
        await enable(front, CONTROL);
        await startRing(front, 0, bases[0]!, data);
        await enable(front, 0);
        await encryptsWell(front, data, session);
      }
      strictEqual(server.device.sessions.size, 2);
    }),
);

for (const order of ["all told first", "one after the other"] as const) {
  withServer(
    `a pause with a data ring that was never used keeps sessions, ${order}`,
    async (server) => {
      using front = ScriptedFrontEnd.connect(server.path);
      const { data, control } = await startGeneric(front);
      const session = await createByQueue(front, control);
      const base = await stopRing(front, 0);
      strictEqual(base, 0);
      const controlBase = await stopRing(front, CONTROL);
      await startRing(front, 0, base, data);
      if (order === "one after the other") await enable(front, 0);
      await startRing(front, CONTROL, controlBase, control);
      if (order === "all told first") await enable(front, 0);
      await enable(front, CONTROL);
      await encryptsWell(front, data, session);
      await createByQueue(front, control);
      strictEqual(server.device.sessions.size, 2);
    },
  );
}

withServer(
  "a pause by SET_VRING_ENABLE 0 and 1 keeps sessions",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    for (const index of [0, CONTROL]) await enable(front, index, 0);
    for (const index of [0, CONTROL]) await enable(front, index);
    await encryptsWell(front, data, session);
    strictEqual(server.device.sessions.size, 1);
  },
);

withServer(
  "a data ring at its start that starts alone is served, without old sessions",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { control } = await startGeneric(front);
    const old = await createByQueue(front, control);
    await stopRing(front, 0);
    await stopRing(front, CONTROL);
    const data = await startRing(front, 0);
    await enable(front, 0);
    await expectForgotten(front, data, old);
    strictEqual(server.device.sessions.size, 0);
  },
);

withServer(
  "rings that go on in memory that the front-end has mapped elsewhere keep sessions",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    const bases = [await stopRing(front, 0), await stopRing(front, CONTROL)];
    const moved = 0x1000_0000;
    const table = Uint8Array.from([
      ...words(1, 0),
      ...longs(GUEST_ADDRESS, MEMORY_BYTES, USER_ADDRESS + moved, 0),
    ]);
    const { memoryFd } = front;
    strictEqual(await front.tell(Request.SetMemTable, table, [memoryFd]), 0);
    const rings = [[0, data], [CONTROL, control]] as const;
    for (const [i, [index, ring]] of rings.entries()) {
      const { descriptorAddress, usedAddress, availableAddress } =
        ring.queue.addresses;
      const user = (address: number) =>
        address - GUEST_ADDRESS + USER_ADDRESS + moved;
      front.send(Request.SetVringBase, words(index, bases[i]!));
      front.send(
        Request.SetVringAddr,
        Uint8Array.from([
          ...words(index, 0),
          ...longs(
            user(descriptorAddress),
            user(usedAddress),
            user(availableAddress),
            0,
          ),
        ]),
      );
      const { kickFd } = ring;
      strictEqual(
        await front.tell(Request.SetVringKick, longs(index), [kickFd]),
        0,
      );
      await enable(front, index);
    }
    await encryptsWell(front, data, session);
    strictEqual(server.device.sessions.size, 1);
  },
);

withServer(
  "rings at other addresses are a new driver's, wherever they start",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const old = await createByQueue(front, control);
    await encryptsWell(front, data, old);
    const base = await stopRing(front, 0);
    await stopRing(front, CONTROL);
    const elsewhere = front.makeRing(3);
    front.send(Request.SetVringBase, words(0, base));
    front.send(Request.SetVringAddr, front.ringAddresses(0, elsewhere));
    const { kickFd } = elsewhere;
    await front.tell(Request.SetVringKick, longs(0), [kickFd]);
    await enable(front, 0);
    strictEqual(server.device.sessions.size, 0);
  },
);

withServer(
  "a driver that negotiates other features while no ring runs is a new one",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    await encryptsWell(front, data, await createByQueue(front, control));
    await stopRing(front, 0);
    await stopRing(front, CONTROL);
    await told(front, Request.SetFeatures, longs(RING_FEATURES | BIT_30));
    strictEqual(server.device.sessions.size, 1);
    await told(front, Request.SetFeatures, longs(RING_FEATURES));
    strictEqual(server.device.sessions.size, 1, "bit 30 is the front-end's");
    await told(front, Request.SetFeatures, longs(1n << 32n | BIT_30));
    strictEqual(server.device.sessions.size, 0);
  },
);

withServer(
  "a driver whose status shows that it begins is a new one",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    await encryptsWell(front, data, await createByQueue(front, control));
    const status = (value: number) =>
      told(front, Request.SetStatus, longs(value));
    await status(11);
    await stopRing(front, 0);
    await stopRing(front, CONTROL);
    await status(0);
    await told(front, Request.SetFeatures, longs(RING_FEATURES | BIT_30));
    await status(8);
    strictEqual(server.device.sessions.size, 1, "a pause: QEMU's status");
    await status(1);
    strictEqual(server.device.sessions.size, 0);
  },
);

withServer(
  "a ring that is reset alone leaves the sessions",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    await stopRing(front, 0);
    const again = await startRing(front, 0);
    await enable(front, 0);
    await encryptsWell(front, again, session);
    await stopRing(front, CONTROL);
    await startRing(front, CONTROL);
    await enable(front, CONTROL);
    await encryptsWell(front, again, session);
    strictEqual(server.device.sessions.size, 1);
  },
);

const createByMessage = async (front: Front) =>
  decodeSessionReply(
    await front.ask(
      Request.CreateCryptoSession,
      encodeSessionMessage(AES, "C"),
    ),
    "C",
  );

withServer(
  "cryptodev mode: a pause keeps sessions, a new driver and doubt do not",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const ring = await startCryptodev(front);
    const session = await createByMessage(front);
    await encryptsWell(front, ring, session);
    const base = await front.ask(Request.GetVringBase, words(0, 0));
    strictEqual(base[4], 1);
    await startRing(front, 0, 1, ring);
    await encryptsWell(front, ring, session);
    await front.ask(Request.GetVringBase, words(0, 0));
    const again = await startRing(front, 0);
    strictEqual(server.device.sessions.size, 0);
    await createByMessage(front);
    await front.ask(Request.GetVringBase, words(0, 0));
    await startRing(front, 0, 0, again);
    strictEqual(server.device.sessions.size, 0, "a ring that was never used");
  },
);

withServer(
  "SET_OWNER begins a new session of the front-end, and keeps what it has negotiated before",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const whole = longs(0, GUEST_ADDRESS, MEMORY_BYTES, USER_ADDRESS, 0);
    for (let time = 0; time < 3; time++) {
      await shakeHands(front, OFFERED_PROTOCOL_FEATURES);
      strictEqual(server.device.sessions.size, 0);
      await told(front, Request.SetFeatures, longs(RING_FEATURES | BIT_30));
      strictEqual(
        await front.tell(Request.AddMemReg, whole, [front.memoryFd]),
        0,
      );
      const data = await startRing(front, 0);
      const control = await startRing(front, CONTROL);
      await enable(front, 0);
      await enable(front, CONTROL);
      await encryptsWell(front, data, await createByQueue(front, control));
      // The third device takes the connection while the rings of the second run.
      if (time > 0) continue;
      await stopRing(front, 0);
      await stopRing(front, CONTROL);
    }
  },
);

withServer(
  "SET_OWNER changes nothing where nothing has run",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    front.send(
      Request.SetProtocolFeatures,
      longs(OFFERED_PROTOCOL_FEATURES),
    );
    await told(front, Request.SetFeatures, longs(RING_FEATURES | BIT_30));
    await shareMemory(front);
    const data = await startRing(front, 0);
    const control = await startRing(front, CONTROL);
    await told(front, Request.SetOwner);
    await enable(front, 0);
    await enable(front, CONTROL);
    await encryptsWell(front, data, await createByQueue(front, control));
    strictEqual(server.device.sessions.size, 1);
  },
);

withServer(
  "a connection that changes its mode forgets the mode before",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    await encryptsWell(front, data, await createByQueue(front, control));
    const cryptodev = longs(OFFERED_PROTOCOL_FEATURES & ~(1n << 9n));
    strictEqual(await front.tell(Request.SetProtocolFeatures, cryptodev), 1);
    await pauseRing(front, 0, data);
    await stopRing(front, CONTROL);
    await told(front, Request.SetProtocolFeatures, cryptodev);
    strictEqual(server.device.sessions.size, 0);
    front.send(Request.SetFeatures, longs(BIT_30));
    await shareMemory(front);
    const ring = await startRing(front, 0);
    await encryptsWell(front, ring, await createByMessage(front));
  },
);

withServer(
  "a pause within the beginning of another's end keeps sessions",
  (server) =>
    // A ring at its start waits so long for the others.
    inSomeTry(async () => {
      using front = ScriptedFrontEnd.connect(server.path);
      const { data, control } = await startGeneric(front);
      const unused = await startRing(front, 1);
      await enable(front, 1);
      const session = await createByQueue(front, control);
      await encryptsWell(front, data, session);
      const rings = [data, unused, control];
      const bases: number[] = [];
      for (const index of [0, 1, CONTROL]) {
        bases.push(await stopRing(front, index));
      }
      // It stands at its start, which tells nothing: others are waited for.
      await startRing(front, 1, bases[1]!, unused);
      await enable(front, 1);
      await stopRing(front, 1);
      await new Promise((resolve) => setTimeout(resolve, 3 * JUDGEMENT_MS));
      strictEqual(server.device.sessions.size, 1);
      for (const index of [1, 0, CONTROL]) {
        await startRing(front, index, bases[index]!, rings[index]!);
        await enable(front, index);
      }
      await encryptsWell(front, data, session);
    }),
);
