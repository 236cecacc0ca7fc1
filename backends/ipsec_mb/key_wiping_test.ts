import { ok, strictEqual } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { testWith } from "../../testing/real_parts.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { CONTIGUOUS, Job } from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";
import { makeAeadKernel } from "./aead.ts";
import { openAeadSession } from "./aead_session.ts";
import { openChainSession } from "./chain_session.ts";
import { openCipherSession } from "./cipher_session.ts";
import { CipherKernel } from "./ciphers.ts";
import { makeMacKernel, openMacSession } from "./digest_session.ts";
import { makeHmacKernel } from "./hashes.ts";
import { type JobOwner, type JobTable, WORD } from "./job_table.ts";
import { JobRunner } from "./runner.ts";
import type { IpsecMbSession } from "./session.ts";
import { TEST_LIBRARIES } from "../../testing/ipsec_mb_parts.ts";

/** The bytes at an address that a template holds. */
function bytesAt(words: Uint32Array, index: number): Uint8Array {
  const address = BigInt(words[index + 1]!) << 32n | BigInt(words[index]!);
  const pointer = Deno.UnsafePointer.create(address)!;
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 16));
}

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

const key = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** Key memory must hold something while it is used, and zeros after that. */
function check(what: string, memory: Uint8Array, close: () => void): void {
  ok(!isZero(memory), `${what}: no key in the memory that is looked at`);
  close();
  ok(isZero(memory), `${what}: key left`);
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(part, `${part.name}: closing wipes the keys`, () => {
    const library = new IpsecMb(path);
    const runner = new JobRunner(library);
    for (const algorithm of ["aes-cbc", "snow3g-uea2", "kasumi-f8"]) {
      const direction = "encrypt";
      const kernel = new CipherKernel(library, { algorithm, direction, key });
      const memory = bytesAt(kernel.template.words, WORD.encKeys);
      check(algorithm, memory, () => kernel.close());
    }
    for (const algorithm of ["hmac-sha1", "hmac-md5", "cmac-aes", "xcbc-aes"]) {
      const kernel = makeMacKernel(runner, algorithm, key, 12);
      const memory = bytesAt(kernel.template.words, WORD.u);
      check(algorithm, memory, () => kernel.close());
    }
    const aead = makeAeadKernel(runner, {
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key,
      tagBytes: 16,
    });
    const memory = bytesAt(aead.words, WORD.encKeys);
    check("gcm", memory, () => aead.block.wipe());
    aead.parts!.close();
    runner.wipe();
    library.close();
  });
}

const wordsOf = ({ words }: Pick<JobTable, "words">) =>
  new Uint8Array(words.buffer);

/** Both halves of an address, where they stand one after the other. */
function holds(words: Uint32Array, address: readonly number[]): boolean {
  return words.some((word, i) =>
    word === address[0] && words[i + 1] === address[1]
  );
}

const addressAt = (words: Uint32Array, index: number) =>
  [words[index]!, words[index + 1]!] as const;

/** A session, where its template has a key's address, and a request. */
interface Case {
  readonly session: IpsecMbSession;
  readonly keyAt: number;
  readonly request: Job["request"];
}

