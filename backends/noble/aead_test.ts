import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { AEADS } from "../../algorithms/catalogue.ts";
import type { AeadSession } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import {
  CONTIGUOUS,
  Job,
  type Layout,
  runJobs,
} from "../../conformance/operations.ts";
import { plainSeal } from "../../conformance/plain/aeads.ts";
import { openSession } from "../primitives/open_session.ts";
import { PieceWorker } from "../primitives/pieces.ts";
import noble from "./noble.ts";
import { NoblePrimitives } from "./primitives.ts";
import {
  hex,
  LAYOUTS,
  ODD_LENGTHS,
  random,
  run,
} from "../../testing/noble_requests.ts";

type Secret = Pick<AeadSession, "algorithm" | "key" | "tagBytes">;

function encrypt(
  secret: Secret,
  iv: Uint8Array,
  additionalData: Uint8Array,
  source: Uint8Array,
  layout?: Layout,
) {
  return run(
    { service: "aead", direction: "encrypt", ...secret },
    {
      kind: OperationKind.Encrypt,
      iv,
      additionalData,
      source,
      destinationBytes: source.length,
      digestBytes: secret.tagBytes,
    },
    layout,
  );
}

function decrypt(
  secret: Secret,
  iv: Uint8Array,
  additionalData: Uint8Array,
  source: Uint8Array,
  tag: Uint8Array,
  layout?: Layout,
) {
  return run(
    { service: "aead", direction: "decrypt", ...secret },
    {
      kind: OperationKind.Decrypt,
      iv,
      additionalData,
      source,
      tag,
      destinationBytes: source.length,
      digestBytes: secret.tagBytes,
    },
    layout,
  );
}

const KNOWN_ANSWERS = [
  {
    // Test case 4 of the specification of GCM that SP 800-38D cites
    name: "AES-128-GCM",
    secret: {
      algorithm: "gcm",
      key: hex("feffe9928665731c6d6a8f9467308308"),
      tagBytes: 16,
    },
    iv: hex("cafebabefacedbaddecaf888"),
    additionalData: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    plaintext: hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    ),
    ciphertext: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329ac" +
      "a12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
    tag: "5bc94fbc3221a5db94fae95ae7121a47",
  },
  {
    name: "AES-128-CCM, RFC 3610 §8 packet vector 1",
    secret: {
      algorithm: "ccm",
      key: hex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"),
      tagBytes: 8,
    },
    iv: hex("00000003020100a0a1a2a3a4a5"),
    additionalData: hex("0001020304050607"),
    plaintext: hex("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e"),
    ciphertext: "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384",
    tag: "17e8d12cfdf926e0",
  },
  {
    name: "AES-128-CCM, SP 800-38C C.1",
    secret: {
      algorithm: "ccm",
      key: hex("404142434445464748494a4b4c4d4e4f"),
      tagBytes: 4,
    },
    iv: hex("10111213141516"),
    additionalData: hex("0001020304050607"),
    plaintext: hex("20212223"),
    ciphertext: "7162015b",
    tag: "4dac255d",
  },
  {
    // The long associated data of SP 800-38C C.4: 65536 bytes, 0 to 255
    name: "AES-128-CCM, SP 800-38C C.4",
    secret: {
      algorithm: "ccm",
      key: hex("404142434445464748494a4b4c4d4e4f"),
      tagBytes: 14,
    },
    iv: hex("101112131415161718191a1b1c"),
    additionalData: Uint8Array.from({ length: 65536 }, (_, i) => i),
    plaintext: hex(
      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
    ),
    ciphertext:
      "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72",
    tag: "b4ac6bec93e8598e7f0dadbcea5b",
  },
  {
    name: "ChaCha20-Poly1305, RFC 8439 §2.8.2",
    secret: {
      algorithm: "chacha20-poly1305",
      key: Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
      tagBytes: 16,
    },
    iv: hex("070000004041424344454647"),
    additionalData: hex("50515253c0c1c2c3c4c5c6c7"),
    plaintext: new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only " +
        "one tip for the future, sunscreen would be it.",
    ),
    ciphertext: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee" +
      "62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4" +
      "def08e4b7a9de576d26586cec64b6116",
    tag: "1ae10b594f09e26a7e902ecbd0600691",
  },
];

