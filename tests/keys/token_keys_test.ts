import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { encodeStub } from "../../algorithms/key_stub.ts";
import { readPublicKey } from "../../algorithms/key_files.ts";
import { readPem } from "../../algorithms/pem.ts";
import { KeyStore } from "../../device/keys/key_store.ts";
import { tokenKeys } from "../../device/keys/token_source.ts";
import { Status } from "../../device/wire/status.ts";
import { startGuestOf } from "../../testing/key_store_guest.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  generateTokenKey,
  processToken,
  runPkcs11Tool,
  type SoftToken,
  softTokenPart,
} from "../../testing/soft_token.ts";

const SOFT_HSM = await softTokenPart();

const MESSAGE = new TextEncoder().encode("attack at dawn");
const digest = new Uint8Array(createHash("sha256").update(MESSAGE).digest());

function stubOf(publicPem: string): Uint8Array {
  const [block] = readPem(new TextEncoder().encode(publicPem));
  return encodeStub(readPublicKey(block!.label, block!.der));
}

/** Makes two keys in the token, and has them go at the end. */
async function withKeys(
  body: (token: SoftToken, rsa: string, ec: string) => Promise<void>,
): Promise<void> {
  const token = await processToken();
  const rsa = await generateTokenKey(token, "hsm-web", "a1", "rsa:2048");
  const ec = await generateTokenKey(token, "hsm-curve", "a2", "EC:prime256v1");
  try {
    await body(token, rsa, ec);
  } finally {
    for (const id of ["a1", "a2"]) {
      for (const type of ["privkey", "pubkey"]) {
        const which = ["--type", type, "--id", id];
        await runPkcs11Tool(token, "--delete-object", ...which).catch(() => {});
      }
    }
  }
}

testWith(
  SOFT_HSM,
  "a guest signs with keys that never leave their token",
  () =>
    withKeys(async (token, rsaPem, ecPem) => {
      await using guest = await startGuestOf(
        [tokenKeys("pkcs11:type=private", token.options)],
        ["hsm-web=sign", "hsm-curve=ecdsa-sign"],
        ["openssl", "pkcs11"],
        { pkcs11: token.options },
      );
      const { driver } = guest;
      await using rsa = await driver.akcipher({
        algorithm: "rsa",
        keyType: "private",
        key: stubOf(rsaPem),
        padding: "pkcs1",
        hash: "sha256",
      });
      await using ecdsa = await driver.akcipher({
        algorithm: "ecdsa",
        keyType: "private",
        key: stubOf(ecPem),
        curve: "p256",
      });
      for (const [session, pem] of [[rsa, rsaPem], [ecdsa, ecPem]] as const) {
        const signature = await session.sign(digest);
        ok(verify("sha256", MESSAGE, createPublicKey(pem), signature));
        await session.verify(signature, digest);
      }
      // Nothing but the token can have them, whatever the order.
      const backends = [...guest.device.sessions.current()]
        .map(({ placement }) =>
          placement.choices.map(({ backend }) => backend)
        );
      deepStrictEqual(backends, [["pkcs11"], ["pkcs11"]]);
    }),
);

testWith(
  SOFT_HSM,
  "a key that goes from its token ends its sessions at the reload",
  () =>
    withKeys(async (token, rsaPem, ecPem) => {
      await using guest = await startGuestOf(
        [tokenKeys("pkcs11:token=process", token.options)],
        ["hsm-web=raw", "hsm-curve=ecdsa-sign"],
        ["pkcs11"],
        { pkcs11: token.options },
      );
      const { driver, store } = guest;
      await using rsa = await driver.akcipher({
        algorithm: "rsa",
        keyType: "private",
        key: stubOf(rsaPem),
        padding: "raw",
        hash: "none",
      });
      await using ecdsa = await driver.akcipher({
        algorithm: "ecdsa",
        keyType: "private",
        key: stubOf(ecPem),
        curve: "p256",
      });
      const number = new Uint8Array(256).fill(1);
      strictEqual((await rsa.decrypt(number)).length, 256);
      await runPkcs11Tool(
        token,
        ...["--delete-object", "--type", "privkey", "--id", "a1"],
      );
      deepStrictEqual(store.reload(), { added: [], gone: ["hsm-web"] });
      await rejects(
        rsa.decrypt(number),
        (error: { status?: Status }) => error.status === Status.Error,
      );
      await ecdsa.sign(digest);
    }),
);

testWith(
  SOFT_HSM,
  "a source that means no key of the token is refused in one line",
  async () => {
    const { options } = await processToken();
    for (
      const [uri, expected] of [
        ["pkcs11:object=nobody", /token "process" has no such private key$/],
        ["pkcs11:token=other", /the token that is asked for$/],
        ["pkcs11:object=a?pin-value=1", /it has a query, which is not used/],
        ["pkcs11:objekt=a", /it has "objekt", expected token, manufacturer/],
      ] as const
    ) {
      throws(() => new KeyStore([tokenKeys(uri, options)]), (error: Error) => {
        ok(expected.test(error.message), error.message);
        return !error.message.includes("\n");
      });
    }
  },
);
