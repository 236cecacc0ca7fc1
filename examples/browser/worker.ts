/**
 * The worker: device, driver and noble, and what `../in_process.ts` does with
 * them, for the text that the page sends.
 *
 * @module
 */

import { createDevice, Driver } from "../../mod.ts";

/** What the worker tells the page. */
export interface Answer {
  readonly line?: string;
  /** Nothing more comes of this text. */
  readonly done?: boolean;
}

const REQUESTS = 200;
const REQUEST_BYTES = 4096;

const tell = (answer: Answer): void => self.postMessage(answer);
const say = (line: string): void => tell({ line });

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Seals, opens and hashes `text`. */
async function useText(driver: Driver, text: string): Promise<void> {
  const plaintext = new TextEncoder().encode(text);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const gcm = {
    algorithm: "gcm",
    key: crypto.getRandomValues(new Uint8Array(32)),
  } as const;

  await using seal = await driver.aead({ ...gcm, direction: "encrypt" });
  const sealed = await seal.run(plaintext, nonce);
  say(`AES-256-GCM  ${hex(sealed)}`);

  await using open = await driver.aead({ ...gcm, direction: "decrypt" });
  const opened = await open.run(sealed, nonce);
  say(`decrypted    ${new TextDecoder().decode(opened)}`);

  await using sha256 = await driver.hash({ algorithm: "sha256" });
  say(`SHA-256      ${hex(await sha256.digest(plaintext))}`);
}

async function measure(driver: Driver): Promise<void> {
  await using sha256 = await driver.hash({ algorithm: "sha256" });
  const data = new Uint8Array(REQUEST_BYTES);
  const start = performance.now();
  for (let i = 0; i < REQUESTS; i++) await sha256.digest(data);
  const seconds = (performance.now() - start) / 1000;
  const rate = REQUESTS * REQUEST_BYTES / seconds / 1e6;
  say(`              ${REQUESTS} hashes of 4 KiB: ${rate.toFixed(1)} MB/s`);
}

async function run(text: string): Promise<void> {
  await using driver = await Driver.start(await createDevice());
  await useText(driver, text);
  await measure(driver);
}

self.addEventListener("message", (event) => {
  run((event as MessageEvent<string>).data)
    .catch((error) => say(`${error}`))
    .finally(() => tell({ done: true }));
});
