import { deepStrictEqual, notDeepStrictEqual } from "node:assert/strict";
import { ok, strictEqual, throws } from "node:assert/strict";
import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import noble from "./noble.ts";
import { random, run } from "../../testing/noble_requests.ts";

const CBC: SessionDescription = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: random.bytes(16),
};

Deno.test("every algorithm of the catalogue is offered, or is not for a reason", () => {
  const { offers, notOffered } = noble.probe({});
  const offered = offers.map(({ algorithm }) => algorithm);
  const known = ALGORITHMS.map(qualifiedName);
  deepStrictEqual(
    [...offered, ...Object.keys(notOffered)].sort(),
    known.toSorted(),
  );
  strictEqual(new Set(offered).size, offered.length);
  ok(notOffered["cipher.arc4"]!.includes("openssl"));
});

Deno.test("the version names the libraries as deno.json pins them", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  const pinned = Object.values<string>(config.imports)
    .map((specifier) => /npm:\/?(@?[^@]+)@([\d.]+)/.exec(specifier)!)
    .map(([, name, version]) => `${name} ${version}`);
  for (const library of noble.probe({}).version.split(", ")) {
    ok(pinned.includes(library), library);
  }
});

/** Runs a program that is read from standard input, without permission. */
async function runWithoutPermission(program: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "-"],
    cwd: new URL("../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(program));
  await input.close();
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) || decoder.decode(stderr);
}

Deno.test("the backend needs no permission", async () => {
  const program = `
    import noble from "./backends/noble/noble.ts";
    const thread = noble.open({});
    const key = crypto.getRandomValues(new Uint8Array(24));
    const cipher = { service: "cipher", direction: "encrypt", key };
    thread.openSession({ ...cipher, algorithm: "aes-cbc" });
    thread.openSession({ ...cipher, algorithm: "3des-cbc" });
    thread.close();
    console.log("served");`;
  strictEqual(await runWithoutPermission(program), "served\n");
});

Deno.test("openSession throws for what is not offered and for what is illegal", () => {
  const thread = noble.open({});
  const arc4 = { ...CBC, algorithm: "arc4" } as SessionDescription;
  throws(() => thread.openSession(arc4), /arc4.*openssl/);
  const short = { ...CBC, key: random.bytes(15) } as SessionDescription;
  throws(() => thread.openSession(short), /key of 15 bytes/);
  const gmac: SessionDescription = {
    service: "chain",
    order: "cipher-then-hash",
    cipher: { algorithm: "aes-cbc", direction: "encrypt", key: CBC.key },
    hashMode: "auth",
    hashAlgorithm: "gmac-aes",
    authKey: random.bytes(16),
    resultBytes: 16,
  };
  throws(() => thread.openSession(gmac), /its own IV/);
  thread.close();
});

Deno.test("an operation of a kind that its session is not for is unsupported", () => {
  const kinds = [
    OperationKind.Decrypt,
    OperationKind.Digest,
    OperationKind.Sign,
    OperationKind.Verify,
  ];
  for (const kind of kinds) {
    const source = random.bytes(16);
    const result = run(CBC, {
      kind,
      iv: random.bytes(16),
      source,
      destinationBytes: 16,
    });
    strictEqual(result.status, OperationStatus.Unsupported);
  }
});

Deno.test("a description may change or be wiped after its session is open", () => {
  const description = { ...CBC, key: CBC.key.slice() } as SessionDescription;
  const request = {
    kind: OperationKind.Encrypt,
    iv: random.bytes(16),
    source: random.bytes(32),
    destinationBytes: 32,
    digestBytes: 0,
  };
  const expected = run(CBC, request).destination;
  const thread = noble.open({});
  const session = thread.openSession(description);
  if ("key" in description) description.key.fill(0);
  const job = new Job(request, session, CONTIGUOUS, random);
  runJobs(thread, [job]);
  deepStrictEqual(job.result().destination, expected);
  thread.close();
});

