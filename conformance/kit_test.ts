import { match, ok, strictEqual, throws } from "node:assert/strict";
import {
  type BackendThread,
  type Operation,
  OperationKind,
  type OperationsBackend,
  OperationStatus,
} from "../backends/backend.ts";
import { ALGORITHMS } from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { shareBytes } from "../testing/shared_bytes.ts";
import { checkBackend, formatReport } from "./conformance.ts";
import { KNOWN_ANSWERS } from "./known_answers.ts";
import { plainOpen } from "./plain/aeads.ts";
import { compute } from "./plain/compute.ts";
import plain from "./plain/plain_backend.ts";

const SEED = 20;

/** The plain backend with some methods replaced. */
function altered(
  alter: (thread: BackendThread) => Partial<BackendThread>,
): OperationsBackend {
  return {
    ...plain,
    open(options) {
      const thread = plain.open(options);
      return { ...thread, ...alter(thread) };
    },
  };
}

/** The plain backend with something done to each operation that it finished. */
function sabotaged(spoil: (operation: Operation) => void): OperationsBackend {
  return altered((thread) => ({
    run(operations, count) {
      thread.run(operations, count);
      for (const operation of operations.slice(0, count)) spoil(operation);
    },
  }));
}

function flipFirstByte(operation: Operation): void {
  if (operation.destination.totalBytes === 0) return;
  const [first] = operation.destination.copy();
  operation.destination.fill(0, 1, first! ^ 1);
}

const descriptionOf = (operation: Operation) =>
  (operation.session as { description: SessionDescription }).description;

function leavePlaintext(operation: Operation): void {
  const description = descriptionOf(operation);
  if (description.service !== "aead") return;
  if (operation.status !== OperationStatus.BadTag) return;
  const opened = plainOpen(
    description.algorithm,
    description.key,
    operation.iv.slice(0, operation.ivBytes),
    operation.source.copy(),
    operation.additionalData.copy(),
    description.tagBytes,
  );
  operation.destination.write(0, opened!.ciphertext);
}

function writePastTheEnd({ destination }: Operation): void {
  const last = destination.count - 1;
  if (last < 0) return;
  const end = destination.offset(last) + destination.lengthBytes(last);
  destination.region(last).bytes[end]! ^= 1;
}

/** The plain backend with something done before each operation and undone. */
function around(act: (operation: Operation) => () => void): OperationsBackend {
  return altered((thread) => ({
    run(operations, count) {
      for (const operation of operations.slice(0, count)) {
        const undo = act(operation);
        thread.run([operation], 1);
        undo();
      }
    },
  }));
}

/** Clears what lies behind the destination; the result puts it back. */
function clearBehind({ destination }: Operation): () => void {
  const last = destination.count - 1;
  if (last < 0) return () => {};
  const end = destination.offset(last) + destination.lengthBytes(last);
  const behind = destination.region(last).bytes.subarray(end, end + 8);
  const before = behind.slice();
  behind.fill(0);
  return () => behind.set(before);
}

/** Computes with a copy of associated data that it clears for that time. */
function runOverRubbish(thread: BackendThread, operation: Operation): void {
  const bytes = operation.additionalData.copy();
  const additionalData = new Segments();
  additionalData.append(new Region(bytes), 0, bytes.length);
  operation.additionalData.fill(0, bytes.length, 0);
  const other = { ...operation, additionalData };
  thread.run([other], 1);
  operation.additionalData.write(0, bytes);
  operation.status = other.status;
  operation.writtenBytes = other.writtenBytes;
}

const spoilWhen =
  (condition: (operation: Operation) => boolean) => (operation: Operation) => {
    if (condition(operation)) flipFirstByte(operation);
  };

/** Says that another backend should do it. */
function leave(operation: Operation): boolean {
  operation.status = OperationStatus.Elsewhere;
  operation.writtenBytes = 0;
  return true;
}

