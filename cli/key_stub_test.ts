import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { DerReader, DerTag } from "../algorithms/der.ts";
import { stubPart } from "../algorithms/key_stub.ts";
import { temporaryFolder } from "../testing/files.ts";
import { KEY_FILES, publicPartOf } from "../testing/key_store_guest.ts";
import { keyStubCommand } from "./key_stub.ts";
import { UsageError } from "./option_values.ts";

function publicPem(kind: "spki" | "pkcs1"): string {
  return generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey
    .export({ type: kind, format: "pem" }) as string;
}

/** What PrivateKeyInfo holds. */
function innerKey(info: Uint8Array): Uint8Array {
  const fields = new DerReader(info).enter(DerTag.Sequence);
  assert.equal(fields.unsigned(), 0n);
  fields.enter(DerTag.Sequence);
  const key = fields.contents(DerTag.OctetString);
  fields.expectEnd();
  return key;
}

Deno.test("key-stub writes PrivateKeyInfo of a stub, to output and to a file", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/public.pem`;
  for (const kind of ["spki", "pkcs1"] as const) {
    await Deno.writeTextFile(path, publicPem(kind));
    let printed = new Uint8Array(0);
    keyStubCommand([path], (bytes) => printed = bytes.slice());
    keyStubCommand([path, `${folder.path}/stub`], () => assert.fail());
    assert.deepEqual(await Deno.readFile(`${folder.path}/stub`), printed);
    const part = stubPart({
      service: "akcipher",
      algorithm: "rsa",
      keyType: "private",
      key: innerKey(printed),
      padding: "raw",
      hash: "none",
    });
    assert.equal(part?.algorithm, "rsa");
  }
});

Deno.test("a curve's stub is found by its point", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/public.pem`;
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const pem = publicKey.export({ type: "spki", format: "pem" }) as string;
  await Deno.writeTextFile(path, pem);
  keyStubCommand([path], (bytes) => {
    const part = stubPart({
      service: "akcipher",
      algorithm: "ecdsa",
      keyType: "private",
      key: innerKey(bytes),
      curve: "p384",
    });
    assert.ok(part?.algorithm === "ecdsa" && part.point.length === 97);
  });
  assert.equal(publicPartOf(KEY_FILES.curve).algorithm, "ecdsa");
});

Deno.test("what key-stub cannot use is one line", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/key.pem`;
  await Deno.writeTextFile(path, KEY_FILES.web);
  const good = `${folder.path}/public.pem`;
  await Deno.writeTextFile(good, publicPem("spki"));
  const { publicKey } = generateKeyPairSync("ed25519");
  const other = `${folder.path}/ed25519.pem`;
  const pem = publicKey.export({ type: "spki", format: "pem" }) as string;
  await Deno.writeTextFile(other, pem);
  const cases = [
    [[], /^Cannot use argument "": expected key-stub PUBLIC\.pem \[OUTPUT\]$/],
    [["a", "b", "c"], /^Cannot use argument "c": expected key-stub/],
    [["--pem"], /^Cannot use argument "--pem": expected key-stub/],
    [["/nowhere"], /^Cannot use "\/nowhere": /],
    [[path], /it holds a block "RSA PRIVATE KEY", expected PUBLIC KEY$/],
    [[other], /it holds a key that is neither of RSA nor of a curve$/],
    [[good, "/nowhere/x"], /^Cannot write the stub to "\/nowhere\/x": /],
  ] as const;
  for (const [words, expected] of cases) {
    assert.throws(() => keyStubCommand(words, () => {}), (error: Error) => {
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /\n/);
      return error instanceof UsageError;
    });
  }
});