/** One session of each kind of key, and a request for it. */
const KEYED = [
  [CBC, OperationKind.Encrypt, 16, 32, 0],
  [{ ...CBC, algorithm: "3des-cbc", key: random.bytes(24) }, 0, 8, 32, 0],
  [{ ...CBC, algorithm: "aes-xts", key: random.bytes(64) }, 0, 16, 33, 0],
  [{ ...CBC, algorithm: "aes-f8", key: random.bytes(32) }, 0, 16, 33, 0],
  [aead("gcm"), OperationKind.Encrypt, 12, 32, 16],
  [aead("ccm"), OperationKind.Encrypt, 12, 32, 16],
  [aead("chacha20-poly1305"), OperationKind.Encrypt, 12, 32, 16],
  [mac("hmac-sha256", 32), OperationKind.Digest, 0, 32, 16],
  [mac("cmac-aes", 32), OperationKind.Digest, 0, 32, 16],
  [mac("xcbc-aes", 16), OperationKind.Digest, 0, 32, 16],
  [mac("gmac-aes", 16), OperationKind.Digest, 0, 32, 16],
] as const;

function aead(algorithm: string): SessionDescription {
  const key = random.bytes(32);
  return {
    service: "aead",
    algorithm,
    direction: "encrypt",
    key,
    tagBytes: 16,
  };
}

function mac(algorithm: string, keyBytes: number): SessionDescription {
  const key = random.bytes(keyBytes);
  return { service: "mac", algorithm, key, resultBytes: 16 };
}

for (const how of ["closeSession", "close"] as const) {
  Deno.test(`${how}() wipes keys: what is left computes something else`, () => {
    for (const [description, kind, ivBytes, length, digestBytes] of KEYED) {
      const thread = noble.open({});
      const session = thread.openSession(description as SessionDescription);
      const request = {
        kind,
        iv: random.bytes(ivBytes),
        source: random.bytes(length),
        destinationBytes: kind === OperationKind.Digest ? 0 : length,
        digestBytes,
      };
      const execute = () => {
        const job = new Job(request, session, CONTIGUOUS, random);
        runJobs(thread, [job]);
        return job.result();
      };
      const before = execute();
      strictEqual(before.status, OperationStatus.Ok);
      deepStrictEqual(execute(), before);
      if (how === "close") thread.close();
      else thread.closeSession(session);
      notDeepStrictEqual(execute(), before);
    }
  });
}

/** Another key of the same length. */
function withOtherKey(description: SessionDescription): SessionDescription {
  if (!("key" in description)) throw new Error("It has no key");
  return { ...description, key: description.key.map((byte) => byte ^ 0xff) };
}

Deno.test("what a closed session computes is the same whatever its key was", () => {
  for (const [description, kind, ivBytes, length, digestBytes] of KEYED) {
    const thread = noble.open({});
    const sessions = [
      description as SessionDescription,
      withOtherKey(description as SessionDescription),
    ].map((one) => thread.openSession(one));
    const request = {
      kind,
      iv: random.bytes(ivBytes),
      source: random.bytes(length),
      destinationBytes: kind === OperationKind.Digest ? 0 : length,
      digestBytes,
    };
    const results = () =>
      sessions.map((session) => {
        const job = new Job(request, session, CONTIGUOUS, random);
        runJobs(thread, [job]);
        const result = job.result();
        // What failed has written nothing.
        return result.status === OperationStatus.Ok ? result : result.status;
      });
    const [one, other] = results();
    notDeepStrictEqual(one, other);
    for (const session of sessions) thread.closeSession(session);
    const [left, otherLeft] = results();
    deepStrictEqual(left, otherLeft, JSON.stringify(description));
    thread.close();
  }
});

Deno.test("one bad operation does not harm the others of its burst", () => {
  const thread = noble.open({});
  const session = thread.openSession(CBC);
  const job = (length: number) =>
    new Job(
      {
        kind: OperationKind.Encrypt,
        iv: random.bytes(16),
        source: random.bytes(length),
        destinationBytes: length,
        digestBytes: 0,
      },
      session,
      CONTIGUOUS,
      random,
    );
  const jobs = [job(16), job(17), job(48), job(3 << 20)];
  runJobs(thread, jobs);
  deepStrictEqual(jobs.map(({ operation }) => operation.status), [
    OperationStatus.Ok,
    OperationStatus.Failed,
    OperationStatus.Ok,
    OperationStatus.Ok,
  ]);
  deepStrictEqual(
    jobs.map(({ operation }) => operation.writtenBytes),
    [16, 0, 48, 3 << 20],
  );
  thread.close();
});
