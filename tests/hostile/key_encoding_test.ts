import { ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../../device/wire/control_encode.ts";
import { Status } from "../../device/wire/status.ts";
import {
  EC_PRIVATE_KEY,
  EC_PUBLIC_KEY,
  RSA_PRIVATE_KEY,
  RSA_PUBLIC_KEY,
} from "../../testing/keys.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { RawGuest } from "../../testing/raw_guest.ts";
import { expectService, LEGACY, openSession } from "../../testing/requests.ts";

const rsa = (
  keyType: "public" | "private",
  key: Uint8Array,
): SessionDescription => ({
  service: "akcipher",
  algorithm: "rsa",
  keyType,
  key,
  padding: "raw",
  hash: "none",
});
const ecdsa = (
  keyType: "public" | "private",
  key: Uint8Array,
): SessionDescription => ({
  service: "akcipher",
  algorithm: "ecdsa",
  keyType,
  key,
  curve: "p256",
});

const KEYS = [
  [rsa, "private", RSA_PRIVATE_KEY],
  [rsa, "public", RSA_PUBLIC_KEY],
  [ecdsa, "private", EC_PRIVATE_KEY],
  [ecdsa, "public", EC_PUBLIC_KEY],
] as const;

function create(guest: RawGuest, description: SessionDescription): number {
  const { usedBytes, written } = guest.request(
    guest.controlQueue,
    encodeCreateRequest(description, LEGACY),
    [16],
  );
  strictEqual(usedBytes, 16);
  return decodeCreateOutcome(written[0]!).status;
}

/** A DER length in the long form, of `octets` octets. */
const longForm = (octets: number, fill: number) => [
  0x80 | octets,
  ...new Array(octets).fill(fill),
];

// DPDK walks the DER of a key by its own lengths and ignores where it ends.
await testOnBackends(
  "DPDK: DER lengths that lie are refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    for (const key of [RSA_PRIVATE_KEY, RSA_PUBLIC_KEY]) {
      const keyType = key === RSA_PRIVATE_KEY ? "private" : "public";
      const body = key.subarray(key[1] === 0x82 ? 4 : 3);
      const lies: number[][] = [
        [0x30, ...longForm(1, 0xff), ...body],
        [0x30, ...longForm(2, 0xff), ...body],
        [0x30, ...longForm(4, 0xff), ...body],
        [0x30, ...longForm(8, 0xff), ...body],
        [0x30, ...longForm(126, 0xff), ...body],
        [0x30, 0x80, ...body, 0, 0],
        [0x30, 0xff, ...body],
        [0x30, 0x00],
        [0x30],
        [],
        [0x02, 0x01, 0x00],
      ];
      for (const lie of lies) {
        const status = create(guest, rsa(keyType, Uint8Array.from(lie)));
        ok(status !== Status.Ok, `key ${lie.slice(0, 6)}`);
      }
      for (let end = 0; end < key.length; end += 7) {
        const status = create(guest, rsa(keyType, key.slice(0, end)));
        ok(status !== Status.Ok, `${end} of ${key.length} bytes`);
      }
    }
    expectService(guest);
  },
);

await testOnBackends(
  "DPDK: integers within a key's DER that claim the rest of memory are refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    for (const octets of [1, 2, 3, 4, 8]) {
      const lie = [0x30, 0x20, 0x02, 0x01, 0, 0x02, ...longForm(octets, 0xff)];
      const key = Uint8Array.from({ length: 34 }, (_, i) => lie[i] ?? 0x55);
      ok(create(guest, rsa("private", key)) !== Status.Ok);
      key[1] = 0x20;
      ok(create(guest, rsa("public", key)) !== Status.Ok);
    }
    expectService(guest);
  },
);

// A key that a library cannot use must fail when its session is made or its
// request is run, within a bounded time.
await testOnBackends(
  "every byte of a key's encoding may be wrong",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    for (const [describe, keyType, key] of KEYS) {
      openSession(guest, describe(keyType, key.slice()));
      const step = Math.max(1, Math.floor(key.length / 60));
      for (let at = 0; at < key.length; at += at < 40 ? 1 : step) {
        for (const value of [0, 0x7f, 0xff]) {
          const wrong = key.slice();
          wrong[at] = value;
          const begin = performance.now();
          create(guest, describe(keyType, wrong));
          const elapsedMs = performance.now() - begin;
          ok(elapsedMs < 20_000, `byte ${at} took ${elapsedMs} ms`);
        }
      }
    }
    // The limit on sessions may have been reached; a new guest is served.
    await guest.link.reset();
  },
  ["akcipher.rsa", "akcipher.ecdsa"],
);
