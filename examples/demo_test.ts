import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createDevice, Driver } from "../mod.ts";
import { ToyDevice } from "../testing/toy_device.ts";
import { temporaryFolder } from "../testing/files.ts";
import { Mistake } from "../testing/task.ts";
import { MOST_BYTES, readData } from "./demo/data.ts";
import { demoOperations, ivOfRequest, whyNot } from "./demo/operations.ts";
import { progressLine, tableOf } from "./demo/report.ts";
import { type Row, runOperation } from "./demo/run_operation.ts";
import { encryptXts } from "./demo/xts_reference.ts";

/** Two whole requests and a shorter one. */
const DATA = new Uint8Array(randomBytes(2 * 65536 + 48));

async function runAll(driver: Driver): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of demoOperations()) {
    rows.push(await runOperation(driver, "x", operation, DATA, () => {}, 0));
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
  assert.equal(rows.length, 8);
  for (const row of rows) assert.ok(row.verified, row.operation);
});

Deno.test("the demo notices a device that computes wrongly", async () => {
  // Its algorithms are toys, so no result is right.
  const device = new ToyDevice("virtio", 1 << 24);
  await using driver = await Driver.start(device);
  for (const operation of demoOperations()) {
    const row = await runOperation(driver, "toy", operation, DATA, () => {}, 0)
      .catch((error: Error) => error);
    // The toy refuses tags that are not its own.
    if (row instanceof Error) assert.match(row.message, /BADMSG/);
    else assert.equal(row.verified, false);
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
  const row = { megabytesPerSecond: 12.34, verified: true };
  const table = tableOf([
    { ...row, backend: "noble", operation: "SHA-256" },
    { ...row, backend: "openssl", operation: "SHA-256", verified: false },
    { ...row, backend: "openssl", operation: "AES-256-GCM" },
  ], ["openssl", "noble"]);
  assert.deepEqual(table.split("\n"), [
    "MB/s         openssl  noble",
    "SHA-256        WRONG     12",
    "AES-256-GCM       12      -",
  ]);
});

Deno.test("the line that moves tells what is done, the rate and the time left", () => {
  assert.equal(
    progressLine(0.25, 6, "noble: SHA-256", 41.7),
    "[#####...............] noble: SHA-256, 42 MB/s, 18 s left",
  );
  assert.doesNotMatch(progressLine(0.01, 0.1, "x", 1), /left/);
});

Deno.test("of a long file the demo takes the beginning", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/file`;
  await Deno.writeFile(path, DATA);
  const { bytes, name } = await readData(path);
  assert.equal(name, path);
  assert.deepEqual(bytes, DATA);
  await Deno.truncate(path, 300e6);
  const long = await readData(path);
  assert.equal(long.name, `the beginning of ${path}`);
  assert.equal(long.bytes.length, MOST_BYTES);
  assert.deepEqual(long.bytes.subarray(0, DATA.length), DATA);
});

Deno.test("a file that cannot be used is a mistake", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/empty`, "");
  for (const path of ["empty", "absent", "."]) {
    await assert.rejects(readData(`${folder.path}/${path}`), Mistake);
  }
});
