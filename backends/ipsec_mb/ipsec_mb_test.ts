import {
  deepStrictEqual,
  match,
  ok,
  strictEqual,
  throws,
} from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import type {
  ChainSession,
  CipherSession,
} from "../../algorithms/session_description.ts";
import { loadedPath } from "../../ffi/loaded_library.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  type BackendThread,
  OperationKind,
  OperationStatus,
} from "../backend.ts";
import { checkBackend, formatReport } from "../../conformance/conformance.ts";
import {
  addressedRegion,
  CONTIGUOUS,
  Job,
  type Layout,
  runJobs,
} from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";
import noble from "../noble/noble.ts";
import { openOperations } from "../burst_operations.ts";
import ipsecMb from "./ipsec_mb.ts";
import { TEST_LIBRARIES } from "../../testing/ipsec_mb_parts.ts";

/** The longest message of a lane that counts blocks with 15 bits. */
const LONGEST_HASH_BYTES = 64 * (2 ** 15 - 2);

const random = new Random(Math.floor(Math.random() * 2 ** 32));

/** A job of `session`, contiguous, elsewhere or in place. */
function makeJob(
  session: object,
  request: Job["request"],
  arrangement: "apart" | "in-place" = "apart",
): Job {
  const layout = { ...CONTIGUOUS, arrangement };
  return new Job(request, session, layout, random, addressedRegion);
}

const cbc = (source: Uint8Array, iv: Uint8Array) => ({
  kind: OperationKind.Encrypt,
  iv,
  source,
  destinationBytes: source.length,
  digestBytes: 0,
});

const cipherSession = (algorithm: string, keyBytes: number): CipherSession => ({
  service: "cipher",
  algorithm,
  direction: "encrypt",
  key: random.bytes(keyBytes),
});

const expectCipher = (name: string, key: Uint8Array, job: Job) => {
  const cipher = createCipheriv(name, key, job.request.iv!);
  return cipher.setAutoPadding(false).update(job.request.source).toString(
    "hex",
  );
};

function test(
  name: string,
  run: (thread: BackendThread, path: string) => void,
): void {
  for (const { path, part } of TEST_LIBRARIES) {
    testWith(part, `${part.name}: ${name}`, () => {
      const thread = openOperations(ipsecMb, { library: path });
      try {
        run(thread, path);
      } finally {
        thread.close();
      }
    });
  }
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(part, `${part.name} conforms, and agrees with noble`, () => {
    const report = checkBackend(ipsecMb, {
      backendOptions: { library: path },
      reference: noble,
    });
    ok(report.passed, formatReport(report));
    const passed = report.algorithms.filter(({ outcome }) =>
      outcome === "pass"
    );
    ok(passed.length >= 33, formatReport(report));
  });
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(
    part,
    `${part.name}: what is done in lanes is good below 64 KiB, hashes where they can below 2 MiB`,
    () => {
      const { offers } = ipsecMb.probe({ library: path });
      const limited = offers.filter(({ belowBytes }) => belowBytes === 65536)
        .map(({ algorithm }) => algorithm);
      const others = offers.filter(({ belowBytes }) => belowBytes === undefined)
        .map(({ algorithm }) => algorithm);
      for (const name of ["cipher.aes-ecb", "hash.sha384", "mac.cmac-aes"]) {
        ok(limited.includes(name), name);
      }
      for (const name of ["cipher.aes-cbc", "cipher.aes-ctr", "aead.gcm"]) {
        ok(others.includes(name), name);
      }
      const longer = offers.filter(({ belowBytes }) =>
        belowBytes === LONGEST_HASH_BYTES + 1
      );
      for (const { algorithm } of longer) {
        match(algorithm, /^(mac\.hmac-sha|hash\.sha)/);
      }
      const known = limited.length + others.length + longer.length;
      strictEqual(known, offers.length);
    },
  );
}

test("a burst of many sessions gives each its own output", (thread) => {
  const sessions = Array.from({ length: 200 }, (_, i) => {
    const description = cipherSession("aes-cbc", i % 2 === 0 ? 16 : 32);
    const session = thread.openSession(description);
    return { key: description.key, session };
  });
  const picks = Array.from({ length: 700 }, () => random.pick(sessions));
  const jobs = picks.map(({ session }) => {
    const source = random.bytes(16 * (1 + random.integer(90)));
    const placement = random.pick(["apart", "in-place"] as const);
    return makeJob(session, cbc(source, random.bytes(16)), placement);
  });
  runJobs(thread, jobs);
  jobs.forEach((job, i) => {
    const { key } = picks[i]!;
    const { status, destination } = job.result();
    strictEqual(status, OperationStatus.Ok);
    const name = `aes-${8 * key.length}-cbc`;
    strictEqual(destination.toHex(), expectCipher(name, key, job));
    strictEqual(job.findDamage(), undefined);
  });
});

