import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  KeyKind,
  KeyVault,
  type VaultEntry,
  VaultReader,
} from "./key_vault.ts";

const entry = (slot: number, byte: number, bytes = 100): VaultEntry => ({
  slot,
  kind: KeyKind.File,
  name: `key ${slot}`,
  part: `rsa ${slot}`,
  secret: new Uint8Array(bytes).fill(byte),
});

Deno.test("each key is found by its public part, with a copy of its secret", () => {
  const vault = new KeyVault([entry(0, 1), entry(1, 2, 37), entry(2, 3)]);
  const reader = new VaultReader(vault.memory);
  deepStrictEqual(reader.find("rsa 1"), {
    slot: 1,
    kind: KeyKind.File,
    name: "key 1",
  });
  const secret = reader.takeSecret("rsa 1")!;
  deepStrictEqual(secret, new Uint8Array(37).fill(2));
  secret.fill(0);
  deepStrictEqual(reader.takeSecret("rsa 1"), new Uint8Array(37).fill(2));
  for (const part of ["rsa 3", "rsa", "rsa 11", ""]) {
    strictEqual(reader.find(part), undefined);
    strictEqual(reader.takeSecret(part), undefined);
  }
});

Deno.test("what is replaced and what is closed leaves nothing", () => {
  const vault = new KeyVault([entry(0, 0xa5), entry(1, 0xa5)]);
  const bytes = new Uint8Array(vault.memory);
  ok(bytes.includes(0xa5));
  vault.replace([entry(1, 0xb6)]);
  const reader = new VaultReader(vault.memory);
  strictEqual(reader.find("rsa 0"), undefined);
  ok(!bytes.includes(0xa5));
  vault.close();
  ok(!bytes.includes(0xb6));
  strictEqual(reader.find("rsa 1"), undefined);
});

Deno.test("keys beyond the room are refused, and those that are there stay", () => {
  const vault = new KeyVault([entry(0, 7)]);
  const reader = new VaultReader(vault.memory);
  throws(
    () => vault.replace([entry(1, 8, vault.memory.byteLength)]),
    /^RangeError: Cannot hold keys of \d+ bytes: expected at most/,
  );
  deepStrictEqual(reader.takeSecret("rsa 0"), new Uint8Array(100).fill(7));
});

const ENOUGH_KEYS = 100;
/** A reader that is slower gets none. */
const PATIENCE_MS = 30_000;

/** Reads the vault until the main thread has counted to the end. */
const READER = `
import { VaultReader } from ${
  JSON.stringify(import.meta.resolve("./key_vault.ts"))
};
self.onmessage = ({ data: { memory, state } }) => {
  const reader = new VaultReader(memory);
  const words = new Int32Array(state);
  let torn = 0;
  let read = 0;
  Atomics.store(words, 1, 1);
  while (Atomics.load(words, 0) === 0) {
    for (const part of ["rsa 0", "rsa 1"]) {
      const secret = reader.takeSecret(part);
      if (!secret) continue;
      Atomics.store(words, 1, ++read);
      // Its length goes with its bytes.
      if (secret.some((byte) => byte !== secret.length % 251)) torn++;
    }
  }
  self.postMessage({ torn, read });
  self.close();
};
`;

Deno.test("a thread that reads while keys are replaced gets whole ones", async () => {
  const sized = (slot: number, bytes: number) =>
    entry(slot, bytes % 251, bytes);
  const vault = new KeyVault([sized(0, 100), sized(1, 200)]);
  const state = new SharedArrayBuffer(8);
  const words = new Int32Array(state);
  const url = URL.createObjectURL(
    new Blob([READER], { type: "text/javascript" }),
  );
  const worker = new Worker(url, { type: "module" });
  const told = new Promise<{ torn: number; read: number }>((resolve) =>
    worker.onmessage = ({ data }) => resolve(data)
  );
  worker.postMessage({ memory: vault.memory, state });
  while (Atomics.load(words, 1) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const begun = performance.now();
  const lasts = (ms: number) => performance.now() < begun + ms;
  const isShort = () => Atomics.load(words, 1) < ENOUGH_KEYS;
  for (let i = 0; lasts(500) || isShort() && lasts(PATIENCE_MS); i++) {
    vault.replace([
      sized(i & 1, 100 + i % 150),
      sized(1 - (i & 1), 300 + i % 90),
    ]);
  }
  Atomics.store(words, 0, 1);
  const { torn, read } = await told;
  worker.terminate();
  URL.revokeObjectURL(url);
  ok(read >= ENOUGH_KEYS);
  strictEqual(torn, 0);
});
