import { strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { opensslTest, randomBytes, runRequest } from "./test_kit.ts";

/** Larger mappings are the runtime's reservations, where no key is copied to. */
const LARGEST_MAPPING_BYTES = 64 * 1024 * 1024;
const PREFIX_BYTES = 6;
const MASK = 0x5a;

/** Writable memory of this process, as [address, length]. */
function writableMappings(): [number, number][] {
  return Deno.readTextFileSync("/proc/self/maps").split("\n").flatMap(
    (line): [number, number][] => {
      const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (!range) return [];
      const [start, end] = [parseInt(range[1]!, 16), parseInt(range[2]!, 16)];
      return end - start <= LARGEST_MAPPING_BYTES ? [[start, end - start]] : [];
    },
  );
}

/** How often `masked` unmasked occurs in memory; it is never unmasked whole. */
function countInMemory(masked: Uint8Array): number {
  const prefix = Buffer.from(
    masked.slice(0, PREFIX_BYTES).map((b) => b ^ MASK),
  );
  const isKey = (bytes: Uint8Array, at: number) =>
    masked.every((byte, i) => bytes[at + i] === (byte ^ MASK));
  using memory = Deno.openSync("/proc/self/mem");
  let found = 0;
  for (const [address, lengthBytes] of writableMappings()) {
    const bytes = Buffer.alloc(lengthBytes);
    memory.seekSync(address, Deno.SeekMode.Start);
    // Memory that went away meanwhile reads as nothing.
    try {
      memory.readSync(bytes);
    } catch {
      continue;
    }
    for (let at = bytes.indexOf(prefix); at >= 0;) {
      if (isKey(bytes, at)) found++;
      at = bytes.indexOf(prefix, at + 1);
    }
    bytes.fill(0);
  }
  return found;
}

const directions = { direction: "encrypt" } as const;

/** Sessions that keep a key of 32 bytes as it is while they are open. */
const withKey = (key: Uint8Array): SessionDescription[] => [
  { service: "cipher", algorithm: "aes-cbc", ...directions, key },
  { service: "cipher", algorithm: "aes-f8", ...directions, key },
  { service: "cipher", algorithm: "arc4", ...directions, key },
  { service: "aead", algorithm: "gcm", ...directions, key, tagBytes: 16 },
  { service: "aead", algorithm: "ccm", ...directions, key, tagBytes: 16 },
  {
    service: "aead",
    algorithm: "chacha20-poly1305",
    ...directions,
    key,
    tagBytes: 16,
  },
  { service: "mac", algorithm: "hmac-sha256", key, resultBytes: 32 },
  { service: "mac", algorithm: "cmac-aes", key, resultBytes: 16 },
  { service: "mac", algorithm: "gmac-aes", key, resultBytes: 16 },
];

opensslTest(
  "no key is left in memory when its sessions are closed",
  (thread) => {
    const key = randomBytes(32);
    const masked = key.map((byte) => byte ^ MASK);
    const sessions = withKey(key).map((description) => {
      const session = thread.openSession(description);
      for (const ivBytes of [12, 16]) {
        runRequest(thread, session, {
          source: new Uint8Array(64),
          iv: new Uint8Array(ivBytes),
          digestBytes: 32,
        });
      }
      return session;
    });
    key.fill(0);
    strictEqual(
      countInMemory(masked) > 0,
      true,
      "the search finds keys in use",
    );
    for (const session of sessions) thread.closeSession(session);
    strictEqual(countInMemory(masked), 0);
  },
);
