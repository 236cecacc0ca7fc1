import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { Status } from "../../device/wire/status.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { RawGuest } from "../../testing/raw_guest.ts";
import {
  aeadHeader,
  cipherHeader,
  digestHeader,
  header,
  openSession,
} from "../../testing/requests.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => 5 * i + 1);
const IV = Uint8Array.from({ length: 16 }, (_, i) => 0x90 - i);
const DATA = Uint8Array.from({ length: 48 }, (_, i) => i ^ 0x3c);
const AAD = Uint8Array.from({ length: 20 }, (_, i) => 200 - i);
const CANARY = 0xa5;
const ROOM = 100;

const cbc = () =>
  createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(DATA);

/**
 * Sends a request with more room than its result needs: the result comes first,
 * the status last, and nothing is written between them.
 */
function expectResult(
  guest: RawGuest,
  readable: readonly Uint8Array[],
  result: Uint8Array,
): void {
  const { usedBytes, written } = guest.request(0, readable, [ROOM, 1]);
  const expected = new Uint8Array(ROOM).fill(CANARY);
  expected.set(result);
  deepStrictEqual([...written[0]!], [...expected]);
  strictEqual(written[1]![0], Status.Ok);
  strictEqual(usedBytes, result.length + 1);
}

await testOnBackends(
  "the result of a cipher is the first that is writable",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openSession(guest, {
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: KEY.slice(),
    });
    const request = cipherHeader(session, 16, DATA.length, DATA.length);
    expectResult(guest, [request, IV, DATA], cbc());
  },
);

await testOnBackends(
  "hash_result of a chain follows its dst_data",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openSession(guest, {
      service: "chain",
      order: "cipher-then-hash",
      cipher: {
        algorithm: "aes-cbc",
        direction: "encrypt",
        key: KEY.slice(),
      },
      hashMode: "auth",
      hashAlgorithm: "hmac-sha1",
      authKey: KEY.slice(),
      resultBytes: 20,
    });
    const request = header(0x000, session, {
      ...{ 24: 16, 28: DATA.length, 32: DATA.length },
      ...{ 36: 0, 40: DATA.length, 44: 0, 48: DATA.length },
      ...{ 52: AAD.length, 56: 20, 64: 2 },
    });
    const digest = createHmac("sha1", KEY).update(AAD).update(cbc()).digest();
    const result = Uint8Array.from([...cbc(), ...digest]);
    expectResult(guest, [request, IV, DATA, AAD], result);
  },
);

await testOnBackends(
  "hash_result of HASH and MAC is the first that is writable",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const hash = openSession(guest, {
      service: "hash",
      algorithm: "sha256",
      resultBytes: 32,
    });
    expectResult(
      guest,
      [digestHeader(0x100, hash, DATA.length, 32), DATA],
      createHash("sha256").update(DATA).digest(),
    );
    const mac = openSession(guest, {
      service: "mac",
      algorithm: "hmac-sha256",
      key: KEY.slice(),
      resultBytes: 32,
    });
    expectResult(
      guest,
      [digestHeader(0x200, mac, DATA.length, 32), DATA],
      createHmac("sha256", KEY).update(DATA).digest(),
    );
  },
);

await testOnBackends(
  "the tag of an AEAD follows its ciphertext, and no room lies between them",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const nonce = IV.subarray(0, 12);
    const open = (direction: "encrypt" | "decrypt") =>
      openSession(guest, {
        service: "aead",
        algorithm: "gcm",
        direction,
        key: KEY.slice(),
        tagBytes: 12,
      });
    const gcm = createCipheriv("aes-128-gcm", KEY, nonce, {
      authTagLength: 12,
    });
    gcm.setAAD(AAD);
    const ciphertext = [...gcm.update(DATA), ...gcm.final()];
    const sealed = Uint8Array.from([...ciphertext, ...gcm.getAuthTag()]);
    const lengths = { iv: 12, additionalData: AAD.length, tag: 12 };
    // dst_data_len may be more than what is written (virtio 1.4 §5.9.9.7).
    for (const extra of [0, 7]) {
      const seal = aeadHeader(0x300, open("encrypt"), {
        ...lengths,
        source: DATA.length,
        destination: sealed.length + extra,
      });
      expectResult(guest, [seal, nonce, DATA, AAD], sealed);
      const unseal = aeadHeader(0x301, open("decrypt"), {
        ...lengths,
        source: sealed.length,
        destination: DATA.length + extra,
      });
      expectResult(guest, [unseal, nonce, sealed, AAD], DATA);
    }
  },
);
