import { deepStrictEqual, match, ok } from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { connectVhostUser, Driver } from "../../mod.ts";

const MAIN = new URL("../../mod.ts", import.meta.url).pathname;
const PLUGIN = new URL("../../examples/custom_backend.ts", import.meta.url)
  .pathname;

async function waitFor(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited too long for ${what}`);
}

Deno.test("a served device places sessions on a user's backend and counts them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "vhost-crypto-plugin-" });
  const socketPath = `${folder}/crypto.sock`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", MAIN, "serve", "--socket-path", socketPath],
      ...["--backend", `${PLUGIN},noble`, "--place", "hash<64=noble"],
    ],
    stderr: "piped",
  }).spawn();
  let said = "";
  const reading = child.stderr.pipeThrough(new TextDecoderStream())
    .pipeTo(new WritableStream({ write: (text) => void (said += text) }));
  try {
    await waitFor(() => said.includes("listening at"), "the device");
    {
      const link = await connectVhostUser(socketPath, {
        memoryBytes: 8 * 1024 * 1024,
      });
      await using driver = await Driver.start(link);
      const key = new Uint8Array(16).fill(1);
      const iv = new Uint8Array(16);
      const data = new Uint8Array(256).fill(5);
      await using cipher = await driver.cipher({
        algorithm: "aes-cbc",
        key,
        direction: "encrypt",
      });
      const reference = createCipheriv("aes-128-cbc", key, iv)
        .setAutoPadding(false).update(data);
      deepStrictEqual([...await cipher.run(data, iv)], [...reference]);
      await using hash = await driver.hash({ algorithm: "sha256" });
      const digest = createHash("sha256").update(data).digest();
      deepStrictEqual([...await hash.digest(data)], [...digest]);
      await using gcm = await driver.aead({
        algorithm: "gcm",
        key,
        direction: "encrypt",
      });
      ok((await gcm.run(data, iv.subarray(0, 12))).length > 256);
      child.kill("SIGUSR2");
      await waitFor(() => said.includes("queue 0 answered 3"), "the counters");
    }
    match(
      said,
      /cipher\.aes-cbc 128 encrypt goes to node-crypto, because of: order/,
    );
    match(said, /hash\.sha256 goes to noble, because of: rule hash<64=noble/);
    match(
      said,
      /aead\.gcm 128 encrypt goes to noble, because of: node-crypto does not offer it/,
    );
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await reading;
    await Deno.remove(folder, { recursive: true });
  }
});
