import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  decodeSessionClose,
  decodeSessionMessage,
  detectSessionLayout,
  encodeSessionReply,
  SESSION_MESSAGE_BYTES,
  type SessionLayout,
} from "./session_message.ts";
import {
  decodeSessionReply,
  encodeSessionMessage,
} from "./session_message_encode.ts";
import { Status } from "./status.ts";
import {
  chainOf,
  EVERY_SESSION,
  joined,
  keyOf,
  structure,
  viewOf,
} from "../../testing/wire_samples.ts";

const LAYOUTS: readonly SessionLayout[] = ["A", "B", "C"];
const limits = {
  services: 0x1f,
  maxCipherKeyBytes: 4096,
  maxAuthKeyBytes: 4096,
};

/** A chain as QEMU lays it out, with garbage where it has pointers. */
function chainMessage(layout: SessionLayout): Uint8Array<ArrayBuffer> {
  const length = layout === "C" ? 1072 : 632;
  const words = layout === "A" ? 12 : 8;
  const bytes = structure(length, {
    ...(layout === "A" ? { 8: 2 } : {}),
    ...(layout === "C" ? { 0: 2 } : {}),
    [words]: 3,
    [words + 4]: 24,
    [words + 8]: 2,
    [words + 12]: 12,
    [words + 16]: 20,
    [words + 20]: 0xffffffff,
    40: 0xdeadbeef,
    48: 0xdeadbeef,
  });
  bytes.set([2, 1, 2, 2], words + 24);
  bytes.set(keyOf(24, 3), 56);
  bytes.set(keyOf(20, 9), 120);
  return bytes;
}

const chain = chainOf("auth", "hmac-sha1", "cipher-then-hash");

function status(payload: Uint8Array, layout: SessionLayout) {
  const result = decodeSessionMessage(payload, layout, limits);
  return result.kind === "refused" ? result.status : undefined;
}

Deno.test("a chain decodes from QEMU's offsets in each layout", () => {
  for (const layout of LAYOUTS) {
    const result = decodeSessionMessage(chainMessage(layout), layout, limits);
    ok(result.kind === "create", layout);
    deepEqual(result, {
      kind: "create",
      service: "cipher",
      description: chain,
    });
  }
});

Deno.test("an RSA session decodes from QEMU's offsets in layout C", () => {
  const fields = { 0: 0x404, 8: 1, 12: 1, 16: 270, 32: 1, 36: 5 };
  const payload = structure(1072, { ...fields, 24: 0xdeadbeef });
  payload.set(keyOf(270, 4), 40);
  const result = decodeSessionMessage(payload, "C", limits);
  ok(result.kind === "create");
  deepEqual(result.description, {
    service: "akcipher",
    algorithm: "rsa",
    keyType: "public",
    key: keyOf(270, 4),
    padding: "pkcs1",
    hash: "sha1",
  });
});

Deno.test("each layout is told from the others", () => {
  for (const layout of LAYOUTS) {
    equal(detectSessionLayout(chainMessage(layout)), layout);
  }
  const ecb = structure(632, { 8: 2, 12: 16 });
  ecb[32] = 1;
  equal(detectSessionLayout(ecb), "B", "AES-ECB is no opcode");
  const odd = structure(632, { 8: 2 });
  odd[36] = 3;
  equal(detectSessionLayout(odd), undefined);
  for (const length of [0, 8, 631, 633, 1071, 1073]) {
    equal(detectSessionLayout(new Uint8Array(length)), undefined);
  }
});

Deno.test("every session that a layout can carry comes back from its bytes", () => {
  for (const layout of LAYOUTS) {
    for (const description of EVERY_SESSION) {
      const { service } = description;
      const carried = service === "cipher" || service === "chain" ||
        service === "akcipher" && layout === "C";
      if (!carried) {
        throws(() => encodeSessionMessage(description, layout), RangeError);
        continue;
      }
      const payload = encodeSessionMessage(description, layout);
      equal(payload.length, SESSION_MESSAGE_BYTES[layout]);
      equal(detectSessionLayout(payload), layout);
      const result = decodeSessionMessage(payload, layout, limits);
      ok(result.kind === "create", JSON.stringify(result));
      deepEqual(result.description, description);
    }
  }
});

