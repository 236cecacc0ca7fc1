import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPrivateKey } from "node:crypto";
import { keyDirectory } from "../../device/keys/key_directory.ts";
import { KeyStore } from "../../device/keys/key_store.ts";
import { parseKeyRule } from "../../device/keys/key_use.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { KEY_FILES, stubOf, writeKeys } from "../../testing/key_store_guest.ts";
import { legalSessions } from "../../testing/valid_requests.ts";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import {
  CONTROL_RING,
  MovingFrontEnd,
  type MovingManner,
} from "../../testing/moving_front_end.ts";
import { createByQueue, encryptsWell } from "../../testing/qemu_front_end.ts";
import { longs, u64, words } from "../../testing/scripted_front_end.ts";
import {
  eventually,
  openDescriptors,
  startTestServer,
} from "../../testing/vhost_user_server.ts";
import { VhostUserServer } from "../../device/transport/vhost_user/server.ts";

const CROSVM: MovingManner = { pipe: true, featuresFirst: true };

async function createMany(guest: MovingFrontEnd): Promise<number[]> {
  const control = guest.rings[CONTROL_RING]!;
  const ids: number[] = [];
  while (ids.length < 3) ids.push(await createByQueue(guest.front, control));
  return ids;
}

for (const packed of [false, true]) {
  for (
    const [vmm, how] of [["Cloud Hypervisor", {}], ["crosvm", CROSVM]] as const
  ) {
    const form = packed ? "packed" : "split";
    Deno.test(`sessions work at another device, in the order of ${vmm}, and here after a snapshot: ${form}`, async () => {
      await using source = await startTestServer();
      await using target = await startTestServer();
      using guest = await MovingFrontEnd.start(source.path, { packed });
      const ids = await createMany(guest);
      const [data] = guest.rings;
      for (const id of ids) await encryptsWell(guest.front, data!, id);
      const snapshot = await guest.save(how);
      await guest.resume(snapshot);
      for (const id of ids) await encryptsWell(guest.front, data!, id);
      const late = await createByQueue(
        guest.front,
        guest.rings[CONTROL_RING]!,
      );
      const saved = await guest.save(how);
      {
        using moved = await MovingFrontEnd.restore(
          target.path,
          guest,
          saved,
          how,
        );
        for (const id of [...ids, late]) {
          await encryptsWell(moved.front, data!, id);
        }
        const next = await createByQueue(
          moved.front,
          moved.rings[CONTROL_RING]!,
        );
        ok(next > late);
      }
      await target.logged("gone");
      strictEqual(target.device.sessions.size, 0);
    });
  }
}

for (const packed of [false, true]) {
  Deno.test(`a new driver begins at its start in the region of the one before: ${packed ? "packed" : "split"}`, async () => {
    await using server = await startTestServer();
    using guest = await MovingFrontEnd.start(server.path, { packed });
    const ids = await createMany(guest);
    await encryptsWell(guest.front, guest.rings[0]!, ids[0]!);
    await guest.rebind();
    const [id] = await createMany(guest);
    await encryptsWell(guest.front, guest.rings[0]!, id!);
    strictEqual(server.device.sessions.size, 3);
  });
}

Deno.test("sessions of every kind move, and the state holds them once", async () => {
  await using source = await startTestServer();
  await using target = await startTestServer();
  using guest = await MovingFrontEnd.start(source.path);
  for (const description of legalSessions().slice(0, 30)) {
    await source.device.sessions.create(description);
  }
  const saved = await guest.save();
  using _moved = await MovingFrontEnd.restore(target.path, guest, saved);
  const described = (server: typeof source) =>
    [...server.device.sessions.current()].map(({ id, description }) => ({
      id,
      description,
    }));
  deepStrictEqual(described(target), described(source));
});

Deno.test("a session that has no place fails the check, and nothing of the state stays", async () => {
  await using source = await startTestServer();
  await using target = await startTestServer(VhostUserServer.listen, "noble", {
    maximumSessions: 2,
  });
  using guest = await MovingFrontEnd.start(source.path);
  await createMany(guest);
  const saved = await guest.save();
  await rejects(
    MovingFrontEnd.restore(target.path, guest, saved),
    /CHECK_DEVICE_STATE/,
  );
  await target.logged("is not moved");
  strictEqual(target.device.sessions.size, 0);
});

Deno.test("a device that has less than the driver was told refuses its state", async () => {
  await using source = await startTestServer();
  await using target = await startTestServer(VhostUserServer.listen, "noble", {
    maximumSizeBytes: 4096,
  });
  using guest = await MovingFrontEnd.start(source.path);
  const saved = await guest.save();
  await rejects(
    MovingFrontEnd.restore(target.path, guest, saved),
    /CHECK_DEVICE_STATE/,
  );
  await target.logged("max_size of 1048576, and this device has 4096");
});

