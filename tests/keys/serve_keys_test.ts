import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { connectVhostUser, Driver } from "../../driver/mod.ts";
import { Status } from "../../device/wire/status.ts";
import { serveDevice, ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import {
  digest,
  EC,
  KEY_FILES,
  MESSAGE,
  RSA,
  writeKeys,
} from "../../testing/key_store_guest.ts";

import { testOnBackends } from "../../testing/ready_backends.ts";
import { unchecked } from "../../testing/unchecked.ts";

async function startDriver(socketPath: string): Promise<Driver> {
  const link = await connectVhostUser(socketPath, {
    memoryBytes: 4 * 1024 * 1024,
  });
  return await Driver.start(link);
}

Deno.test("a served device signs with its keys, and tells who used them how often", async () => {
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, KEY_FILES);
  await using device = await serveDevice(
    ...["--backend", "noble", "--keys", folder.path, "--queues", "2"],
    ...["--allow-key", "web=sign", "--allow-key", "curve=ecdsa-sign:1000/s"],
  );
  const { process, socketPath } = device;
  await process.said("keys that rules may name: curve, web");
  await process.said("key web: may be used to sign\n");
  await process.said(
    "curve: may be used to ecdsa-sign, 1000 times in a second",
  );
  {
    await using driver = await startDriver(socketPath);
    await using rsa = await driver.akcipher(RSA);
    await using ecdsa = await driver.akcipher(EC);
    // On both queues.
    const signatures = await Promise.all(
      Array.from({ length: 20 }, () => rsa.sign(digest)),
    );
    for (const signature of signatures) {
      const key = createPublicKey(KEY_FILES.web);
      assert.ok(verify("sha256", MESSAGE, key, signature));
    }
    await ecdsa.sign(digest);
    await assert.rejects(rsa.decrypt(new Uint8Array(128)));
  }
  Deno.kill(process.pid, "SIGUSR2");
  await process.said(
    "counted: key web, 20 signatures, 1 operation that no rule permits",
  );
  await process.said("counted: key curve, 1 signature");
  const { code } = await process.end("SIGTERM");
  assert.equal(code, 0);
  assert.doesNotMatch(process.log, /undefined|NaN/);
});

Deno.test("keys are read anew under load: their sessions end, all others go on", async () => {
  await using folder = await temporaryFolder();
  await writeKeys(folder.path, KEY_FILES);
  await using device = await serveDevice(
    ...["--backend", "noble", "--keys", folder.path, "--queues", "2"],
    ...["--allow-key", "web=sign", "--allow-key", "curve=ecdsa-sign"],
  );
  const { process, socketPath } = device;
  await using driver = await startDriver(socketPath);
  await using ecdsa = await driver.akcipher(EC);
  for (let round = 1; round <= 3; round++) {
    await using rsa = await driver.akcipher(RSA);
    const statuses: (Status | "signed")[] = [];
    let going = true;
    const load = async () => {
      while (going) {
        statuses.push(
          await rsa.sign(digest).then(
            () => "signed" as const,
            (error) => (error as { status: Status }).status,
          ),
        );
      }
    };
    const loads = [load(), load(), load()];
    while (statuses.length < 20) await ecdsa.sign(digest);
    await Deno.remove(`${folder.path}/web.pem`);
    Deno.kill(process.pid, "SIGURG");
    await process.said(
      "keys read anew; gone, and their sessions end: web",
      round,
    );
    const before = statuses.length;
    while (statuses.length < before + 20) await ecdsa.sign(digest);
    going = false;
    await Promise.all(loads);
    // ERR and nothing else, once it is gone.
    const firstFailure = statuses.findIndex((status) => status !== "signed");
    assert.ok(firstFailure >= 0);
    assert.equal(statuses.at(-1), Status.Error);
    assert.ok(statuses.slice(-10).every((status) => status === Status.Error));
    await assert.rejects(driver.akcipher(RSA));
    await writeKeys(folder.path, { web: KEY_FILES.web });
    Deno.kill(process.pid, "SIGURG");
    await process.said("keys read anew; new: web", round);
  }
  await Deno.chmod(`${folder.path}/web.pem`, 0o666);
  Deno.kill(process.pid, "SIGURG");
  await process.said(/error: keys stay as they are: .*web\.pem.*mode is 666/);
  await using rsa = await driver.akcipher(RSA);
  await rsa.sign(digest);
});

await testOnBackends(
  "a stub without a rule is an illegal key over vhost-user, as any broken key",
  async (backend) => {
    await using folder = await temporaryFolder();
    await writeKeys(folder.path, KEY_FILES);
    await using device = await serveDevice(
      ...["--backend", backend, "--keys", folder.path],
      ...["--allow-key", "curve=ecdsa-sign"],
    );
    await using driver = await startDriver(device.socketPath);
    const broken = { ...RSA, key: RSA.key.subarray(1) };
    for (const parameters of [RSA, broken]) {
      await assert.rejects(
        unchecked(driver).akcipher(parameters),
        (error: { status?: Status }) => error.status === Status.Error,
      );
    }
    await using ecdsa = await driver.akcipher(EC);
    await ecdsa.sign(digest);
  },
  ["akcipher.rsa", "akcipher.ecdsa"],
);

Deno.test("with --isolate each process reads its keys anew at one signal", async () => {
  await using folder = await temporaryFolder();
  const keys = `${folder.path}/keys`;
  await Deno.mkdir(keys);
  await writeKeys(keys, KEY_FILES);
  const [first, second] = ["one", "two"].map((name) =>
    `${folder.path}/${name}.sock`
  );
  await using process = await ServeProcess.start(
    `listening at ${second}`,
    ...["--isolate", "--backend", "noble", "--keys", keys],
    ...["--socket-path", first!, "--socket-path", second!],
    ...["--allow-key", `web=sign@${first}`],
    ...["--allow-key", `curve=ecdsa-sign@${second}`],
  );
  await using other = await startDriver(second!);
  await using ecdsa = await other.akcipher(EC);
  await ecdsa.sign(digest);
  await using driver = await startDriver(first!);
  await using rsa = await driver.akcipher(RSA);
  await rsa.sign(digest);
  await assert.rejects(driver.akcipher(EC));
  for (const name of ["web", "curve"]) await Deno.remove(`${keys}/${name}.pem`);
  Deno.kill(process.pid, "SIGURG");
  await process.said("gone, and their sessions end: web");
  await process.said("gone, and their sessions end: curve");
  await assert.rejects(rsa.sign(digest));
  await assert.rejects(ecdsa.sign(digest));
});
