import {
  deepStrictEqual,
  match,
  strictEqual,
  throws,
} from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";
import { loadBackend } from "../registry.ts";
import { OperationStatus } from "../backend.ts";
import { openOperations } from "../burst_operations.ts";
import openssl from "./openssl.ts";
import {
  buildOperation,
  counting,
  opensslTest,
  randomBytes,
  runRequest,
} from "../../testing/openssl_requests.ts";

const AES_CBC = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
} as const;

opensslTest("probe() offers what libcrypto has and says why not", () => {
  const probe = openssl.probe({});
  strictEqual(probe.ready, true);
  match(probe.version, /^libcrypto 3\.\d+\.\d+$/);
  match(probe.library!, /^(\/.*\/)?libcrypto\.so\.3$/);
  const offered = probe.offers.map(({ algorithm }) => algorithm);
  for (const name of ["cipher.aes-xts", "hash.sha3-512", "mac.gmac-aes"]) {
    strictEqual(offered.includes(name), true, name);
  }
  match(probe.notOffered["cipher.zuc-eea3"]!, /not in OpenSSL/);
});

Deno.test("probe() names what is missing and does not throw", () => {
  for (const library of ["/nowhere/libcrypto.so.3", "libc.so.6"]) {
    const probe = openssl.probe({ library });
    strictEqual(probe.ready, false);
    deepStrictEqual(probe.offers, []);
    match(probe.missing[0]!.what, new RegExp(library));
    match(probe.missing[0]!.remedy, /libcrypto 3/);
    throws(() => openssl.open({ library }));
  }
});

Deno.test("the registry has the backend", async () => {
  strictEqual((await loadBackend("openssl")).name, "openssl");
});

opensslTest("a session keeps no reference to its description", (thread) => {
  const secret = counting(16, 1);
  const key = secret.slice();
  const iv = counting(16);
  const session = thread.openSession({ ...AES_CBC, key });
  key.fill(0);
  const reference = createCipheriv("aes-128-cbc", secret, iv);
  reference.setAutoPadding(false);
  const answer = runRequest(thread, session, { source: counting(64), iv });
  strictEqual(
    answer.destination.toHex(),
    reference.update(counting(64)).toString("hex"),
  );
});

opensslTest(
  "sessions close by themselves, twice, and with their thread",
  (thread) => {
    const open = () => thread.openSession({ ...AES_CBC, key: randomBytes(16) });
    const [first, second] = [open(), open()];
    thread.closeSession(first);
    thread.closeSession(first);
    const request = { source: counting(16), iv: counting(16) };
    strictEqual(
      runRequest(thread, second, request).status,
      OperationStatus.Ok,
    );
    const other = openOperations(openssl, {});
    other.openSession({ ...AES_CBC, key: randomBytes(32) });
    other.close();
    strictEqual(
      runRequest(thread, second, request).status,
      OperationStatus.Ok,
    );
  },
);

opensslTest("run() takes the first operations of a burst only", (thread) => {
  const session = thread.openSession({ ...AES_CBC, key: randomBytes(16) });
  const burst = [16, 17, 32, 48].map((length) =>
    buildOperation(session, { source: randomBytes(length), iv: counting(16) })
  );
  thread.run(burst, 3);
  deepStrictEqual(burst.map(({ status }) => status), [
    OperationStatus.Ok,
    OperationStatus.Failed,
    OperationStatus.Ok,
    OperationStatus.Pending,
  ]);
  deepStrictEqual(burst.map(({ writtenBytes }) => writtenBytes), [
    16,
    0,
    32,
    99,
  ]);
});

opensslTest("a failed request leaves the session usable", (thread) => {
  const key = randomBytes(16);
  for (const algorithm of ["gcm", "ccm", "chacha20-poly1305"]) {
    const session = thread.openSession({
      service: "aead",
      algorithm,
      direction: "encrypt",
      key: algorithm === "chacha20-poly1305" ? randomBytes(32) : key,
      tagBytes: 16,
    });
    const request = { source: counting(40), iv: counting(12), digestBytes: 16 };
    const before = runRequest(thread, session, request);
    const bad = { ...request, iv: counting(3) };
    strictEqual(
      runRequest(thread, session, bad).status,
      OperationStatus.Failed,
    );
    const noRoom = { ...request, digestBytes: 8 };
    strictEqual(
      runRequest(thread, session, noRoom).status,
      OperationStatus.Failed,
    );
    deepStrictEqual(runRequest(thread, session, request), before);
  }
});

opensslTest("requests longer than the kept scratch memory work", (thread) => {
  const iv = counting(16);
  const algorithm = "aes-xts";
  const key = counting(32);
  const session = thread.openSession({ ...AES_CBC, algorithm, key });
  for (const length of [5 * 1024 * 1024, 4096, 6 * 1024 * 1024]) {
    const source = new Uint8Array(length).fill(length & 0xff);
    const direct = runRequest(thread, session, { source, iv });
    // XTS takes a message in one piece.
    const layout = "scattered";
    const bounced = runRequest(thread, session, { source, iv, layout });
    strictEqual(bounced.status, OperationStatus.Ok);
    strictEqual(Buffer.compare(bounced.destination, direct.destination), 0);
  }
});
