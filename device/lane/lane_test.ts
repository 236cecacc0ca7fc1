import { deepStrictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { connectVhostUser, createDevice, Driver } from "../../mod.ts";
import { startTestServer } from "../../testing/vhost_user_server.ts";

const DATA = new Uint8Array(1000).map((_, i) => i);
const SHA256 = new Uint8Array(createHash("sha256").update(DATA).digest());

Deno.test("an asynchronous backend hashes in process", async () => {
  await using driver = await Driver.start(
    await createDevice({ backends: ["webcrypto"] }),
  );
  await using hash = await driver.hash({ algorithm: "sha256" });
  deepStrictEqual(await hash.digest(DATA), SHA256);
});

Deno.test("an asynchronous backend hashes over vhost-user, on a lane", async () => {
  await using server = await startTestServer(undefined, "webcrypto");
  const link = await connectVhostUser(server.path, { memoryBytes: 1 << 20 });
  await using driver = await Driver.start(link);
  await using hash = await driver.hash({ algorithm: "sha256" });
  deepStrictEqual(await hash.digest(DATA), SHA256);
});
