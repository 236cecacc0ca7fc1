import { ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  AUTH_KEY_ROOM_BYTES,
  CIPHER_KEY_ROOM_BYTES,
  decodeSessionClose,
  decodeSessionMessage,
  detectSessionLayout,
  type SessionLayout,
} from "../../device/wire/session_message.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import { Status } from "../../device/wire/status.ts";
import { RSA_PRIVATE_KEY } from "../../testing/keys.ts";

const LAYOUTS: readonly SessionLayout[] = ["A", "B", "C"];
const LIMITS = {
  services: 0x1f,
  maxCipherKeyBytes: 256,
  maxAuthKeyBytes: 1024,
};
const CHAIN: SessionDescription = {
  service: "chain",
  order: "cipher-then-hash",
  cipher: {
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16).fill(1),
  },
  hashMode: "auth",
  hashAlgorithm: "hmac-sha1",
  authKey: new Uint8Array(20).fill(2),
  resultBytes: 20,
};
const LONG = [65, 128, 513, 1025, 4096, 0x8000_0000, 0xffff_ffc0, 0xffff_ffff];

/** Offset of the word at `index` of the six, in a layout. */
const wordAt = (layout: SessionLayout, index: number) =>
  (layout === "A" ? 12 : 8) + 4 * index;

function decodeWith(layout: SessionLayout, at: number, value: number) {
  const payload = encodeSessionMessage(CHAIN, layout);
  new DataView(payload.buffer).setUint32(at, value, true);
  strictEqual(detectSessionLayout(payload), layout);
  return decodeSessionMessage(payload, layout, LIMITS);
}

// DPDK copied key_len bytes out of the 64 and 512 of the message, into the
// session and beyond (acd4c92fa6).
for (const layout of LAYOUTS) {
  Deno.test(`CVE-2020-10724: key lengths beyond the message's fields, layout ${layout}`, () => {
    ok(decodeWith(layout, wordAt(layout, 1), 16).kind === "create");
    for (const length of LONG) {
      const result = decodeWith(layout, wordAt(layout, 1), length);
      ok(result.kind === "refused", `cipher key of ${length}`);
      strictEqual(result.status, Status.Error);
    }
    for (const length of LONG.filter((n) => n > AUTH_KEY_ROOM_BYTES)) {
      const result = decodeWith(layout, wordAt(layout, 4), length);
      ok(result.kind === "refused", `authentication key of ${length}`);
      strictEqual(result.status, Status.Error);
    }
  });
}

Deno.test("CVE-2020-10724: keys as long as their fields come from their fields", () => {
  for (const layout of LAYOUTS) {
    const payload = encodeSessionMessage(CHAIN, layout);
    const view = new DataView(payload.buffer);
    view.setUint32(wordAt(layout, 1), CIPHER_KEY_ROOM_BYTES, true);
    view.setUint32(wordAt(layout, 4), AUTH_KEY_ROOM_BYTES, true);
    payload.fill(3, 56, 120);
    payload.fill(4, 120, 632);
    const result = decodeSessionMessage(payload, layout, LIMITS);
    ok(result.kind === "create");
    const { description } = result;
    ok(description.service === "chain");
    strictEqual(description.cipher.key.length, 64);
    ok(description.cipher.key.every((byte) => byte === 3));
    strictEqual(description.authKey.length, 512);
    ok(description.authKey.every((byte) => byte === 4));
  }
});

// The same with the 1024 bytes of a public-key session, which DPDK still does
// not compare with anything.
Deno.test("CVE-2020-10724: asymmetric keys beyond the message's field", () => {
  const payload = encodeSessionMessage({
    service: "akcipher",
    algorithm: "rsa",
    keyType: "private",
    key: RSA_PRIVATE_KEY.slice(),
    padding: "raw",
    hash: "none",
  }, "C");
  for (const length of [1025, 8192, 8193, 0x7fff_ffff, 0xffff_ffff]) {
    new DataView(payload.buffer).setUint32(16, length, true);
    const result = decodeSessionMessage(payload, "C", LIMITS);
    ok(result.kind === "refused", `key of ${length}`);
    strictEqual(result.status, Status.Error);
  }
});

Deno.test("CVE-2020-10724: a message of another length is refused whole", () => {
  for (const layout of LAYOUTS) {
    const payload = encodeSessionMessage(CHAIN, layout);
    for (const length of [0, 1, 55, 56, 120, payload.length - 1]) {
      const part = payload.slice(0, length);
      strictEqual(detectSessionLayout(part), undefined);
      strictEqual(decodeSessionMessage(part, layout, LIMITS).kind, "refused");
    }
  }
  for (const length of [0, 7, 9, 16]) {
    ok(Number.isNaN(decodeSessionClose(new Uint8Array(length))));
  }
});
