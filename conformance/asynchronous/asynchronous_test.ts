import { match, rejects, strictEqual } from "node:assert/strict";
import {
  type AsynchronousBackend,
  type AsynchronousThread,
  OperationStatus,
} from "../../backends/backend.ts";
import webcrypto from "../../backends/webcrypto/webcrypto.ts";
import { type AlgorithmReport } from "../report.ts";
import { checkBackend, formatReport } from "../conformance.ts";
import plain from "../plain/plain_backend.ts";

/** Web Crypto with other methods. */
function altered(
  change: (thread: AsynchronousThread) => Partial<AsynchronousThread>,
): AsynchronousBackend {
  return {
    ...webcrypto,
    open: async (options) => {
      const thread = await webcrypto.open(options);
      return {
        openSession: (description) => thread.openSession(description),
        closeSession: (session) => thread.closeSession(session),
        run: (operation) => thread.run(operation),
        close: () => thread.close(),
        ...change(thread),
      };
    },
  };
}

const BROKEN: readonly (readonly [string, AsynchronousBackend, RegExp])[] = [
  [
    "an outcome that is none",
    altered(() => ({ run: () => Promise.resolve(7 as never) })),
    /run\(\) resolved to 7, expected an object/,
  ],
  [
    "a status that is none",
    altered(() => ({
      run: () => Promise.resolve({ status: OperationStatus.Pending }),
    })),
    /run\(\) resolved to status 255/,
  ],
  [
    "run() without a promise",
    altered(() => ({
      run: () => ({ status: OperationStatus.Ok }) as never,
    })),
    /run\(\) returned no promise/,
  ],
  [
    "rejections of good requests",
    altered(() => ({ run: () => Promise.reject(new Error("no")) })),
    /expected Ok .* got Failed/,
  ],
  [
    "a wrong digest",
    altered((thread) => ({
      async run(operation) {
        const outcome = await thread.run(operation);
        operation.digest[0]! ^= 1;
        return outcome;
      },
    })),
    /digest: expected/,
  ],
];

for (const [what, backend, expected] of BROKEN) {
  Deno.test(`the kit finds of an asynchronous backend ${what}`, async () => {
    const report = await checkBackend(backend, { only: "hash.sha256" });
    strictEqual(report.passed, false);
    match(formatReport(report), expected);
  });
}

Deno.test("the kit stops at the first operation that never ends", async () => {
  const heard: AlgorithmReport[] = [];
  const report = await checkBackend(
    altered(() => ({ run: () => new Promise(() => {}) })),
    { progress: (entry) => void heard.push(entry) },
  );
  strictEqual(heard.length, report.algorithms.length);
  strictEqual(heard.filter(({ outcome }) => outcome === "fail").length, 1);
  const text = formatReport(report);
  match(text, /expected an end, got run\(\) has not ended after 10 seconds/);
  match(text, /13 not examined: run\(\) has not ended/);
});

Deno.test("the kit refuses a promise of a backend that has not said that it is asynchronous", () => {
  const report = checkBackend({
    ...plain,
    open: (options) => ({
      ...plain.open(options),
      openSession: () => ({}),
      closeSession() {},
      run: () => Promise.resolve() as never,
      close() {},
    }),
  }, { only: "hash.sha256" });
  match(
    formatReport(report),
    /run\(\) returned a promise.*unless it says runs: "asynchronous"/,
  );
});

Deno.test("the kit over an asynchronous backend refuses what it refuses of others", async () => {
  await rejects(checkBackend(webcrypto, { only: "cipher.rot13" }), RangeError);
  await rejects(
    checkBackend(webcrypto, { reference: plain }),
    /Cannot compare asynchronous backend "webcrypto"/,
  );
});
