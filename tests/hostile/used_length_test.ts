import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  encodeCreateRequest,
  encodeDestroyRequest,
} from "../../device/wire/control_encode.ts";
import { Status } from "../../device/wire/status.ts";
import { FAILS } from "../../testing/forgetful_backend.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { RawGuest, untouched } from "../../testing/raw_guest.ts";
import {
  aeadHeader,
  akcipherHeader,
  cipherHeader,
  digestHeader,
  header,
  LEGACY,
  openAesCbc,
  openRsa,
  openSession,
  refused,
} from "../../testing/requests.ts";

const FORGETFUL = import.meta.resolve("../../testing/forgetful_backend.ts");
const IV = new Uint8Array(16);
const DATA = new Uint8Array(64);

/** Sends a request that must work; exactly `resultBytes` and the status change. */
function answered(
  guest: RawGuest,
  readable: readonly Uint8Array[],
  roomBytes: number,
  resultBytes: number,
): void {
  const { usedBytes, written } = guest.request(0, readable, [roomBytes, 5]);
  strictEqual(written[1]![4], Status.Ok);
  strictEqual(usedBytes, resultBytes + 1);
  ok(untouched(written[0]!.subarray(resultBytes)));
  ok(untouched(written[1]!.subarray(0, 4)));
}

// QEMU reported the whole buffer as used, whatever it had written: a driver
// with bounce buffers then copied stale memory to the guest.
await testOnBackends(
  "CVE-2024-8612: the used length is what was written, on success",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const cipher = openAesCbc(guest);
    answered(guest, [cipherHeader(cipher, 16, 64, 64), IV, DATA], 64, 64);
    answered(guest, [cipherHeader(cipher, 16, 16, 16), IV, DATA], 64, 16);
    answered(guest, [cipherHeader(cipher, 16, 0, 0), IV], 64, 0);
    const hash = openSession(guest, {
      service: "hash",
      algorithm: "sha512",
      resultBytes: 20,
    });
    answered(guest, [digestHeader(0x100, hash, 64, 20), DATA], 64, 20);
    const mac = openSession(guest, {
      service: "mac",
      algorithm: "hmac-sha256",
      key: new Uint8Array(20),
      resultBytes: 9,
    });
    answered(guest, [digestHeader(0x200, mac, 64, 9), DATA], 32, 9);
    const aead = openSession(guest, {
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key: new Uint8Array(16),
      tagBytes: 12,
    });
    const lengths = {
      iv: 12,
      additionalData: 4,
      source: 48,
      destination: 70,
      tag: 12,
    };
    answered(guest, [aeadHeader(0x300, aead, lengths), DATA], 70, 60);
    const rsa = openRsa(guest);
    answered(guest, [akcipherHeader(0x400, rsa, 64, 128), DATA], 200, 128);
  },
  ["akcipher.rsa"],
);

// Errors are the paths on which QEMU forgot it: nothing but the status is new.
await testOnBackends(
  "CVE-2024-8612: the used length of a failure is that of its status",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const cipher = openAesCbc(guest);
    const rsa = openRsa(guest);
    const failures: Uint8Array[][] = [
      [cipherHeader(4711, 16, 64, 64), IV, DATA],
      [cipherHeader(cipher, 16, 60, 60), IV, DATA],
      [cipherHeader(cipher, 16, 64, 64, 1), IV, DATA],
      [cipherHeader(cipher, 16, 64, 64), IV],
      [cipherHeader(cipher, 16, 64, 64, 0x777), IV, DATA],
      [header(0, cipher, { 24: 16, 28: 64, 32: 64, 64: 3 }), IV, DATA],
      [new Uint8Array(20)],
      [new Uint8Array(0)],
      [akcipherHeader(0x400, rsa, 64, 127), DATA],
      [akcipherHeader(0x400, rsa, 129, 128), new Uint8Array(129)],
      [akcipherHeader(0x403, rsa, 32, 32), DATA],
    ];
    for (const readable of failures) refused(guest, readable, [100, 3, 2]);
  },
  ["akcipher.rsa"],
);

