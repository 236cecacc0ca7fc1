import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import {
  AES,
  createByQueue,
  encrypt,
  encryptsWell,
  shareMemory,
  startGeneric,
  withServer,
} from "../../../tests/support/qemu_front_end.ts";
import { LEGACY } from "../../../tests/support/requests.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  readable,
  ScriptedFrontEnd,
  u64,
  USER_ADDRESS,
  words,
} from "../../../tests/support/scripted_front_end.ts";
import { guestMappings } from "../../../tests/support/vhost_user_server.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../../wire/control_encode.ts";
import { Request } from "./messages.ts";

const libc = openLibc();

withServer(
  "a call descriptor is replaced without losing an interrupt",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data } = await startGeneric(front);
    const replaced = front.eventfd();
    data.callFd = replaced;
    strictEqual(
      await front.tell(Request.SetVringCall, longs(0), [replaced]),
      0,
    );
    ok(await readable(libc, replaced));
    libc.clear(replaced);
    strictEqual((await encrypt(front, data, 1)).status, 4);
    strictEqual(await front.tell(Request.SetVringCall, longs(0x100)), 0);
  },
);

withServer(
  "a ring without kick descriptor is looked at by itself",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    strictEqual(await front.tell(Request.SetVringKick, longs(0x100)), 0);
    await encryptsWell(front, data, session, false);
    strictEqual(await front.tell(Request.SetVringKick, longs(0x102)), 0);
    const pieces = encodeCreateRequest(AES, LEGACY);
    const [answer] = await front.request(control, pieces, [16], false);
    strictEqual(decodeCreateOutcome(answer!).status, 0);
  },
);

withServer("memory may change while rings run", async (server) => {
  using front = ScriptedFrontEnd.connect(server.path);
  const { data, control } = await startGeneric(front);
  const session = await createByQueue(front, control);
  strictEqual(u64(await front.ask(Request.GetMaxMemSlots)), 509);
  const extra = Uint8Array.from([
    ...longs(0, 0x10_0000, 0x10_0000, 0x1000, 0),
  ]);
  const fd = front.memoryFd;
  strictEqual(await front.tell(Request.AddMemReg, extra, [fd]), 0);
  strictEqual(await front.tell(Request.AddMemReg, extra, [fd]), 1);
  await encryptsWell(front, data, session);
  strictEqual(await front.tell(Request.RemMemReg, extra, [fd]), 0);
  await encryptsWell(front, data, session);
  await shareMemory(front);
  await encryptsWell(front, data, session);
  await createByQueue(front, control);
  // The test's own mapping and one of the device.
  strictEqual(guestMappings(), 2);
});

withServer(
  "memory that takes a running ring away breaks that ring",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await startGeneric(front);
    const whole = longs(0, GUEST_ADDRESS, MEMORY_BYTES, USER_ADDRESS, 0);
    strictEqual(await front.tell(Request.RemMemReg, whole), 0);
    await server.logged("queue 0 is broken");
    await server.logged("queue 2 is broken");
    strictEqual(guestMappings(), 1);
    strictEqual(u64(await front.ask(Request.GetStatus)) & 0x40, 0x40);
  },
);

withServer(
  "a broken ring signals its error descriptor; others go on",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const error = front.eventfd();
    await front.tell(Request.SetVringErr, longs(0), [error]);
    const { availableAddress } = data.queue.addresses;
    const at = availableAddress - GUEST_ADDRESS;
    front.region.view.setUint16(at + 2, 5000, true);
    libc.signal(data.kickFd);
    ok(await readable(libc, error));
    await createByQueue(front, control);
    const base = await front.ask(Request.GetVringBase, words(0, 0));
    deepStrictEqual([...base], [...words(0, 0)]);
  },
);
