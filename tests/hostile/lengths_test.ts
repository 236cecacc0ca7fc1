import { ok, strictEqual } from "node:assert/strict";
import { Status } from "../../device/wire/status.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { RawGuest } from "../../testing/raw_guest.ts";
import {
  aeadHeader,
  akcipherHeader,
  cipherHeader,
  digestHeader,
  expectService,
  header,
  openAesCbc,
  openRsa,
  openSession,
  refused,
} from "../../testing/requests.ts";
import { authenticatedChain } from "../../testing/sessions.ts";

const IV = new Uint8Array(16);
const DATA = new Uint8Array(64);
const TOP = 0xffff_ffff;
/** Pairs whose sum is small, or just right, in 32 bits. */
const WRAPPING = [
  [TOP, TOP],
  [TOP, 1],
  [TOP - 15, 16],
  [TOP - 63, 64],
  [0x8000_0000, 0x8000_0000],
  [0x8000_0000, 0x8000_0040],
  [64, TOP],
] as const;

// QEMU 2.8 added iv, aad, source, destination and digest lengths in 32 bits,
// allocated the small sum, and copied the large parts (a08aaff811fb).
await testOnBackends(
  "CVE-2017-5931: lengths that wrap to a small sum are refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const cipher = openAesCbc(guest);
    const hash = openSession(guest, {
      service: "hash",
      algorithm: "sha256",
      resultBytes: 32,
    });
    const aead = openSession(guest, {
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key: new Uint8Array(16),
      tagBytes: 16,
    });
    for (const [a, b] of WRAPPING) {
      const data = [IV, DATA];
      refused(guest, [cipherHeader(cipher, 16, a, b), ...data], [64, 1]);
      refused(guest, [cipherHeader(cipher, a, b, b), ...data], [64, 1]);
      refused(guest, [cipherHeader(cipher, a, 64, 64), ...data], [64, 1]);
      refused(guest, [digestHeader(0x100, hash, a, b), DATA], [32, 1]);
      refused(guest, [digestHeader(0x100, hash, b, 32)], [32, 1]);
      const lengths = {
        iv: 12,
        additionalData: a,
        source: b,
        destination: 80,
        tag: 16,
      };
      refused(guest, [aeadHeader(0x300, aead, lengths), DATA], [80, 1]);
      const wrongTag = {
        ...lengths,
        additionalData: 0,
        source: 48,
        destination: a,
        tag: b,
      };
      refused(guest, [aeadHeader(0x300, aead, wrongTag), DATA], [80, 1]);
    }
    expectService(guest);
  },
);

// The same sum in a chain has nine terms, and offsets into the source besides.
await testOnBackends(
  "CVE-2017-5931: a chain whose ranges wrap is refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const chain = openSession(guest, authenticatedChain());
    const legal = [16, 64, 64, 0, 64, 0, 64, 0, 20];
    const send = (words: readonly number[]) => {
      const fields = words.map((word, i) => [24 + 4 * i, word] as const);
      const flf = header(0, chain, { ...Object.fromEntries(fields), 64: 2 });
      return [flf, IV, DATA];
    };
    const { written } = guest.request(0, send(legal), [84, 1]);
    strictEqual(written[1]![0], Status.Ok);
    for (let index = 0; index < legal.length; index++) {
      for (const word of [TOP, TOP - 15, 0x8000_0000, 1024]) {
        refused(guest, send(legal.with(index, word)), [84, 1]);
      }
    }
    for (const [a, b] of WRAPPING) {
      refused(guest, send(legal.with(3, a).with(4, b)), [84, 1]);
      refused(guest, send(legal.with(5, a).with(6, b)), [84, 1]);
    }
  },
);

// QEMU up to 8.1 took the two lengths of a cipher request on trust: the result
// of a long source went past a short destination, a short one leaked heap.
await testOnBackends(
  "CVE-2023-3180: a destination of another length than the source is refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const pairs = [[64, 16], [64, 48], [64, 0], [16, 64], [0, 64], [64, 63]];
    for (const [source, destination] of pairs) {
      const flf = cipherHeader(session, 16, source!, destination!);
      strictEqual(refused(guest, [flf, IV, DATA], [64, 1]), Status.Error);
    }
    expectService(guest);
  },
);

