import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { decodeConfigSpace } from "../../device/wire/config_space.ts";
import { connectVhostUser, Driver } from "../../driver/mod.ts";
import { serveDeviceIn } from "../../testing/command_process.ts";
import { buildFaultyModule, FaultyToken } from "../../testing/faulty_token.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import { attach } from "../../testing/secret_use.ts";
import { createSoftToken, softTokenPart } from "../../testing/soft_token.ts";

const SOFT_HSM = await softTokenPart();
const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;

const DEVICE_REMOVED = 0x32;
const TOKEN_NOT_PRESENT = 0xe0;

const KEY = new Uint8Array(16).fill(7);
const IV = new Uint8Array(16).fill(9);
const DATA = new Uint8Array(64).fill(3);
const CBC = { algorithm: "aes-cbc", key: KEY, direction: "encrypt" } as const;

function encrypted(): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return new Uint8Array(cipher.update(DATA));
}

/** A served device on a token whose functions fail when a test says so. */
async function serveFaulty(folder: string, ...words: string[]) {
  const token = await createSoftToken(folder, "served");
  const faulty = new FaultyToken(token, await buildFaultyModule(folder));
  const device = await serveDeviceIn(
    { ...token.env, ...faulty.env },
    ...["--pkcs11-module", faulty.options.module],
    ...["--pkcs11-pin-file", token.options["pin-file"], ...words],
  );
  return { device, faulty };
}

testWith(
  SOFT_HSM,
  "a served device goes on elsewhere when its token is gone, and comes back to it",
  async () => {
    await using folder = await temporaryFolder();
    const { device, faulty } = await serveFaulty(
      folder.path,
      ...["--backend", "pkcs11,noble", "--fallback", "failure"],
    );
    await using _ = device;
    await using driver = await attach(device);
    await using cipher = await driver.cipher(CBC);
    assert.deepEqual(await cipher.run(DATA, IV), encrypted());
    faulty.set({ C_Encrypt: DEVICE_REMOVED, C_OpenSession: TOKEN_NOT_PRESENT });
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await cipher.run(DATA, IV), encrypted());
    }
    await device.process.said(/pkcs11.*C_Encrypt.*CKR_DEVICE_REMOVED/);
    faulty.set({});
    faulty.takeCalls("C_Encrypt");
    const end = performance.now() + 10_000;
    while (faulty.takeCalls("C_Encrypt") === 0) {
      assert.deepEqual(await cipher.run(DATA, IV), encrypted());
      assert.ok(performance.now() < end, device.process.log);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
);

testWith(
  SOFT_HSM,
  "HW_READY of a served device goes with its token and comes back with it",
  async () => {
    await using folder = await temporaryFolder();
    const { device, faulty } = await serveFaulty(
      folder.path,
      ...["--backend", "pkcs11"],
    );
    await using _ = device;
    const link = await connectVhostUser(device.socketPath, {
      memoryBytes: 4 * 1024 * 1024,
    });
    await using driver = await Driver.start(link);
    await using cipher = await driver.cipher(CBC);
    await cipher.run(DATA, IV);
    const isReady = async () =>
      (decodeConfigSpace(await link.readConfig(), "virtio").status & 1) !== 0;
    const until = async (wanted: boolean) => {
      const end = performance.now() + 10_000;
      while (await isReady() !== wanted) {
        assert.ok(performance.now() < end, device.process.log);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    assert.ok(await isReady());
    faulty.set({ C_Encrypt: DEVICE_REMOVED, C_OpenSession: TOKEN_NOT_PRESENT });
    await assert.rejects(cipher.run(DATA, IV));
    await until(false);
    faulty.set({});
    await until(true);
    assert.deepEqual(await cipher.run(DATA, IV), encrypted());
  },
);

testWith(
  SOFT_HSM,
  "a PIN out of a pipe lets every thread of the device in",
  async () => {
    await using folder = await temporaryFolder();
    const token = await createSoftToken(folder.path, "piped");
    const socketPath = `${folder.path}/crypto.sock`;
    await using device = new Deno.Command("bash", {
      args: [
        ...["-c", 'exec 5< <(cat "$1"); shift; exec "$@"', "bash"],
        ...[token.options["pin-file"], Deno.execPath(), "run", "-A", MAIN],
        ...["serve", "--socket-path", socketPath, "--queues", "2"],
        ...["--backend", "pkcs11", "--pkcs11-pin-fd", "5"],
        ...["--pkcs11-module", token.options.module],
      ],
      env: { ...token.env },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const end = performance.now() + 20_000;
    while (!await exists(socketPath)) {
      assert.ok(performance.now() < end, "the device does not listen");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    {
      const link = await connectVhostUser(socketPath, {
        memoryBytes: 4 * 1024 * 1024,
      });
      await using driver = await Driver.start(link);
      await using cipher = await driver.cipher(CBC);
      const results = await Promise.all(
        Array.from({ length: 20 }, () => cipher.run(DATA, IV)),
      );
      for (const result of results) assert.deepEqual(result, encrypted());
    }
    device.kill("SIGTERM");
    assert.equal((await device.status).code, 0);
  },
);