Deno.test("a state that an enemy wrote is refused, and the device goes on", async () => {
  await using server = await startTestServer();
  using guest = await MovingFrontEnd.start(server.path);
  await createMany(guest);
  const before = openDescriptors();
  const { state, bases } = await guest.save();
  const set = (at: number, ...bytes: number[]) => {
    const changed = state.slice();
    changed.set(bytes, at);
    return changed;
  };
  const random = crypto.getRandomValues(new Uint8Array(4096));
  const attacks: Uint8Array[] = [
    new Uint8Array(0),
    new Uint8Array(7),
    random,
    set(0, 0),
    set(12, 3),
    set(16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    set(24, 0),
    set(28, 1),
    set(32, 0xff, 0xff, 0xff, 0xff),
    ...Array.from({ length: 8 }, (_, i) => state.slice(0, 11 * i + 3)),
    // The next identifier, the count of sessions, the first one's length.
    set(92, 0, 0, 0, 0, 0, 0, 0, 0),
    set(100, 0xff, 0xff, 0xff, 0xff),
    set(104, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.from([...state, ...new Uint8Array(4 * 1024 * 1024)]),
  ];
  for (const [i, attack] of attacks.entries()) {
    // Bytes behind a state are none of it, up to what any state has.
    await rejects(guest.load(attack), /CHECK/, `attack ${i}`);
    strictEqual(server.device.sessions.size, 0);
  }
  await guest.load(state);
  strictEqual(server.device.sessions.size, 3);
  await guest.resume({ state, bases });
  const id = [...server.device.sessions.current()][0]!.id;
  await encryptsWell(guest.front, guest.rings[0]!, id);
  // The first request on a thread has opened one.
  await eventually(
    () => openDescriptors() <= before + 1,
    () => `${openDescriptors()} descriptors, before ${before}`,
  );
});

Deno.test("a transfer is refused while rings run, in another phase, and asked about once", async () => {
  await using server = await startTestServer();
  using guest = await MovingFrontEnd.start(server.path);
  const { front } = guest;
  const begin = async (direction: number, phase: number) =>
    u64(
      await front.ask(
        Request.SetDeviceStateFd,
        words(direction, phase),
        [front.eventfd()],
      ),
    );
  const check = async () => u64(await front.ask(Request.CheckDeviceState));
  strictEqual(await begin(0, 0), 0x101);
  strictEqual(await check(), 1);
  const saved = await guest.save();
  strictEqual(await begin(2, 0), 0x101);
  strictEqual(await begin(0, 1), 0x101);
  // Nobody can read a state from an eventfd.
  strictEqual(await begin(0, 0), 0x100);
  strictEqual(await check(), 1);
  strictEqual(await check(), 1);
  await guest.resume(saved);
});

Deno.test("a front-end that goes while its state is moved keeps nobody waiting", async () => {
  await using server = await startTestServer();
  // The first one opens what the server keeps.
  (await MovingFrontEnd.start(server.path))[Symbol.dispose]();
  await server.logged("gone");
  const before = openDescriptors();
  {
    using guest = await MovingFrontEnd.start(server.path);
    const { front } = guest;
    await guest.save();
    const fd = front.libc.eventfd();
    const payload = words(1, 0);
    await front.ask(Request.SetDeviceStateFd, payload, [fd]);
    front.libc.close(fd);
    front.send(Request.CheckDeviceState);
    front.send(Request.SetOwner, longs().subarray(0, 0));
  }
  await server.logged("gone", 2);
  await eventually(
    () => openDescriptors() <= before,
    () => `${openDescriptors()} descriptors, before ${before}`,
  );
  using guest = await MovingFrontEnd.start(server.path);
  await createMany(guest);
});

Deno.test("a session of the key store moves as its stub, and fails where the key is not", async () => {
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, { web: KEY_FILES.web });
  const withKeys = () => {
    const store = new KeyStore([keyDirectory(folder.path)]);
    const rules = [parseKeyRule("web=sign")!];
    return startTestServer(VhostUserServer.listen, "noble", {
      keys: store.forGuest(rules),
    });
  };
  await using source = await withKeys();
  await using target = await withKeys();
  await using stranger = await startTestServer();
  using guest = await MovingFrontEnd.start(source.path);
  const key = stubOf(KEY_FILES.web);
  const created = await source.device.sessions.create({
    service: "akcipher",
    algorithm: "rsa",
    keyType: "private",
    key: key.slice(),
    padding: "pkcs1",
    hash: "sha256",
  });
  ok("id" in created, "reason" in created ? created.reason : "");
  const saved = await guest.save();
  const text = Buffer.from(saved.state);
  ok(text.includes(Buffer.from(key)));
  // What is secret of the key is not in the state: its first prime, say.
  const { p } = createPrivateKey(KEY_FILES.web).export({ format: "jwk" });
  ok(!text.includes(Buffer.from(p!, "base64url")));
  await rejects(
    MovingFrontEnd.restore(stranger.path, guest, saved),
    /CHECK_DEVICE_STATE/,
  );
  using _moved = await MovingFrontEnd.restore(target.path, guest, saved);
  strictEqual(target.device.sessions.size, 1);
});