// DPDK copied iv_len bytes into an array of the operation without a look at
// iv_len (b2866f4733).
await testOnBackends(
  "CVE-2020-14376: an IV of any length but the algorithm's is refused",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const long = new Uint8Array(70_000);
    for (const iv of [0, 1, 15, 17, 32, 255, 256, 65_552, TOP - 15, TOP]) {
      const flf = cipherHeader(session, iv, 64, 64);
      strictEqual(refused(guest, [flf, long, DATA], [64, 1]), Status.Error);
    }
    const ccm = openSession(guest, {
      service: "aead",
      algorithm: "ccm",
      direction: "encrypt",
      key: new Uint8Array(16),
      tagBytes: 8,
    });
    for (const iv of [0, 6, 14, 15, 16, 17, 4096, TOP]) {
      const flf = aeadHeader(0x300, ccm, {
        iv,
        additionalData: 0,
        source: 16,
        destination: 24,
        tag: 8,
      });
      refused(guest, [flf, long], [24, 1]);
    }
    expectService(guest);
  },
);

// DPDK's copy mode read src_data_len bytes, however few the buffers held
// (b2866f4733).
await testOnBackends(
  "CVE-2020-14377: lengths beyond the buffers or max_size are refused",
  async (backend) => {
    using guest = await RawGuest.start({
      backends: [backend],
      maxSizeBytes: 4096,
    });
    const session = openAesCbc(guest);
    for (const length of [80, 96, 4096, 8192, 1 << 20, TOP - 15]) {
      const flf = cipherHeader(session, 16, length, length);
      refused(guest, [flf, IV, DATA], [64, 1]);
      refused(guest, [flf, IV, DATA], [8192, 1]);
    }
    const big = new Uint8Array(1 << 20);
    const flf = cipherHeader(session, 16, big.length, big.length);
    refused(guest, [flf, IV, big], [big.length, 1]);
    refused(guest, [cipherHeader(session, 16, 64, 64), IV], [64, 1]);
    refused(guest, [cipherHeader(session, 16, 64, 64).slice(0, 71)], [64, 1]);
    refused(guest, [cipherHeader(session, 16, 64, 64), IV, DATA], [64]);
    refused(guest, [cipherHeader(session, 16, 64, 64), IV, DATA], [1]);
    expectService(guest);
  },
);

// QEMU up to 10.2 allocated what an AKCIPHER request asked for: 4 GiB each.
// The first fix added two 32-bit lengths before it widened them.
await testOnBackends(
  "CVE-2025-14876: AKCIPHER lengths are bounded in full width",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openRsa(guest);
    for (const [a, b] of WRAPPING) {
      for (const opcode of [0x400, 0x401, 0x402, 0x403]) {
        const flf = akcipherHeader(opcode, session, a, b);
        refused(guest, [flf, DATA], [128, 1]);
      }
    }
    const before = Deno.memoryUsage();
    for (let i = 0; i < 500; i++) {
      const flf = akcipherHeader(0x400, session, TOP, TOP);
      refused(guest, [flf, DATA], [128, 1]);
    }
    const after = Deno.memoryUsage();
    const grown = after.heapTotal + after.external -
      before.heapTotal - before.external;
    ok(grown < 256 * 1024 * 1024, `memory grew by ${grown} bytes`);
    expectService(guest);
  },
  ["akcipher.rsa"],
);

// The same on the control queue: QEMU allocated keylen bytes unseen.
await testOnBackends(
  "CVE-2025-14876: key lengths of the control queue are bounded",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const creates: readonly [opcode: number, words: Record<number, number>][] =
      [
        [0x002, { 16: 3, 24: 1, 64: 1 }],
        [0x202, { 16: 4, 20: 32 }],
        [0x302, { 16: 1, 24: 16, 32: 1 }],
        [0x404, { 16: 1, 20: 2 }],
      ];
    const keyAt = { 0x002: 20, 0x202: 24, 0x302: 20, 0x404: 24 };
    for (const [opcode, fields] of creates) {
      for (const length of [TOP, 0x8000_0000, 1 << 20, 8193, 1025, 65]) {
        const at = keyAt[opcode as keyof typeof keyAt];
        const flf = header(opcode, 0, { ...fields, [at]: length });
        const { usedBytes, written } = guest.request(
          guest.controlQueue,
          [flf, new Uint8Array(64)],
          [16],
        );
        strictEqual(usedBytes, 16);
        ok(written[0]![8]! !== Status.Ok, `${opcode}: key of ${length}`);
      }
    }
    expectService(guest);
  },
);