Deno.test("an encoded message is QEMU's bytes without its pointers", () => {
  for (const layout of LAYOUTS) {
    const expected = chainMessage(layout);
    const view = viewOf(expected);
    for (const at of [layout === "A" ? 32 : 28, 40, 48]) {
      view.setUint32(at, 0, true);
    }
    deepEqual(encodeSessionMessage(chain, layout), expected);
  }
});

Deno.test("CVE-2020-10724: keys longer than their fields are errors", () => {
  for (const layout of LAYOUTS) {
    const words = layout === "A" ? 12 : 8;
    const withLengths = (keyBytes: number, authKeyBytes: number) => {
      const payload = chainMessage(layout);
      viewOf(payload).setUint32(words + 4, keyBytes, true);
      viewOf(payload).setUint32(words + 16, authKeyBytes, true);
      return status(payload, layout);
    };
    equal(withLengths(64, 512), undefined);
    for (const keyBytes of [65, 0x80000000, 0xffffffff]) {
      equal(withLengths(keyBytes, 20), Status.Error);
    }
    for (const authKeyBytes of [513, 0x80000000, 0xffffffff]) {
      equal(withLengths(24, authKeyBytes), Status.Error);
    }
  }
  const rsa = (keyBytes: number) =>
    status(structure(1072, { 0: 0x404, 8: 1, 12: 1, 16: keyBytes }), "C");
  equal(rsa(1024), undefined);
  for (const keyBytes of [1025, 0x80000000, 0xffffffff]) {
    equal(rsa(keyBytes), Status.Error);
  }
});

Deno.test("the device's own limits hold where they are lower", () => {
  const low = { services: 0x1f, maxCipherKeyBytes: 23, maxAuthKeyBytes: 512 };
  const result = decodeSessionMessage(chainMessage("C"), "C", low);
  equal(result.kind === "refused" && result.status, Status.Error);
});

Deno.test("opcodes and numbers that QEMU never sends are not supported", () => {
  for (const [layout, at] of [["A", 8], ["C", 0]] as const) {
    for (const opcode of [0, 3, 0x102, 0x405, 0xffffffff]) {
      const payload = chainMessage(layout);
      viewOf(payload).setUint32(at, opcode, true);
      equal(status(payload, layout), Status.NotSupported);
    }
  }
  const nested = chainMessage("B");
  nested[34] = 3;
  equal(status(nested, "B"), Status.NotSupported);
  const asymmetricA = structure(632, { 8: 0x404 });
  equal(status(asymmetricA, "A"), Status.NotSupported);
});

Deno.test("a payload of another length than its layout's is an error", () => {
  for (const layout of LAYOUTS) {
    for (const length of [0, 8, 631, 1071, 1073]) {
      const payload = new Uint8Array(length);
      equal(status(payload, layout), Status.Error);
      const reply = encodeSessionReply(payload, layout, 5);
      ok(reply.every((byte) => byte === 0xff));
    }
  }
});

Deno.test("a reply has the identifier in its layout's place and no key", () => {
  for (const [layout, at] of [["A", 0], ["B", 0], ["C", 1064]] as const) {
    const payload = chainMessage(layout);
    const reply = encodeSessionReply(payload, layout, 2 ** 32 + 3);
    const expected = structure(payload.length, { [at]: 3, [at + 4]: 1 });
    deepEqual(reply, expected);
    equal(reply, payload);
    equal(decodeSessionReply(reply, layout), 2 ** 32 + 3);
    const failed = encodeSessionReply(chainMessage(layout), layout, -3);
    equal(decodeSessionReply(failed, layout), -3);
  }
});

Deno.test("a close message names a session", () => {
  equal(decodeSessionClose(structure(8, { 0: 4, 4: 1 })), 2 ** 32 + 4);
  ok(Number.isNaN(decodeSessionClose(structure(8, { 4: 0x80000000 }))));
  ok(Number.isNaN(decodeSessionClose(new Uint8Array(7))));
  ok(Number.isNaN(decodeSessionClose(joined(new Uint8Array(9)))));
});
