/**
 * A virtio-crypto device and its driver in one program, over rings in ordinary
 * memory. It needs no permission: `deno run examples/in_process.ts`.
 *
 * @module
 */

import { createDevice, Driver } from "../mod.ts";

const text = "The way of a request: ring, session, backend, ring.";
const plaintext = new TextEncoder().encode(text);
const key = crypto.getRandomValues(new Uint8Array(32));
const nonce = crypto.getRandomValues(new Uint8Array(12));

await using driver = await Driver.start(await createDevice());

await using seal = await driver.aead({
  algorithm: "gcm",
  key,
  direction: "encrypt",
});
const sealed = await seal.run(plaintext, nonce);
console.log(`AES-256-GCM  ${sealed.toHex()}`);

await using open = await driver.aead({
  algorithm: "gcm",
  key,
  direction: "decrypt",
});
const opened = await open.run(sealed, nonce);
console.log(`decrypted    ${new TextDecoder().decode(opened)}`);

await using sha256 = await driver.hash({ algorithm: "sha256" });
console.log(`SHA-256      ${(await sha256.digest(plaintext)).toHex()}`);