for (const answer of KNOWN_ANSWERS) {
  Deno.test(`AEAD gives the known answer: ${answer.name}`, () => {
    const { secret, iv, additionalData, plaintext, tag } = answer;
    const sealed = encrypt(secret, iv, additionalData, plaintext);
    strictEqual(sealed.destination.toHex(), answer.ciphertext);
    strictEqual(sealed.digest.toHex(), tag);
    const opened = decrypt(
      secret,
      iv,
      additionalData,
      hex(answer.ciphertext),
      hex(tag),
    );
    strictEqual(opened.status, OperationStatus.Ok);
    deepStrictEqual(opened.destination, plaintext);
  });
}

Deno.test("GCM agrees with node:crypto in every layout and tag length", () => {
  for (const length of ODD_LENGTHS) {
    for (const tagBytes of AEADS[0]!.tagBytes) {
      const key = random.bytes(32);
      const iv = random.bytes(12);
      const additionalData = random.bytes(random.pick(ODD_LENGTHS));
      const data = random.bytes(length);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      cipher.setAAD(additionalData);
      const expected = Buffer.concat([cipher.update(data), cipher.final()]);
      const tag = cipher.getAuthTag().subarray(0, tagBytes).toString("hex");
      const secret = { algorithm: "gcm", key, tagBytes };
      const layout = random.pick(LAYOUTS);
      const sealed = encrypt(secret, iv, additionalData, data, layout);
      strictEqual(sealed.destination.toHex(), expected.toString("hex"));
      strictEqual(sealed.digest.toHex(), tag);
    }
  }
});

Deno.test("a 16-byte vector of GCM is J0 itself, and its counter wraps at 32 bits", () => {
  const secret = { algorithm: "gcm", key: random.bytes(16), tagBytes: 16 };
  const iv = random.bytes(12);
  const data = random.bytes(70);
  const aad = random.bytes(5);
  const j0 = new Uint8Array([...iv, 0, 0, 0, 1]);
  deepStrictEqual(
    encrypt(secret, j0, aad, data),
    encrypt(secret, iv, aad, data),
  );
  // Blocks ffffffff, 0, 1, 2 and 3 of the counter.
  const beforeWrap = new Uint8Array([...iv, 0xff, 0xff, 0xff, 0xfe]);
  const counters = ["ffffffff", "00000000", "00000001", "00000002", "00000003"]
    .map((counter) => iv.toHex() + counter).join("");
  const pad = createCipheriv("aes-128-ecb", secret.key, null)
    .update(hex(counters));
  deepStrictEqual(
    encrypt(secret, beforeWrap, aad, data).destination,
    data.map((byte, i) => byte ^ pad[i]!),
  );
});

Deno.test("CCM writes the length of long associated data as the standard does", () => {
  const secret = { algorithm: "ccm", key: random.bytes(16), tagBytes: 16 };
  const iv = random.bytes(11);
  const data = random.bytes(20);
  for (const length of [0xfeff, 0xff00, 0xffff, 0x10000]) {
    const aad = random.bytes(length);
    const expected = plainSeal("ccm", secret.key, iv, data, aad, 16)!;
    const sealed = encrypt(secret, iv, aad, data);
    strictEqual(sealed.digest.toHex(), expected.tag.toHex(), `${length}`);
  }
});

Deno.test("every byte of a tag counts, and of a short one too", () => {
  for (const { name, tagBytes: lengths } of AEADS) {
    for (const tagBytes of lengths) {
      const secret = { algorithm: name, key: random.bytes(32), tagBytes };
      const iv = random.bytes(12);
      const data = random.bytes(5);
      const sealed = encrypt(secret, iv, data, data);
      for (let at = 0; at < tagBytes; at++) {
        const tag = sealed.digest.slice();
        tag[at]! ^= 1;
        const opened = decrypt(secret, iv, data, sealed.destination, tag);
        strictEqual(opened.status, OperationStatus.BadTag);
      }
    }
  }
});

Deno.test("CCM refuses data that its length field cannot tell", () => {
  const secret = { algorithm: "ccm", key: random.bytes(16), tagBytes: 8 };
  const none = new Uint8Array(0);
  const statusOf = (ivBytes: number, length: number) =>
    encrypt(secret, random.bytes(ivBytes), none, random.bytes(length)).status;
  strictEqual(statusOf(13, 65535), OperationStatus.Ok);
  strictEqual(statusOf(13, 65536), OperationStatus.Failed);
  strictEqual(statusOf(12, 65536), OperationStatus.Ok);
});

