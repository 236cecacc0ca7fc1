import { ok, strictEqual, throws } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { encodeDestroyRequest } from "../../device/wire/control_encode.ts";
import { SERVICES } from "../../device/wire/opcodes.ts";
import { Status } from "../../device/wire/status.ts";
import { RSA_PRIVATE_KEY } from "../../testing/keys.ts";
import { Machine } from "../../testing/machine.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { RawGuest } from "../../testing/raw_guest.ts";
import {
  akcipherHeader,
  cipherHeader,
  digestHeader,
  expectService,
  header,
  LEGACY,
  openAesCbc,
  openRsa,
  openSession,
  refused,
} from "../../testing/requests.ts";
import { legalSessions } from "../../testing/valid_requests.ts";

const IV = new Uint8Array(16);
const DATA = new Uint8Array(128);

function destroy(
  guest: RawGuest,
  service: (typeof SERVICES)[number],
  id: number,
): number {
  const request = encodeDestroyRequest(service, id, LEGACY);
  const { usedBytes, written } = guest.request(
    guest.controlQueue,
    [request],
    [1],
  );
  strictEqual(usedBytes, 1);
  return written[0]![0]!;
}

// QEMU counted operations in the statistics of the session's kind: a request
// of the other kind found NULL there, or an assertion.
await testOnBackends(
  "QEMU, unnumbered: an operation of another kind than its session is refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const cipher = openAesCbc(guest);
    const rsa = openRsa(guest);
    for (const session of [cipher, rsa]) {
      for (const opcode of [0x100, 0x200, 0x300, 0x301]) {
        refused(guest, [digestHeader(opcode, session, 64, 32), DATA], [64, 1]);
      }
    }
    for (const opcode of [0x400, 0x401, 0x402, 0x403]) {
      const flf = akcipherHeader(opcode, cipher, 16, 128);
      refused(guest, [flf, DATA], [128, 1]);
    }
    for (const opcode of [0x000, 0x001]) {
      const flf = cipherHeader(rsa, 16, 64, 64, opcode);
      refused(guest, [flf, IV, DATA], [64, 1]);
    }
    expectService(guest);
  },
  ["akcipher.rsa"],
);

// QEMU's built-in back-end asserted that the session to close exists: any
// guest could end the process (fixed with CVE-2024-3446).
await testOnBackends(
  "QEMU, unnumbered: closing an unknown session is an error and no more",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const unknown = [0, session + 1, 255, 256, 0xffff_ffff, 2 ** 53 - 1];
    for (const service of SERVICES) {
      for (const id of unknown) {
        strictEqual(destroy(guest, service, id), Status.Error);
      }
    }
    const top = encodeDestroyRequest("cipher", 0, LEGACY);
    top.fill(0xff, 16, 24);
    const { written } = guest.request(guest.controlQueue, [top], [1]);
    strictEqual(written[0]![0], Status.Error);
    strictEqual(destroy(guest, "cipher", session), Status.Ok);
    strictEqual(destroy(guest, "cipher", session), Status.Error);
    expectService(guest);
  },
);

// QEMU left keys in memory that it freed, and lost elements on errors: a
// session that was refused must not stay open anywhere.
await testOnBackends(
  "QEMU, unnumbered: sessions refused or destroyed leave nothing open",
  async (backend) => {
    using machine = await Machine.start({ backend, maximumSessions: 4 });
    const { sessions } = machine.device;
    for (let i = 0; i < 50; i++) {
      for (const description of legalSessions()) {
        const created = sessions.create(description);
        if ("id" in created) sessions.destroy(created.id);
        ok(!("key" in description) || description.key.every((b) => b === 0));
      }
    }
    const spoiled: SessionDescription[] = [
      {
        service: "akcipher",
        algorithm: "rsa",
        keyType: "private",
        key: RSA_PRIVATE_KEY.slice(0, 100),
        padding: "raw",
        hash: "none",
      },
      {
        service: "cipher",
        algorithm: "aes-cbc",
        direction: "encrypt",
        key: new Uint8Array(17).fill(9),
      },
    ];
    for (const description of spoiled) {
      ok("status" in sessions.create(description));
      ok("key" in description && description.key.every((b) => b === 0));
    }
    strictEqual(machine.watch.openSessions, 0);
    strictEqual(sessions.size, 0);
  },
);

