/**
 * A guest whose device has a key store, in process.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { encodeStub, type PublicPart } from "../algorithms/key_stub.ts";
import { readPublicKey } from "../algorithms/key_files.ts";
import { readPem } from "../algorithms/pem.ts";
import { keyDirectory } from "../device/keys/key_directory.ts";
import type { KeyCountsReader } from "../device/keys/key_counts.ts";
import type { KeySource } from "../device/keys/key_source.ts";
import { KeyStore } from "../device/keys/key_store.ts";
import { type KeyRule, parseKeyRule } from "../device/keys/key_use.ts";
import { type OptionsBySpecifier, probeBackends } from "../backends/probe.ts";
import { Device } from "../device/device.ts";
import { InProcessLink } from "../device/transport/in_process/in_process.ts";
import { Driver } from "../driver/mod.ts";
import { writePem } from "./pem_text.ts";
import { EC_PRIVATE_KEY, RSA_PRIVATE_KEY } from "./keys.ts";

/** PEM files of the keys of `keys.ts`, by name. */
export const KEY_FILES = {
  web: writePem("RSA PRIVATE KEY", RSA_PRIVATE_KEY),
  curve: writePem("EC PRIVATE KEY", EC_PRIVATE_KEY),
} as const;

/** The public part of a private key in PEM. */
export function publicPartOf(pem: string): PublicPart {
  const text = createPublicKey(createPrivateKey(pem))
    .export({ type: "spki", format: "pem" }) as string;
  const [block] = readPem(new TextEncoder().encode(text));
  return readPublicKey(block!.label, block!.der);
}

/** What a guest opens a session with instead of the key. */
export const stubOf = (pem: string): Uint8Array =>
  encodeStub(publicPartOf(pem));

/** Writes private keys where none but their owner reads them. */
export async function writeKeys(
  folder: string,
  keys: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, pem] of Object.entries(keys)) {
    await Deno.writeTextFile(`${folder}/${name}.pem`, pem, { mode: 0o600 });
  }
}

function ruleOf(text: string): KeyRule {
  const rule = parseKeyRule(text);
  if (!rule) throw new Error(`"${text}" is no rule`);
  return rule;
}

/** A guest, what its device counts, and the store that others may share. */
export interface KeyStoreGuest extends AsyncDisposable {
  readonly driver: Driver;
  readonly device: Device;
  readonly store: KeyStore;
  readonly counts: KeyCountsReader;
}

/** Starts a guest that may use keys of a folder as `rules` say. */
export function startKeyStoreGuest(
  folder: string,
  rules: readonly string[],
  backend: string,
): Promise<KeyStoreGuest> {
  return startGuestOf([keyDirectory(folder)], rules, [backend]);
}

/** Starts a guest that may use keys of `sources` as `rules` say. */
export async function startGuestOf(
  sources: readonly KeySource[],
  rules: readonly string[],
  backends: readonly string[],
  options: OptionsBySpecifier = {},
): Promise<KeyStoreGuest> {
  const store = new KeyStore(sources);
  const keys = store.forGuest(rules.map(ruleOf));
  const device = new Device({
    backends: await probeBackends(backends, options),
    rules: [],
    fallback: "never",
    dataQueueCount: 1,
    maximumSessions: 16,
    maximumSizeBytes: 64 * 1024,
    layout: "virtio",
    allowWeak: false,
    keys,
  });
  const driver = await Driver.start(new InProcessLink(device, 4 * 1024 * 1024));
  return {
    driver,
    device,
    store,
    counts: keys.counts,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      store.close();
    },
  };
}

/** What guests sign with stored keys, and its SHA-256. */
export const MESSAGE = new TextEncoder().encode("attack at dawn");
export const digest = new Uint8Array(
  createHash("sha256").update(MESSAGE).digest(),
);

/** Sessions with the stubs of both keys. */
export const RSA = {
  algorithm: "rsa",
  keyType: "private",
  key: stubOf(KEY_FILES.web),
  padding: "pkcs1",
  hash: "sha256",
} as const;

export const EC = {
  algorithm: "ecdsa",
  keyType: "private",
  key: stubOf(KEY_FILES.curve),
  curve: "p256",
} as const;