/** What is broken, where the kit looks, and what it must say. */
const BROKEN:
  readonly (readonly [string, string, OperationsBackend, RegExp])[] = [
    [
      "a wrong bit",
      "cipher.aes-ctr",
      sabotaged(flipFirstByte),
      /SP 800-38A F\.5\.1.*destination/,
    ],
    [
      "a wrong bit where the source is in pieces",
      "cipher.aes-ctr",
      sabotaged(spoilWhen(({ source }) => source.count > 1)),
      /destination/,
    ],
    [
      "a wrong bit where source and destination overlap",
      "cipher.aes-ecb",
      sabotaged(
        spoilWhen(({ source, destination }) => shareBytes(source, destination)),
      ),
      /destination/,
    ],
    [
      "a destination that is cleared before the source is read",
      "cipher.aes-ctr",
      around(({ destination }) => {
        destination.fill(0, destination.totalBytes, 0);
        return () => {};
      }),
      /in-place: destination/,
    ],
    [
      "a block behind the destination that is put back afterwards",
      "aead.chacha20-poly1305",
      around(clearBehind),
      /decrypt.*adjacent: status/,
    ],
    [
      "associated data that is rubbish while the operation runs",
      "aead.chacha20-poly1305",
      altered((thread) => ({
        run(operations, count) {
          for (const operation of operations.slice(0, count)) {
            runOverRubbish(thread, operation);
          }
        },
      })),
      /start of the source/,
    ],
    [
      "a wrong bit in long data",
      "cipher.aes-cbc",
      sabotaged(spoilWhen(({ source }) => source.totalBytes > 65000)),
      /destination/,
    ],
    [
      "a write past the end",
      "cipher.aes-ctr",
      sabotaged(writePastTheEnd),
      /memory beside the output/,
    ],
    [
      "a write into the source",
      "hash.sha256",
      sabotaged(({ source }) => source.totalBytes && source.fill(0, 1, 0)),
      /memory beside the output/,
    ],
    [
      "a request left to another backend with its output changed",
      "cipher.aes-ctr",
      sabotaged(
        spoilWhen((operation) =>
          operation.source.totalBytes === 64 && leave(operation)
        ),
      ),
      /Elsewhere, but the output is not as it was/,
    ],
    [
      "a backend that leaves all requests to another",
      "cipher.aes-ctr",
      altered(() => ({
        run: (operations, count) => operations.slice(0, count).forEach(leave),
      })),
      /an answer to some of them/,
    ],
    [
      "wrong writtenBytes",
      "cipher.aes-ctr",
      sabotaged((operation) => operation.writtenBytes++),
      /writtenBytes/,
    ],
    [
      "a digest of zeros",
      "mac.cmac-aes",
      sabotaged(({ digest }) => digest.fill(0, digest.totalBytes, 0)),
      /digest/,
    ],
    [
      "an ignored tag",
      "aead.chacha20-poly1305",
      sabotaged((operation) => operation.status = OperationStatus.Ok),
      /wrong first byte of the tag.*BadTag/,
    ],
    [
      "plaintext left behind",
      "aead.chacha20-poly1305",
      sabotaged(leavePlaintext),
      /plaintext left in the destination/,
    ],
    [
      "an accepted signature",
      "akcipher.ecdsa",
      sabotaged((operation) => {
        if (operation.status === OperationStatus.KeyRejected) {
          operation.status = OperationStatus.Ok;
        }
      }),
      /verify, other digest.*KeyRejected/,
    ],
    [
      "an exception",
      "hash.md5",
      altered(() => ({
        run() {
          throw new Error("Out of order");
        },
      })),
      /Out of order/,
    ],
    [
      "an operation forever pending",
      "hash.md5",
      sabotaged((operation) => operation.status = OperationStatus.Pending),
      /no poll\(\)/,
    ],
    [
      "keys not copied",
      "cipher.aes-ecb",
      altered(() => ({ openSession: (description) => ({ description }) })),
      /destination/,
    ],
    [
      "more operations than asked for",
      "burst",
      altered((thread) => ({
        run: (operations) => thread.run(operations, operations.length),
      })),
      /run\(\) of 1 of 2 operations/,
    ],
    [
      "sessions of what is not offered",
      "contract",
      altered(() => ({ openSession: (description) => ({ description }) })),
      /openSession\(\) of cipher\.kasumi-f8/,
    ],
    [
      "broken keys",
      "akcipher.rsa",
      altered((thread) => ({
        openSession(description) {
          try {
            return thread.openSession(description);
          } catch {
            return { description };
          }
        },
      })),
      /openSession\(\) of a public rsa key/,
    ],
    [
      "chains that hash the wrong side",
      "chain",
      altered((thread) => ({
        openSession: (description) =>
          thread.openSession(
            description.service === "chain"
              ? { ...description, order: "hash-then-cipher" }
              : description,
          ),
      })),
      /cipher-then-hash.*digest/,
    ],
  ];

