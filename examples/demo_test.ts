import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createDevice, Driver } from "../mod.ts";
import { ToyDevice } from "../testing/toy_device.ts";
import { demoOperations, ivOfRequest, whyNot } from "./demo/operations.ts";
import { tableOf } from "./demo/report.ts";
import { type Row, runOperation } from "./demo/run_operation.ts";
import { encryptXts } from "./demo/xts_reference.ts";

/** Two whole requests and a shorter one. */
const DATA = new Uint8Array(randomBytes(2 * 65536 + 48));

async function runAll(driver: Driver): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of demoOperations()) {
    rows.push(...await runOperation(driver, "x", operation, DATA, () => {}, 0));
  }
  return rows;
}

Deno.test("the demo's XTS gives the answer of IEEE 1619-2007 vector 10", () => {
  const key = Uint8Array.fromHex(
    "2718281828459045235360287471352662497757247093699959574966967627" +
      "3141592653589793238462643383279502884197169399375105820974944592",
  );
  const tweak = new Uint8Array(16);
  tweak[0] = 0xff;
  const plaintext = Uint8Array.from({ length: 512 }, (_, i) => i & 0xff);
  const ciphertext = encryptXts(key, tweak, plaintext).toHex();
  assert.equal(
    ciphertext.slice(0, 64),
    "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b",
  );
});

Deno.test("no two requests of the demo have the same IV", () => {
  for (const operation of demoOperations()) {
    if (operation.ivBytes === 0) continue;
    const ivs = new Set(
      Array.from({ length: 500 }, (_, i) => ivOfRequest(operation, i).toHex()),
    );
    assert.equal(ivs.size, 500);
  }
});

Deno.test("the demo verifies what a right device computes", async () => {
  await using driver = await Driver.start(await createDevice());
  const rows = await runAll(driver);
  assert.equal(rows.length, 14);
  for (const row of rows) assert.ok(row.verified, row.operation);
});

Deno.test("the demo notices a device that computes wrongly", async () => {
  // Its algorithms are toys, so no result is right.
  const device = new ToyDevice("virtio", 1 << 24);
  await using driver = await Driver.start(device);
  for (const operation of demoOperations()) {
    const rows = await runOperation(driver, "toy", operation, DATA, () => {}, 0)
      .catch((error: Error) => error);
    // The toy refuses tags that are not its own.
    if (rows instanceof Error) assert.match(rows.message, /BADMSG/);
    else for (const row of rows) assert.equal(row.verified, false);
  }
});

Deno.test("the demo leaves out what a backend does not offer", () => {
  const all = demoOperations();
  const probe = {
    ready: true,
    version: "1",
    offers: [{ algorithm: "cipher.aes-cbc" }, { algorithm: "mac.hmac-sha1" }],
    missing: [],
    notOffered: { "aead.gcm": "too new" },
  };
  const offered = all.filter((one) => whyNot(probe, one) === undefined);
  assert.deepEqual(
    offered.map(({ name }) => name),
    ["AES-256-CBC", "AES-128-CBC+HMAC-SHA-1"],
  );
  const gcm = all.find(({ name }) => name === "AES-256-GCM")!;
  assert.equal(whyNot(probe, gcm), "too new");
});

Deno.test("the table has a line for each operation and says what is wrong", () => {
  const row = {
    backend: "noble",
    operation: "SHA-256",
    megabytesPerSecond: 12.34,
    requestsPerSecond: 188.7,
  };
  const table = tableOf([
    { ...row, verified: true },
    { ...row, verified: false },
  ]);
  const lines = table.split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[2]!, /^noble +SHA-256 +12\.3 +189 +yes$/);
  assert.match(lines[3]!, /NO$/);
});
