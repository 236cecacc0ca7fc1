import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { probeBackends } from "../../backends/probe.ts";
import { Device } from "../../device/device.ts";
import { withWorkerLane } from "../../device/lane/worker_lane.ts";
import { VhostUserServer } from "../../device/transport/vhost_user/server.ts";
import { connectVhostUser, Driver } from "../../mod.ts";
import { Habit } from "../../testing/promising_backend.ts";
import { inSomeTry } from "../../testing/tries.ts";
import { startTestServer } from "../../testing/vhost_user_server.ts";

const PATIENT = import.meta.resolve("../../testing/patient_backend.ts");
const PLODDING = import.meta.resolve("../../testing/plodding_backend.ts");
const IV = new Uint8Array(16);

const attach = async (path: string) =>
  await Driver.start(await connectVhostUser(path, { memoryBytes: 1 << 22 }));

/** RSAPrivateKey of 4096 bits. */
function largeKey(): Uint8Array {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 4096 });
  return new Uint8Array(privateKey.export({ type: "pkcs1", format: "der" }));
}

Deno.test("RSA-4096 holds up no small requests, not even those of the same queue", async () => {
  await using server = await startTestServer(undefined, "noble");
  const guest = await attach(server.path);
  const signer = await guest.akcipher({
    algorithm: "rsa",
    keyType: "private",
    key: largeKey(),
    padding: "raw",
    hash: "none",
  });
  const message = new Uint8Array(512);
  message[511] = 2;
  const hash = await guest.hash({ algorithm: "sha256" });
  await inSomeTry(async () => {
    let signed = 0;
    const all = Promise.all(
      Array.from({ length: 6 }, async () => {
        await signer.decrypt(message);
        signed++;
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let i = 0; i < 20; i++) await hash.digest(new Uint8Array(64));
    const before = signed;
    await all;
    ok(before < 6, "20 small requests had to wait for 6 of RSA-4096");
  });
  await guest.close();
});

Deno.test("a guest that fills an asynchronous backend leaves another its turn", async () => {
  await using server = await startTestServer(undefined, PATIENT);
  const { options, lanes } = server;
  const probed = await probeBackends([PATIENT]);
  const device = new Device({
    backends: probed.map((one) => withWorkerLane(one, lanes)),
    dataQueueCount: 1,
    maximumSessions: 8,
    maximumSizeBytes: 1 << 20,
    layout: "virtio",
    allowWeak: false,
    rules: [],
    fallback: "never",
  });
  const path = `${server.path}-2`;
  const second = VhostUserServer.listen(path, { ...options, device });
  const [greedy, modest] = await Promise.all([
    attach(server.path),
    attach(path),
  ]);
  const open = (driver: Driver) =>
    driver.cipher({
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: new Uint8Array(16).fill(Habit.Slow),
    });
  const many = await open(greedy);
  const few = await open(modest);
  await inSomeTry(async () => {
    let done = 0;
    const flood = Promise.all(
      Array.from({ length: 200 }, async () => {
        await many.run(new Uint8Array(64), IV);
        done++;
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    await Promise.all([1, 2].map(() => few.run(new Uint8Array(64), IV)));
    const before = done;
    await flood;
    strictEqual(done, 200);
    // 8 at a time, 20 ms each: all of the others would take half a second.
    ok(before < 100, `${before} of the others came first`);
  });
  await greedy.close();
  await modest.close();
  await second.close();
  device.close();
});

Deno.test("long requests of a slow plugin get a lane when they have been seen to take long", async () => {
  await using server = await startTestServer(undefined, PLODDING);
  const guest = await attach(server.path);
  const key = new Uint8Array(16);
  const cipher = await guest.cipher({
    algorithm: "aes-cbc",
    direction: "encrypt",
    key,
  });
  const long = new Uint8Array(1008).fill(1);
  const turned = new Uint8Array(1008).fill(0xfe);
  for (let i = 0; i < 20; i++) {
    deepStrictEqual(await cipher.run(long, IV), turned);
  }
  await inSomeTry(async () => {
    let done = 0;
    const all = Promise.all(
      Array.from({ length: 10 }, async () => {
        deepStrictEqual(await cipher.run(long, IV), turned);
        done++;
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (let i = 0; i < 5; i++) await cipher.run(new Uint8Array(16), IV);
    const before = done;
    await all;
    ok(before < 9, `${before} of the long ones came first`);
  });
  await guest.close();
});