// intel/intel-ipsec-mb#169: lanes of DES got each other's output.
test("a burst of triple DES gives each its own output", (thread) => {
  const description = cipherSession("3des-cbc", 24);
  const session = thread.openSession(description);
  const jobs = Array.from(
    { length: 40 },
    () => makeJob(session, cbc(random.bytes(512), random.bytes(8))),
  );
  runJobs(thread, jobs);
  for (const job of jobs) {
    const expected = expectCipher("des-ede3-cbc", description.key, job);
    strictEqual(job.result().destination.toHex(), expected);
  }
});

test("chains of one burst interleave whatever their ranges", (thread) => {
  const description: ChainSession = {
    service: "chain",
    order: "cipher-then-hash",
    cipher: {
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: random.bytes(16),
    },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha1",
    authKey: random.bytes(20),
    resultBytes: 20,
  };
  const session = thread.openSession(description);
  const jobs = Array.from({ length: 150 }, () => {
    const cipherStart = random.integer(40);
    const cipherBytes = 16 * (1 + random.integer(30));
    const tail = random.integer(20);
    const source = random.bytes(cipherStart + cipherBytes + tail);
    const hashStart = random.integer(source.length);
    const request = {
      ...cbc(source, random.bytes(16)),
      digestBytes: 20,
      cipherStart,
      cipherBytes,
      hashStart,
      hashBytes: source.length - hashStart,
    };
    return makeJob(session, request, random.pick(["apart", "in-place"]));
  });
  runJobs(thread, jobs);
  for (const job of jobs) {
    const { source, iv, cipherStart, cipherBytes, hashStart } = job.request;
    const image = source.slice();
    const cipher = createCipheriv("aes-128-cbc", description.cipher.key, iv!);
    const part = image.subarray(cipherStart, cipherStart! + cipherBytes!);
    part.set(cipher.update(part));
    const mac = createHmac("sha1", description.authKey)
      .update(image.subarray(hashStart)).digest("hex");
    const { destination, digest } = job.result();
    strictEqual(destination.toHex(), image.toHex());
    strictEqual(digest.toHex(), mac);
  }
});

test("a message longer than any job is enciphered", (thread) => {
  const description = cipherSession("aes-cbc", 16);
  const session = thread.openSession(description);
  const source = random.bytes(6 * 1024 * 1024);
  const job = makeJob(session, cbc(source, random.bytes(16)));
  runJobs(thread, [job]);
  const { destination } = job.result();
  const expected = expectCipher("aes-128-cbc", description.key, job);
  strictEqual(destination.toHex(), expected);
});

test("long messages of one burst go on side by side, each to its own end", (thread) => {
  for (const direction of ["encrypt", "decrypt"] as const) {
    const sessions = Array.from({ length: 3 }, () => {
      const description = { ...cipherSession("aes-cbc", 16), direction };
      const session = thread.openSession(description);
      return { key: description.key, session };
    });
    const picks = Array.from({ length: 20 }, () => random.pick(sessions));
    const jobs = picks.map(({ session }, i) => {
      // Short ones, some of one piece, some that end with a piece, in any order.
      const blocks = [1, 4095, 4096, 2 * 4095, 9000, 20_000][i % 6]!;
      const layout: Layout = {
        arrangement: random.pick(["apart", "in-place"] as const),
        pieces: i % 4 === 3 ? "random" : "whole",
      };
      const kind = direction === "encrypt"
        ? OperationKind.Encrypt
        : OperationKind.Decrypt;
      const request = {
        ...cbc(random.bytes(16 * blocks), random.bytes(16)),
        kind,
      };
      return new Job(request, session, layout, random, addressedRegion);
    });
    runJobs(thread, jobs);
    jobs.forEach((job, i) => {
      const { source, iv } = job.request;
      const make = direction === "encrypt" ? createCipheriv : createDecipheriv;
      const cipher = make("aes-128-cbc", picks[i]!.key, iv!);
      const expected = cipher.setAutoPadding(false).update(source);
      const { status, destination } = job.result();
      strictEqual(status, OperationStatus.Ok);
      ok(Buffer.compare(destination, expected) === 0, `${direction} ${i}`);
      strictEqual(job.findDamage(), undefined);
    });
  }
});