Deno.test("a vector of another length fails", () => {
  const none = new Uint8Array(0);
  for (const { name, tagBytes } of AEADS) {
    const secret = {
      algorithm: name,
      key: random.bytes(32),
      tagBytes: tagBytes[0]!,
    };
    for (const ivBytes of [0, 6, 14, 17]) {
      const { status } = encrypt(secret, random.bytes(ivBytes), none, none);
      strictEqual(status, OperationStatus.Failed, `${name} ${ivBytes}`);
    }
  }
});

for (const { name } of AEADS) {
  Deno.test(`${name}: a wrong tag leaves no plaintext, in any layout`, () => {
    const secret = { algorithm: name, key: random.bytes(32), tagBytes: 16 };
    const iv = random.bytes(12);
    const aad = random.bytes(20);
    const plaintext = random.bytes(100);
    const sealed = encrypt(secret, iv, aad, plaintext);
    const thread = noble.open({});
    const session = thread.openSession({
      service: "aead",
      direction: "decrypt",
      ...secret,
    });
    for (const layout of LAYOUTS) {
      const tag = sealed.digest.slice();
      tag[random.integer(16)]! ^= 1 << random.integer(8);
      const job = new Job(
        {
          kind: OperationKind.Decrypt,
          iv,
          additionalData: aad,
          source: sealed.destination,
          tag,
          destinationBytes: 100,
          digestBytes: 16,
        },
        session,
        layout,
        random,
      );
      const before = job.operation.destination.copy();
      runJobs(thread, [job]);
      strictEqual(job.operation.status, OperationStatus.BadTag);
      strictEqual(job.operation.writtenBytes, 0);
      deepStrictEqual(job.operation.destination.copy(), before);
    }
    thread.close();
  });

  Deno.test(`${name}: changed data, associated data or vector is a wrong tag`, () => {
    const secret = { algorithm: name, key: random.bytes(32), tagBytes: 16 };
    const parts = [random.bytes(12), random.bytes(33), random.bytes(47)];
    const [iv, aad, plaintext] = parts as [Uint8Array, Uint8Array, Uint8Array];
    const sealed = encrypt(secret, iv, aad, plaintext);
    const flip = (bytes: Uint8Array) => {
      const changed = bytes.slice();
      changed[bytes.length - 1]! ^= 1;
      return changed;
    };
    const { destination, digest } = sealed;
    const attempts = [
      decrypt(secret, flip(iv), aad, destination, digest),
      decrypt(secret, iv, flip(aad), destination, digest),
      decrypt(secret, iv, aad, flip(destination), digest),
    ];
    for (const { status } of attempts) {
      strictEqual(status, OperationStatus.BadTag);
    }
    strictEqual(
      decrypt(secret, iv, aad, destination, digest).status,
      OperationStatus.Ok,
    );
  });
}

Deno.test("what a forged message deciphers to stays nowhere", () => {
  for (const { name, keyBytes } of AEADS) {
    const key = random.bytes(keyBytes.maximum);
    const iv = random.bytes(12);
    const secret = { algorithm: name, key, tagBytes: 16 };
    const plaintext = random.bytes(64);
    const sealed = encrypt(secret, iv, random.bytes(0), plaintext);
    const primitives = new NoblePrimitives();
    const session = openSession(
      { primitives, worker: new PieceWorker() },
      { service: "aead", direction: "decrypt", ...secret },
    );
    const request = {
      kind: OperationKind.Decrypt,
      iv,
      source: sealed.destination,
      destinationBytes: 64,
      digestBytes: 16,
    };
    for (const isGenuine of [true, false]) {
      const tag = sealed.digest.slice();
      if (!isGenuine) tag[7]! ^= 1;
      const job = new Job({ ...request, tag }, session, CONTIGUOUS, random);
      session.perform(job.operation);
      const left = primitives.data.take(64);
      strictEqual(
        job.operation.status,
        isGenuine ? OperationStatus.Ok : OperationStatus.BadTag,
      );
      strictEqual(left.every((byte) => byte === 0), !isGenuine, name);
    }
  }
});