function cases(runner: JobRunner): Case[] {
  const encryption = {
    kind: OperationKind.Encrypt,
    iv: new Uint8Array(16),
    source: key,
    destinationBytes: 16,
  };
  const cipher = {
    algorithm: "aes-cbc",
    direction: "encrypt",
    key,
  } as const;
  return [
    {
      session: openCipherSession(runner, { service: "cipher", ...cipher }),
      keyAt: WORD.encKeys,
      request: { ...encryption, digestBytes: 0 },
    },
    {
      session: openMacSession(runner, {
        service: "mac",
        algorithm: "hmac-sha1",
        key,
        resultBytes: 20,
      }),
      keyAt: WORD.u,
      request: {
        kind: OperationKind.Digest,
        source: key,
        destinationBytes: 0,
        digestBytes: 20,
      },
    },
    {
      session: openChainSession(runner, {
        service: "chain",
        order: "cipher-then-hash",
        cipher,
        hashMode: "auth",
        hashAlgorithm: "hmac-sha1",
        authKey: key,
        resultBytes: 20,
      }),
      keyAt: WORD.encKeys,
      request: {
        ...encryption,
        digestBytes: 20,
        cipherBytes: 16,
        hashBytes: 16,
      },
    },
    {
      session: openAeadSession(runner, {
        service: "aead",
        algorithm: "gcm",
        direction: "encrypt",
        key,
        tagBytes: 16,
      }),
      keyAt: WORD.encKeys,
      request: { ...encryption, iv: new Uint8Array(12), digestBytes: 16 },
    },
  ];
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(
    part,
    `${part.name}: a closed session leaves no address of its keys in a job`,
    () => {
      const library = new IpsecMb(path);
      const runner = new JobRunner(library);
      const other = new CipherKernel(library, {
        algorithm: "aes-cbc",
        direction: "encrypt",
        key,
      });
      const ciphers = runner.cipherQueues[runner.cipherQueueOf(other) - 1]!;
      for (const { session, keyAt, request } of cases(runner)) {
        const tables = [ciphers.jobs, session.jobs.table];
        const job = new Job(request, session, CONTIGUOUS, new Random(7));
        session.start(job.operation);
        runner.finish();
        strictEqual(job.operation.status, OperationStatus.Ok);
        const { words } = (session as JobOwner & IpsecMbSession).template;
        const address = addressAt(words, keyAt);
        const isThere = () => tables.some(({ words }) => holds(words, address));
        ok(isThere(), "no job was made");
        const memory = bytesAt(words, keyAt);
        check("a session", memory, () => session.close());
        ok(!isThere(), "an address is left");
      }
      other.close();
      runner.close();
      library.close();
    },
  );

  testWith(part, `${part.name}: messages do not outlive the thread`, () => {
    const library = new IpsecMb(path);
    const runner = new JobRunner(library);
    const kernel = new CipherKernel(library, {
      algorithm: "aes-cbc",
      direction: "encrypt",
      key,
    });
    const at = runner.reserve(64);
    const { bytes } = runner;
    bytes.fill(0xa5, at, at + 64);
    const table = runner.cipherQueues[runner.cipherQueueOf(kernel) - 1]!.jobs;
    const vector = bytesAt(table.words, WORD.iv);
    vector.fill(7);
    const { table: mixed } = runner.mixed;
    mixed.take(kernel, undefined);
    ok(!isZero(vector) && !isZero(bytes));
    ok(!isZero(wordsOf(table)) && !isZero(wordsOf(mixed)));
    runner.wipe();
    ok(isZero(bytes), "a message is left");
    ok(isZero(wordsOf(table)) && isZero(wordsOf(mixed)), "a job is left");
    ok(isZero(vector), "a vector is left");
    kernel.close();
    library.close();
  });
}

/** The library, with note of the buffers that its hashes are handed. */
function watchHashes(library: IpsecMb, seen: Set<Uint8Array>): IpsecMb {
  const cold = new Proxy(library.cold, {
    get(target, name: "sha256") {
      const call = target[name];
      return (...buffers: Parameters<typeof call>) => {
        for (const one of buffers) if (one instanceof Uint8Array) seen.add(one);
        return call(...buffers);
      };
    },
  });
  return Object.create(library, { cold: { value: cold } });
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(part, `${part.name}: an HMAC leaves no padded or hashed key`, () => {
    const library = new IpsecMb(path);
    const runner = new JobRunner(library);
    const seen = new Set<Uint8Array>();
    const watched = watchHashes(library, seen);
    const longKey = new Uint8Array(200).fill(7);
    const kernel = makeHmacKernel(watched, "sha256", longKey);
    // The first call hashes the key, the others work on the session's block.
    const hashed = [...seen].find(({ length }) => length === 32);
    ok(hashed && isZero(hashed), "the hashed key is left");
    seen.clear();
    const lengthBytes = 70_000;
    const at = runner.reserve(256 + lengthBytes) + 128;
    const message = runner.bytes.subarray(at, at + lengthBytes).fill(3);
    const expected = createHmac("sha256", longKey).update(message).digest();
    const result = kernel.digest(runner, at, lengthBytes, new Uint8Array(16));
    strictEqual(result!.toHex(), expected.toString("hex"));
    const outer = [...seen].find(({ length }) => length === 64 + 32);
    ok(outer && isZero(outer), "the outer padded key is left");
    const inner = runner.bytes.subarray(at - 64, at);
    ok(isZero(inner), "the inner padded key is left");
    kernel.close();
    runner.wipe();
    library.close();
  });
}