test("long chains of one burst go on side by side, in both orders", (thread) => {
  for (const order of ["cipher-then-hash", "hash-then-cipher"] as const) {
    const { key } = cipherSession("aes-cbc", 16);
    const authKey = random.bytes(20);
    const session = thread.openSession({
      service: "chain",
      order,
      cipher: { algorithm: "aes-cbc", direction: "encrypt", key },
      hashMode: "auth",
      hashAlgorithm: "hmac-sha256",
      authKey,
      resultBytes: 32,
    });
    const jobs = Array.from({ length: 12 }, (_, i) => {
      // One piece, three, one and a hash of more; the whole of it or a part.
      const cipherBytes = 16 * [4, 9000, 4095][i % 3]!;
      const [cipherStart, tail] = i % 2 === 0 ? [0, 0] : [24, 70_000];
      const source = random.bytes(cipherStart + cipherBytes + tail);
      const layout: Layout = {
        arrangement: random.pick(["apart", "in-place"] as const),
        pieces: i % 4 === 3 ? "random" : "whole",
      };
      const hashStart = i % 5;
      const request = {
        ...cbc(source, random.bytes(16)),
        digestBytes: 32,
        cipherStart,
        cipherBytes,
        hashStart,
        hashBytes: source.length - hashStart,
      };
      return new Job(request, session, layout, random, addressedRegion);
    });
    runJobs(thread, jobs);
    jobs.forEach((job, i) => {
      const { source, iv, cipherStart, cipherBytes, hashStart } = job.request;
      const image = source.slice();
      const cipher = createCipheriv("aes-128-cbc", key, iv!);
      const part = image.subarray(cipherStart, cipherStart! + cipherBytes!);
      part.set(cipher.update(part));
      const hashed = order === "cipher-then-hash" ? image : source;
      const mac = createHmac("sha256", authKey)
        .update(hashed.subarray(hashStart)).digest("hex");
      const { status, destination, digest } = job.result();
      strictEqual(status, OperationStatus.Ok);
      ok(Buffer.compare(destination, image) === 0, `${order} ${i}`);
      strictEqual(digest.toHex(), mac, `${order} ${i}`);
      strictEqual(job.findDamage(), undefined);
    });
  }
});

test("what the algorithm is not defined for fails", (thread) => {
  const beyond = [["kasumi-f8", 8, 2500], ["zuc-eea3", 16, 8188]] as const;
  for (const [algorithm, ivBytes, longest] of beyond) {
    const session = thread.openSession(cipherSession(algorithm, 16));
    const statusOf = (lengthBytes: number) => {
      const source = random.bytes(lengthBytes);
      const job = makeJob(session, cbc(source, random.bytes(ivBytes)));
      runJobs(thread, [job]);
      return job.result().status;
    };
    strictEqual(statusOf(longest), OperationStatus.Ok);
    strictEqual(statusOf(longest + 1), OperationStatus.Failed);
  }
});

test("probe() names the library and a reason for what it lacks", (_, path) => {
  const probe = ipsecMb.probe({ library: path });
  strictEqual(probe.library, loadedPath(path));
  match(probe.library, /^\/.*libIPSec_MB\.so/);
  ok(/^libIPSec_MB \d+\.\d+\.\d+$/.test(probe.version), probe.version);
  deepStrictEqual(
    [
      ...probe.offers.map(({ algorithm }) => algorithm),
      ...Object.keys(probe.notOffered),
    ].sort(),
    ALGORITHMS.map(qualifiedName).sort(),
  );
});

Deno.test("probe() says what is missing where there is no library", () => {
  const probe = ipsecMb.probe({ library: "/nowhere/libIPSec_MB.so" });
  strictEqual(probe.ready, false);
  strictEqual(probe.offers.length, 0);
  ok(probe.missing[0]!.what.includes("/nowhere/libIPSec_MB.so"));
  ok(probe.missing[0]!.remedy.includes('"library"'));
  throws(() => ipsecMb.open({ library: "/nowhere/libIPSec_MB.so" }));
});
