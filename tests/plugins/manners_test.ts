import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import {
  BURST_WORDS,
  BurstField,
  type RequestBurst,
} from "../../backends/request_burst.ts";
import { loadBackend } from "../../backends/registry.ts";
import { checkBackend, formatReport } from "../../conformance/conformance.ts";
import { createDevice, Driver, type Failure } from "../../mod.ts";
import type { MannerModule } from "../../testing/manner_backend.ts";

const MODULE = import.meta.resolve("../../testing/manner_backend.ts");
const BURSTS = `${MODULE}?runs=bursts`;
const LATER = `${BURSTS}&later`;
const MANNERS = [
  ["version 1", `${MODULE}?contract=1`],
  [
    "version 1, which has no such member as runs",
    `${MODULE}?contract=1&runs=x`,
  ],
  ["version 2 without runs", `${MODULE}?contract=2`],
  ["operations", `${MODULE}?runs=operations`],
  ["bursts", BURSTS],
  ["bursts that end later", LATER],
] as const;

const KEY = new Uint8Array(16).fill(3);
const IV = new Uint8Array(16).fill(9);

function sealed(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV);
  return Uint8Array.from(cipher.setAutoPadding(false).update(data));
}

const message = (i: number) => new Uint8Array(16 * (i + 1)).fill(i);

/** Encrypts messages at once on a device with this backend and noble. */
async function encrypt(specifier: string, told: Failure[] = []): Promise<void> {
  await using driver = await Driver.start(
    await createDevice({
      backends: [specifier, "noble"],
      fallback: "failure",
      onFailure: (failure) => told.push(failure),
    }),
  );
  await using cipher = await driver.cipher({
    algorithm: "aes-cbc",
    key: KEY,
    direction: "encrypt",
  });
  const results = Array.from(
    { length: 40 },
    (_, i) => cipher.run(message(i), IV),
  );
  for (const [i, result] of (await Promise.all(results)).entries()) {
    deepStrictEqual(result, sealed(message(i)));
  }
}

for (const [manner, specifier] of MANNERS) {
  Deno.test(`a plugin of ${manner} serves a device and conforms`, async () => {
    const { counts } = await import(specifier) as MannerModule;
    const before = counts.run;
    const told: Failure[] = [];
    await encrypt(specifier, told);
    ok(counts.run >= before + 40, "another backend did it");
    deepStrictEqual(told, []);
    const backend = await loadBackend(specifier);
    for (const only of ["cipher.aes-cbc", "burst", "contract"]) {
      const report = await checkBackend(backend, { only });
      ok(report.passed, formatReport(report));
    }
  });
}

Deno.test("what a backend that runs bursts has pending is taken from it when it fails", async () => {
  const { counts, faults } = await import(LATER) as MannerModule;
  const before = counts.abandoned;
  faults.poll = () => {
    throw new Error("the card is gone");
  };
  const told: Failure[] = [];
  await encrypt(LATER, told);
  delete faults.poll;
  strictEqual(counts.abandoned, before + 40);
  strictEqual(told[0]!.of, "backend");
  match(told[0]!.reason, /the card is gone/);
});

/** What a burst's backend may do wrong with a request, and what is told of it. */
const BREACHES: readonly [string, BurstField, number, RegExp][] = [
  ["sets no status", BurstField.Status, 255, /left an operation pending and/],
  ["sets a status of 77", BurstField.Status, 77, /set the status .* to 77/],
  ["wrote too much", BurstField.WrittenBytes, 17, /wrote 17 of 16 bytes/],
  ["wrote less than nothing", BurstField.WrittenBytes, -1, /wrote -1 of 16/],
];

for (const [what, field, value, expected] of BREACHES) {
  Deno.test(`a backend that runs bursts and ${what} breaks the contract`, async () => {
    const { faults } = await import(BURSTS) as MannerModule;
    faults.run = (burst: RequestBurst, slots: Int32Array, count: number) => {
      for (const slot of slots.subarray(0, count)) {
        const at = BURST_WORDS * slot;
        burst.fields[at + BurstField.Status] = 0;
        burst.fields[at + BurstField.WrittenBytes] = 16;
        burst.fields[at + field] = value;
      }
    };
    const told: Failure[] = [];
    await using driver = await Driver.start(
      await createDevice({
        backends: [BURSTS, "noble"],
        fallback: "failure",
        onFailure: (failure) => told.push(failure),
      }),
    );
    await using cipher = await driver.cipher({
      algorithm: "aes-cbc",
      key: KEY,
      direction: "encrypt",
    });
    const failed = await cipher.run(message(0), IV).then(
      () => false,
      () => true,
    );
    delete faults.run;
    ok(failed, "the request succeeded");
    strictEqual(told[0]!.of, "backend");
    match(told[0]!.reason, expected);
    // It is out of use.
    deepStrictEqual(await cipher.run(message(1), IV), sealed(message(1)));
  });
}
