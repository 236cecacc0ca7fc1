/**
 * Looks for keys in the memory of this process, for tests.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { SessionDescription } from "../algorithms/session_description.ts";
import type { BackendThread } from "../backends/backend.ts";
import { randomBytes, runRequest } from "./backend_requests.ts";

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

/**
 * Opens sessions with one random key, uses and closes them, and asserts that
 * the key is in memory before and nowhere after.
 */
export function assertWiped(
  thread: BackendThread,
  keyBytes: number,
  describe: (key: Uint8Array) => SessionDescription[],
): void {
  const key = randomBytes(keyBytes);
  const masked = key.map((byte) => byte ^ MASK);
  const sessions = describe(key).map((description) => {
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
  strictEqual(countInMemory(masked) > 0, true, "the search finds keys in use");
  for (const session of sessions) thread.closeSession(session);
  strictEqual(countInMemory(masked), 0);
}