// DPDK caches the last session of a queue and does not drop it on close: a
// stale identifier then reaches freed memory.
await testOnBackends(
  "DPDK: a session is gone after its close, used or not",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const first = openAesCbc(guest);
    const send = (id: number) => [cipherHeader(id, 16, 64, 64), IV, DATA];
    const { written } = guest.request(0, send(first), [64, 1]);
    strictEqual(written[1]![0], Status.Ok);
    strictEqual(destroy(guest, "cipher", first), Status.Ok);
    strictEqual(refused(guest, send(first), [64, 1]), Status.InvalidSession);
    const second = openAesCbc(guest, "decrypt");
    ok(second !== first, "the identifier names another session now");
    strictEqual(refused(guest, send(first), [64, 1]), Status.InvalidSession);
  },
);

// DPDK reads a union by the request's opcode, not by the session's kind.
await testOnBackends(
  "DPDK: a symmetric request on a public-key session and the reverse",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const cipher = openAesCbc(guest);
    const rsa = openRsa(guest, "public");
    const onKey = [cipherHeader(rsa, 16, 64, 64), IV, DATA];
    strictEqual(refused(guest, onKey, [64, 1]), Status.Error);
    const onCipher = [akcipherHeader(0x400, cipher, 128, 128), DATA];
    strictEqual(refused(guest, onCipher, [128, 1]), Status.Error);
    // A public key can neither sign nor decrypt.
    refused(guest, [akcipherHeader(0x402, rsa, 20, 128), DATA], [128, 1]);
    refused(guest, [akcipherHeader(0x401, rsa, 128, 128), DATA], [128, 1]);
  },
  ["akcipher.rsa"],
);

// DPDK has no case for other values, leaves the error 0 and goes on.
await testOnBackends(
  "DPDK: op_type is one of two values",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    for (const opType of [0, 3, 4, 0x101, 0x8000_0001, 0xffff_ffff]) {
      const flf = header(0, session, { 24: 16, 28: 64, 32: 64, 64: opType });
      refused(guest, [flf, IV, DATA], [64, 1]);
    }
    // A chain request on a session of a cipher alone.
    const chain = header(0, session, { 24: 16, 28: 64, 32: 64, 64: 2 });
    refused(guest, [chain, IV, DATA], [64, 1]);
  },
);

// DPDK adds dst_data_len and hash_result_len in 32 bits, the latter unbounded.
await testOnBackends(
  "DPDK: hash_result_len is the session's",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const chain = openSession(guest, {
      service: "chain",
      order: "hash-then-cipher",
      cipher: {
        algorithm: "aes-cbc",
        direction: "encrypt",
        key: new Uint8Array(16),
      },
      hashMode: "plain",
      hashAlgorithm: "sha1",
      authKey: new Uint8Array(),
      resultBytes: 20,
    });
    for (const length of [0, 19, 21, 0xffff_ffc0, 0xffff_ffff]) {
      const flf = header(0, chain, {
        24: 16,
        28: 64,
        32: 64,
        40: 64,
        48: 64,
        56: length,
        64: 2,
      });
      refused(guest, [flf, IV, DATA], [84, 1]);
    }
    for (const resultBytes of [0, 21, 0x8000_0000]) {
      throws(() =>
        openSession(guest, { service: "hash", algorithm: "sha1", resultBytes })
      );
    }
  },
);

// DPDK dereferences the status descriptor without a look whether there is one.
await testOnBackends(
  "DPDK: a request without room for a status has no effect",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const send = (room: number[]) =>
      guest.request(0, [cipherHeader(session, 16, 64, 64), IV, DATA], room);
    strictEqual(send([]).usedBytes, 0);
    strictEqual(send([0]).usedBytes, 0);
    strictEqual(send([0, 0, 0]).usedBytes, 0);
    expectService(guest);
  },
);
