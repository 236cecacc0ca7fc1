/**
 * What `deno check` refuses: each line under a directive has to be wrong.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import {
  type CipherParameters,
  createDevice,
  Driver,
  OperationError,
  Status,
} from "../mod.ts";

const KEY = new Uint8Array(16);

/** Never called: it is there to be checked. */
export async function typos(driver: Driver): Promise<void> {
  await driver.cipher({ algorithm: "aes-cbc", direction: "encrypt", key: KEY });
  // @ts-expect-error a name that the catalogue does not have
  await driver.cipher({ algorithm: "aes-cbs", direction: "encrypt", key: KEY });
  // @ts-expect-error a direction that there is not
  await driver.cipher({ algorithm: "aes-cbc", direction: "encode", key: KEY });
  // @ts-expect-error a key is missing
  await driver.cipher({ algorithm: "aes-cbc", direction: "encrypt" });
  // @ts-expect-error a cipher is no hash
  await driver.hash({ algorithm: "aes-cbc" });
  // @ts-expect-error a hash is no MAC
  await driver.mac({ algorithm: "sha256", key: KEY });
  // @ts-expect-error the name of another project
  await driver.aead({ algorithm: "aes-gcm", direction: "encrypt", key: KEY });
  await driver.akcipher({ algorithm: "ecdsa", key: KEY, curve: "p256" });
  // @ts-expect-error a curve that the catalogue does not have
  await driver.akcipher({ algorithm: "ecdsa", key: KEY, curve: "P-256" });
  // @ts-expect-error ECDSA has no padding
  await driver.akcipher({ algorithm: "ecdsa", key: KEY, padding: "raw" });
  await driver.akcipher({ algorithm: "rsa", key: KEY, padding: "raw" });
  // @ts-expect-error RSA has to say its padding
  await driver.akcipher({ algorithm: "rsa", key: KEY });
  const pkcs1 = { algorithm: "rsa", key: KEY, padding: "pkcs1" } as const;
  // @ts-expect-error a hash that RSA signatures do not have
  await driver.akcipher({ ...pkcs1, hash: "sha3-256" });
  const order = "hash-then-cipher";
  const cipher: CipherParameters = {
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: KEY,
  };
  await driver.chain({
    order,
    cipher,
    hashMode: "plain",
    hashAlgorithm: "sha256",
  });
  // @ts-expect-error a MAC needs a key
  await driver.chain({
    order,
    cipher,
    hashMode: "auth",
    hashAlgorithm: "hmac-sha256",
  });
  // @ts-expect-error what is plain has no MAC
  await driver.chain({
    order,
    cipher,
    hashMode: "plain",
    hashAlgorithm: "hmac-sha256",
  });
  const aead = await driver.aead({
    algorithm: "gcm",
    direction: "encrypt",
    key: KEY,
  });
  // @ts-expect-error an AEAD cannot be cut
  aead.stream(new Uint8Array(12));
  const hash = await driver.hash({ algorithm: "sha256" });
  // @ts-expect-error nor can a digest, which is collected
  hash.stream();
}

Deno.test("the status of an error has names that programs can use", async () => {
  await using driver = await Driver.start(await createDevice());
  await using open = await driver.aead({
    algorithm: "gcm",
    direction: "decrypt",
    key: KEY,
  });
  try {
    await open.run(new Uint8Array(20), new Uint8Array(12));
    ok(false);
  } catch (error) {
    ok(error instanceof OperationError);
    const status: Status = error.status;
    ok(status === Status.BadMessage);
  }
});
