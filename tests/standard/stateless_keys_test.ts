import { ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import noble from "../../backends/noble/noble.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver, insideOf } from "../../driver/driver.ts";
import { Segments } from "../../memory/segments.ts";
import { RSA_PRIVATE_KEY } from "../../testing/keys.ts";
import { smallDevice } from "../../testing/small_device.ts";
import type { OperationsBackend } from "../../backends/backend.ts";
import { type Input, run } from "./requests.ts";
import { SETUPS } from "./setups.ts";

const STATELESS = SETUPS.find(({ layout }) => layout === "stateless")!;

/** Bytes that nothing else has, in eights that a search finds. */
const KEY = Uint8Array.from({ length: 32 }, (_, i) => 0xc1 + 7 * i);
const AUTH_KEY = Uint8Array.from({ length: 64 }, (_, i) => 0x35 + 11 * i);
const DATA = new Uint8Array(64);

const REQUESTS: readonly (readonly [SessionDescription, Input])[] = [
  [
    { service: "cipher", algorithm: "aes-cbc", direction: "encrypt", key: KEY },
    { operation: "encrypt", source: DATA, iv: new Uint8Array(16) },
  ],
  [
    {
      service: "chain",
      order: "cipher-then-hash",
      cipher: { algorithm: "aes-cbc", direction: "encrypt", key: KEY },
      hashMode: "auth",
      hashAlgorithm: "hmac-sha1",
      authKey: AUTH_KEY,
      resultBytes: 20,
    },
    { operation: "encrypt", source: DATA, iv: new Uint8Array(16) },
  ],
  [
    {
      service: "mac",
      algorithm: "hmac-sha256",
      key: AUTH_KEY,
      resultBytes: 32,
    },
    { operation: "digest", source: DATA },
  ],
  [
    {
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key: KEY,
      tagBytes: 16,
    },
    { operation: "encrypt", source: DATA, iv: new Uint8Array(12) },
  ],
  [
    {
      service: "akcipher",
      algorithm: "rsa",
      keyType: "private",
      key: RSA_PRIVATE_KEY,
      padding: "pkcs1",
      hash: "sha256",
    },
    {
      operation: "sign",
      source: new Uint8Array(32),
      destinationBytes: 128,
    },
  ],
];

/** Everything that the device copies out of guest memory while `body` runs. */
async function copiesDuring(body: () => Promise<void>): Promise<Uint8Array[]> {
  const copies = new Set<ArrayBufferLike>();
  const { prototype } = Segments;
  const { read, copyOut } = prototype;
  prototype.read = function (start, target) {
    copies.add(target.buffer);
    return read.call(this, start, target);
  };
  prototype.copyOut = function (start, target, lengthBytes) {
    copies.add(target.bytes.buffer);
    return copyOut.call(this, start, target, lengthBytes);
  };
  try {
    await body();
  } finally {
    prototype.read = read;
    prototype.copyOut = copyOut;
  }
  return [...copies].map((buffer) => new Uint8Array(buffer));
}

const holds = (bytes: Uint8Array, key: Uint8Array): boolean => {
  const start = key.subarray(0, 8);
  for (let at = 0; at + 8 <= bytes.length; at++) {
    if (start.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
};

const keysIn = (session: SessionDescription): Uint8Array[] => {
  if (session.service === "chain") {
    return [session.cipher.key, session.authKey];
  }
  return "key" in session ? [session.key] : [];
};

/** A stateless device whose backend shows the sessions that it is given. */
async function startWatched(opened: SessionDescription[]) {
  const backend: OperationsBackend = {
    ...noble,
    open(options) {
      const thread = noble.open(options);
      const openSession = thread.openSession.bind(thread);
      thread.openSession = (session) => {
        opened.push(session);
        return openSession(session);
      };
      return thread;
    },
  };
  const device = smallDevice(backend);
  const driver = await Driver.start(new InProcessLink(device, 1024 * 1024), {
    stateless: true,
  });
  const close = () => driver.close();
  return { setup: STATELESS, device, driver, [Symbol.asyncDispose]: close };
}

Deno.test("keys of stateless requests are wiped once the request has ended", async () => {
  const opened: SessionDescription[] = [];
  await using guest = await startWatched(opened);
  for (const [session, input] of REQUESTS) {
    opened.length = 0;
    const copies = await copiesDuring(async () => {
      const { status } = await run(guest, session, undefined, input);
      strictEqual(status, Status.Ok, session.service);
    });
    strictEqual(opened.length, 1);
    for (const own of keysIn(opened[0]!)) {
      ok(own.length > 0 && own.every((byte) => byte === 0), session.service);
    }
    ok(copies.length > 0);
    for (const key of keysIn(session)) {
      ok(!copies.some((bytes) => holds(bytes, key)), session.service);
      // The driver leaves none in shared memory, either.
      ok(
        !holds(insideOf(guest.driver).memory.region.bytes, key),
        session.service,
      );
    }
  }
});

Deno.test("keys of stateless requests that are refused are wiped, too", async () => {
  const opened: SessionDescription[] = [];
  await using guest = await startWatched(opened);
  const refused: readonly (readonly [SessionDescription, Input, Status])[] = [
    [
      {
        service: "cipher",
        algorithm: "aes-cbc",
        direction: "encrypt",
        key: KEY.subarray(0, 31),
      },
      { operation: "encrypt", source: DATA, iv: new Uint8Array(16) },
      Status.Error,
    ],
    [
      {
        service: "cipher",
        algorithm: "arc4",
        direction: "encrypt",
        key: KEY,
      },
      { operation: "encrypt", source: DATA },
      Status.NotSupported,
    ],
    [
      {
        service: "mac",
        algorithm: "hmac-sha1",
        key: AUTH_KEY,
        resultBytes: 21,
      },
      { operation: "digest", source: DATA },
      Status.Error,
    ],
  ];
  for (const [session, input, expected] of refused) {
    const copies = await copiesDuring(async () => {
      const { status } = await run(guest, session, undefined, input);
      strictEqual(status, expected);
    });
    for (const key of keysIn(session)) {
      ok(!copies.some((bytes) => holds(bytes, key)));
    }
  }
  strictEqual(opened.length, 0);
});
