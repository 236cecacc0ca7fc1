import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { serveDeviceIn } from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { EC_PRIVATE_KEY, RSA_PRIVATE_KEY } from "../../testing/keys.ts";
import { testWith } from "../../testing/real_parts.ts";
import { attach } from "../../testing/secret_use.ts";
import {
  createSoftToken,
  runPkcs11Tool,
  softTokenPart,
} from "../../testing/soft_token.ts";

const SOFT_HSM = await softTokenPart();

/** OpenSC's module that is another one, and writes down what it is asked. */
const SPIES = [
  "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
  "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
];

async function findSpy(): Promise<string> {
  for (const path of SPIES) if (await exists(path)) return path;
  throw new Error(`Cannot find ${SPIES[0]}, which opensc-pkcs11 has`);
}

/** The calls of `name` that the spy has seen, each with what it was given. */
function callsOf(log: string, name: string): string[] {
  return log.split(/^\d+: /m).filter((call) => call.startsWith(`${name}\n`));
}

/** The attributes of an object that was made, as the spy shows them. */
function attributesOf(call: string): Map<string, string> {
  const lines = call.matchAll(/^ +(CKA_\w+) +(.*?) *$/gm);
  return new Map([...lines].map(([, name, value]) => [name!, value!]));
}

testWith(
  SOFT_HSM,
  "each key of a session is a secret of the session in the token, and goes with it",
  async () => {
    await using folder = await temporaryFolder();
    const token = await createSoftToken(folder.path, "spied");
    const log = `${folder.path}/spy.log`;
    await using device = await serveDeviceIn(
      {
        ...token.env,
        PKCS11SPY: token.options.module,
        PKCS11SPY_OUTPUT: log,
      },
      ...["--backend", "pkcs11", "--pkcs11-module", await findSpy()],
      ...["--pkcs11-pin-file", token.options["pin-file"]],
    );
    {
      await using driver = await attach(device);
      const key = new Uint8Array(16).fill(7);
      await using cipher = await driver.cipher({
        algorithm: "aes-cbc",
        key,
        direction: "encrypt",
      });
      await cipher.run(new Uint8Array(32), new Uint8Array(16));
      await using mac = await driver.mac({ algorithm: "hmac-sha256", key });
      await mac.digest(new Uint8Array(5));
      await using rsa = await driver.akcipher({
        algorithm: "rsa",
        keyType: "private",
        key: RSA_PRIVATE_KEY,
        padding: "pkcs1",
        hash: "sha256",
      });
      await rsa.sign(new Uint8Array(32));
      await using ecdsa = await driver.akcipher({
        algorithm: "ecdsa",
        keyType: "private",
        key: EC_PRIVATE_KEY,
        curve: "p256",
      });
      await ecdsa.sign(new Uint8Array(32));
      // The view of another program: nothing of it is the token's.
      strictEqual((await runPkcs11Tool(token, "--list-objects")).trim(), "");
    }
    const { code } = await device.process.end("SIGTERM");
    strictEqual(code, 0, device.process.log);
    const spied = await Deno.readTextFile(log);
    const made = callsOf(spied, "C_CreateObject");
    const secrets = made.map(attributesOf)
      .filter((all) => all.get("CKA_CLASS") !== "CKO_PUBLIC_KEY");
    ok(secrets.length >= 8, spied.slice(0, 2000));
    const kinds = new Set<string>();
    for (const attributes of secrets) {
      kinds.add(attributes.get("CKA_KEY_TYPE")!);
      strictEqual(attributes.get("CKA_TOKEN"), "False");
      strictEqual(attributes.get("CKA_PRIVATE"), "True");
      strictEqual(attributes.get("CKA_SENSITIVE"), "True");
      strictEqual(attributes.get("CKA_EXTRACTABLE"), "False");
    }
    deepStrictEqual([...kinds].sort(), [
      "CKK_AES",
      "CKK_EC",
      "CKK_GENERIC_SECRET",
      "CKK_RSA",
    ]);
    const destroyed = callsOf(spied, "C_DestroyObject")
      .filter((call) => /Returned: +0 CKR_OK/.test(call));
    strictEqual(destroyed.length, made.length);
    match(spied, /C_CloseSession/);
  },
);
