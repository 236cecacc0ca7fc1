import { deepStrictEqual, match, ok } from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { connectVhostUser, Driver } from "../../mod.ts";
import { serveDevice } from "../../testing/command_process.ts";

const PLUGIN = new URL("../../examples/custom_backend.ts", import.meta.url)
  .pathname;
const KEY = new Uint8Array(16).fill(1);
const IV = new Uint8Array(16);
const DATA = new Uint8Array(256).fill(5);

/** One request to each of three sessions, with the answers that are right. */
async function useSessions(driver: Driver): Promise<void> {
  await using cipher = await driver.cipher({
    algorithm: "aes-cbc",
    key: KEY,
    direction: "encrypt",
  });
  const reference = createCipheriv("aes-128-cbc", KEY, IV)
    .setAutoPadding(false).update(DATA);
  deepStrictEqual([...await cipher.run(DATA, IV)], [...reference]);
  await using hash = await driver.hash({ algorithm: "sha256" });
  const digest = createHash("sha256").update(DATA).digest();
  deepStrictEqual([...await hash.digest(DATA)], [...digest]);
  await using gcm = await driver.aead({
    algorithm: "gcm",
    key: KEY,
    direction: "encrypt",
  });
  ok((await gcm.run(DATA, IV.subarray(0, 12))).length > 256);
}

Deno.test("a served device places sessions on a user's backend and counts them", async () => {
  await using device = await serveDevice(
    ...["--backend", `${PLUGIN},noble`, "--place", "hash<64=noble"],
  );
  const { process, socketPath } = device;
  const link = await connectVhostUser(socketPath, {
    memoryBytes: 8 * 1024 * 1024,
  });
  await using driver = await Driver.start(link);
  await useSessions(driver);
  Deno.kill(process.pid, "SIGUSR2");
  await process.said("queue 0 answered 3");
  match(
    process.log,
    /cipher\.aes-cbc 128 encrypt goes to node-crypto, because of: order/,
  );
  match(
    process.log,
    /hash\.sha256 goes to noble, because of: rule hash<64=noble/,
  );
  match(
    process.log,
    /aead\.gcm 128 encrypt goes to noble, because of: node-crypto does not offer it/,
  );
});