for (const [what, only, backend, expected] of BROKEN) {
  Deno.test(`the kit finds ${what}`, () => {
    const report = checkBackend(backend, { only, seed: SEED });
    strictEqual(report.passed, false, "passed");
    strictEqual(report.algorithms[0]!.outcome, "fail");
    match(formatReport(report), expected);
  });
}

for (
  const only of [
    "contract",
    "chain",
    "burst",
    "cipher.aes-xts",
    "mac.xcbc-aes",
    "aead.chacha20-poly1305",
    "akcipher.rsa",
    "akcipher.ecdsa",
  ]
) {
  Deno.test(`the plain backend passes ${only}`, () => {
    const report = checkBackend(plain, { only, seed: SEED, reference: plain });
    ok(report.passed, formatReport(report));
  });
}

Deno.test("the plain backend agrees with every known answer", () => {
  for (const answer of KNOWN_ANSWERS) {
    const { session, source, destination, digest, standard } = answer;
    const isDigest = session.service === "hash" || session.service === "mac";
    const result = compute(session, {
      ...answer,
      kind: isDigest ? OperationKind.Digest : OperationKind.Encrypt,
      destinationBytes: source.length,
      digestBytes: digest?.length ?? 0,
    })!;
    if (destination) {
      strictEqual(result.destination.toHex(), destination.toHex(), standard);
    }
    if (digest) strictEqual(result.digest.toHex(), digest.toHex(), standard);
  }
});

/** Completes one operation a poll, the last one first. */
const polled = altered((thread) => {
  const waiting: Operation[] = [];
  return {
    run(operations, count) {
      for (const operation of operations.slice(0, count)) {
        operation.status = OperationStatus.Pending;
        waiting.push(operation);
      }
    },
    poll() {
      const operation = waiting.pop();
      if (operation) thread.run([operation], 1);
      return operation ? 1 : 0;
    },
  };
});

Deno.test("a backend that completes on later polls passes", () => {
  for (const only of ["burst", "hash.sha1"]) {
    const report = checkBackend(polled, { only, seed: SEED });
    ok(report.passed, formatReport(report));
  }
});

Deno.test("requests that a backend leaves to another are no failure", () => {
  const choosy = altered((thread) => ({
    run(operations, count) {
      for (const operation of operations.slice(0, count)) {
        if (operation.source.totalBytes > 1000) leave(operation);
        else thread.run([operation], 1);
      }
    },
  }));
  const report = checkBackend(choosy, { seed: SEED, only: "aead.gcm" });
  ok(report.passed, formatReport(report));
});

Deno.test("a backend that is not ready is reported with what it lacks", () => {
  const missing = [{ what: "libnothing.so", remedy: "install nothing" }];
  const probe = { ...plain.probe({}), ready: false, missing };
  const report = checkBackend({ ...plain, probe: () => probe });
  strictEqual(report.passed, false);
  strictEqual(report.algorithms[0]!.reason, "libnothing.so (install nothing)");
});

Deno.test("what is not offered is no failure, and has its reason", () => {
  const report = checkBackend(plain, { only: "mac.gmac-twofish" });
  strictEqual(report.algorithms[0]!.outcome, "not offered");
  match(formatReport(report), /not offered: No block cipher/);
});

Deno.test("a report counts what is offered, and no check twice", () => {
  const report = checkBackend(
    altered(() => ({
      openSession() {
        throw new Error("Full");
      },
    })),
    { seed: SEED },
  );
  for (const { checks, failureCount } of report.algorithms) {
    ok(failureCount <= checks, `${failureCount} of ${checks}`);
  }
  const text = formatReport(report);
  const { offers } = plain.probe({});
  const counts = `offers ${offers.length} of ${ALGORITHMS.length}: 0 passed`;
  ok(text.includes(counts), text);
  ok(!text.includes("No block cipher"), "reasons are for probe");
});

Deno.test("a backend of contract 1 runs operations, whatever else it has", () => {
  const old = { ...plain, contract: 1, runs: "asynchronous" } as unknown;
  const report = checkBackend(old as OperationsBackend, {
    seed: SEED,
    only: "hash.md5",
  });
  ok(report.passed, formatReport(report));
});

Deno.test("checkBackend() refuses an unknown name and another contract", () => {
  throws(() => checkBackend(plain, { only: "cipher.rot13" }), RangeError);
  throws(() => checkBackend({ ...plain, contract: 0 }), TypeError);
});