await testOnBackends(
  "CVE-2024-8612: AEAD decryption with a wrong tag reports its status alone",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    for (const algorithm of ["gcm", "ccm", "chacha20-poly1305"]) {
      const session = openSession(guest, {
        service: "aead",
        algorithm,
        direction: "decrypt",
        key: new Uint8Array(32),
        tagBytes: 16,
      });
      const lengths = {
        iv: 12,
        additionalData: 0,
        source: 64,
        destination: 48,
        tag: 16,
      };
      const { usedBytes, written } = guest.request(
        0,
        [aeadHeader(0x301, session, lengths), IV, DATA],
        [48, 1],
      );
      strictEqual(written[1]![0], Status.BadMessage, algorithm);
      strictEqual(usedBytes, 1);
      ok(written[0]!.every((byte) => byte === 0 || byte === 0xa5), algorithm);
    }
  },
);

await testOnBackends(
  "CVE-2024-8612: control requests report what they wrote",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const send = (readable: Uint8Array[], room: number) => {
      const { usedBytes, written } = guest.request(
        guest.controlQueue,
        readable,
        [room],
      );
      ok(untouched(written[0]!.subarray(usedBytes)));
      return usedBytes;
    };
    const create = encodeCreateRequest({
      service: "hash",
      algorithm: "sha256",
      resultBytes: 32,
    }, LEGACY);
    deepStrictEqual([0, 8, 15, 16, 40].map((room) => send(create, room)), [
      0,
      0,
      0,
      16,
      16,
    ]);
    strictEqual(send([new Uint8Array(3)], 40), 16);
    strictEqual(send([header(0x999, 0, {})], 40), 16);
    const destroy = encodeDestroyRequest("hash", 4711, LEGACY);
    deepStrictEqual([0, 1, 16].map((room) => send([destroy], room)), [0, 1, 1]);
  },
);

// Linux takes used.len - 1 as the length of an AKCIPHER result: 0 becomes
// 2^32 - 1, and more than the buffer is copied from beyond it.
await testOnBackends(
  "CVE-2024-26753 and its kind: no used length misleads Linux",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const rsa = openRsa(guest, "private", "pkcs1");
    const big = new Uint8Array(300).fill(7);
    for (const opcode of [0x400, 0x401, 0x402, 0x403]) {
      for (const source of [0, 1, 20, 117, 118, 127, 128, 129, 256]) {
        for (const destination of [0, 1, 127, 128, 129, 200]) {
          const { usedBytes, written } = guest.request(
            0,
            [akcipherHeader(opcode, rsa, source, destination), big],
            [destination, 1],
          );
          const status = written[1]![0]!;
          ok(usedBytes >= 1 && usedBytes <= destination + 1);
          if (status !== Status.Ok) strictEqual(usedBytes, 1);
          if (opcode === 0x403) strictEqual(usedBytes, 1);
          ok(
            status !== Status.Ok || untouched(
              written[0]!.subarray(usedBytes - 1),
            ),
          );
        }
      }
    }
  },
  ["akcipher.rsa"],
);

Deno.test("CVE-2024-8612: the used length is 1 when a backend fails, whatever it says that it wrote", async () => {
  using guest = await RawGuest.start({ backends: [FORGETFUL] });
  const key = new Uint8Array(16).fill(FAILS);
  const cipher = openSession(guest, {
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key,
  });
  const mac = openSession(guest, {
    service: "mac",
    algorithm: "hmac-sha1",
    key,
    resultBytes: 20,
  });
  const failed = (readable: readonly Uint8Array[], roomBytes: number) => {
    const { usedBytes, written } = guest.request(0, readable, [roomBytes, 1]);
    strictEqual(written[1]![0], Status.Error);
    strictEqual(usedBytes, 1);
    ok(untouched(written[0]!));
  };
  failed([cipherHeader(cipher, 16, 64, 64), IV, DATA], 64);
  failed([digestHeader(0x200, mac, 64, 20), DATA], 20);
});
