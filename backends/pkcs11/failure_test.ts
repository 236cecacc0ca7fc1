import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { Device } from "../../device/device.ts";
import { InProcessLink } from "../../device/transport/in_process/in_process.ts";
import { decodeConfigSpace } from "../../device/wire/config_space.ts";
import { Status } from "../../device/wire/status.ts";
import { Driver } from "../../driver/mod.ts";
import { counting, runRequest } from "../../testing/backend_requests.ts";
import { FaultyToken } from "../../testing/faulty_token.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import { softTokenPart } from "../../testing/soft_token.ts";
import { OperationStatus } from "../backend.ts";
import { probeBackends } from "../probe.ts";
import pkcs11 from "./pkcs11.ts";

const SOFT_HSM = await softTokenPart();

const DEVICE_REMOVED = 0x32;
const GENERAL_ERROR = 0x05;
const TOKEN_NOT_PRESENT = 0xe0;
const USER_NOT_LOGGED_IN = 0x101;
const SESSION_COUNT = 0xb1;
const DEVICE_MEMORY = 0x31;
const PIN_INCORRECT = 0xa0;

const KEY = counting(16);
const IV = counting(16, 9);
const DATA = counting(64);

const CBC = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: KEY,
} as const;

function encrypted(): string {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return new Uint8Array(cipher.update(DATA)).toHex();
}

const request = { source: DATA, iv: IV };

type Thread = ReturnType<typeof pkcs11.open>;

/** What a session gives, which has to be right. */
function expectWorking(thread: Thread, session: object): void {
  const { status, destination } = runRequest(thread, session, request);
  strictEqual(status, OperationStatus.Ok);
  strictEqual(destination.toHex(), encrypted());
}

function withThread(
  body: (thread: Thread, token: FaultyToken) => void,
): () => Promise<void> {
  return async () => {
    const token = await FaultyToken.make();
    const thread = pkcs11.open(token.options);
    try {
      body(thread, token);
    } finally {
      token.set({});
      thread.close();
    }
  };
}

for (
  const [what, faults, reason] of [
    ["is removed", { C_Encrypt: DEVICE_REMOVED }, /C_Encrypt.*_DEVICE_REMOVED/],
    [
      "has lost the login",
      { C_EncryptInit: USER_NOT_LOGGED_IN },
      /C_EncryptInit\(\) returned CKR_USER_NOT_LOGGED_IN/,
    ],
    [
      "fails and tells nothing of its session",
      { C_Encrypt: GENERAL_ERROR, C_GetSessionInfo: TOKEN_NOT_PRESENT },
      /C_Encrypt.*CKR_GENERAL_ERROR: C_GetSessionInfo.*CKR_TOKEN_NOT_PRESENT/,
    ],
  ] as const
) {
  testWith(
    SOFT_HSM,
    `a token that ${what} is a failed backend, which works again when it is back`,
    withThread((thread, token) => {
      const session = thread.openSession(CBC);
      expectWorking(thread, session);
      token.set(faults);
      throws(() => runRequest(thread, session, request), reason);
      token.set({ ...faults, C_OpenSession: TOKEN_NOT_PRESENT });
      match(thread.health!()!, /C_OpenSession\(\) returned CKR_TOKEN_NOT_PRES/);
      match(thread.health!()!, /C_OpenSession\(\) returned CKR_TOKEN_NOT_PRES/);
      token.set({});
      strictEqual(thread.health!(), undefined);
      // Its objects are gone, and their handles may be those of others by now.
      const again = thread.openSession(CBC);
      throws(() => runRequest(thread, session, request), /another one now/);
      strictEqual(thread.health!(), undefined);
      thread.closeSession(session);
      thread.closeSession(again);
      expectWorking(thread, thread.openSession(CBC));
    }),
  );
}

testWith(
  SOFT_HSM,
  "a code that may mean anything is the request's where the token is well",
  withThread((thread, token) => {
    const session = thread.openSession(CBC);
    token.set({ C_Encrypt: GENERAL_ERROR });
    const { status, destination } = runRequest(thread, session, request);
    strictEqual(status, OperationStatus.Failed);
    ok(destination.length === DATA.length);
    strictEqual(thread.health!(), undefined);
  }),
);

testWith(
  SOFT_HSM,
  "a token without room for a key refuses the session, and no other",
  withThread((thread, token) => {
    const session = thread.openSession(CBC);
    token.set({ C_CreateObject: DEVICE_MEMORY });
    throws(() => thread.openSession(CBC), /C_CreateObject.*CKR_DEVICE_MEMORY/);
    strictEqual(thread.health!(), undefined);
    expectWorking(thread, session);
  }),
);

testWith(SOFT_HSM, "a full session table is said where it is met", async () => {
  const token = await FaultyToken.make();
  token.set({ C_OpenSession: SESSION_COUNT });
  const reason = /C_OpenSession\(\) returned CKR_SESSION_COUNT/;
  throws(() => pkcs11.open(token.options), reason);
  const probe = pkcs11.probe(token.options);
  strictEqual(probe.ready, false);
  match(probe.missing[0]!.what, reason);
  token.set({});
  strictEqual(pkcs11.probe(token.options).ready, true);
});

testWith(SOFT_HSM, "a wrong PIN is tried once", async () => {
  const token = await FaultyToken.make();
  await using folder = await temporaryFolder();
  const file = `${folder.path}/pin`;
  await Deno.writeTextFile(file, "2468", { mode: 0o600 });
  const options = { ...token.options, "pin-file": file };
  const thread = pkcs11.open(options);
  try {
    token.set({ C_Login: PIN_INCORRECT, C_DigestInit: DEVICE_REMOVED });
    const hash = {
      service: "hash",
      algorithm: "sha256",
      resultBytes: 32,
    } as const;
    const session = thread.openSession(hash);
    const digest = {
      kind: 2,
      source: DATA,
      destinationBytes: 0,
      digestBytes: 32,
    };
    throws(() => runRequest(thread, session, digest), /CKR_DEVICE_REMOVED/);
    token.takeCalls("C_Login");
    for (let i = 0; i < 3; i++) {
      match(thread.health!()!, /CKR_PIN_INCOR|refused/);
    }
    strictEqual(token.takeCalls("C_Login"), 1);
  } finally {
    token.set({});
    thread.close();
  }
});

testWith(
  SOFT_HSM,
  "what is wrong with a PIN's place is said, and no PIN",
  async () => {
    const token = await FaultyToken.make();
    await using folder = await temporaryFolder();
    const file = `${folder.path}/pin`;
    const missingOf = (options: Record<string, string>) => {
      const { "pin-file": _, ...rest } = token.options;
      const { ready, missing } = pkcs11.probe({ ...rest, ...options });
      strictEqual(ready, false);
      return missing[0]!;
    };
    await Deno.writeTextFile(file, "2468");
    await Deno.chmod(file, 0o604);
    deepStrictEqual(missingOf({ "pin-file": file }).option, "pin-file");
    match(missingOf({ "pin-file": file }).what, /others may read the PIN/);
    await Deno.chmod(file, 0o600);
    await Deno.writeTextFile(file, "\n");
    match(missingOf({ "pin-file": file }).what, /pin holds no PIN/);
    match(
      missingOf({ "pin-file": "/nowhere" }).what,
      /\/nowhere cannot be read/,
    );
    match(missingOf({ "pin-fd": "99" }).what, /descriptor 99 cannot be read/);
    match(missingOf({ "pin-fd": "x" }).what, /a descriptor in "x"/);
    const both = { "pin-fd": "5", "pin-file": file };
    match(missingOf(both).what, /one place of the PIN/);
    await Deno.writeTextFile(file, "8642");
    const wrong = missingOf({ "pin-file": file });
    match(wrong.what, /C_Login\(\) returned CKR_PIN_INCORRECT/);
    ok(!JSON.stringify(wrong).includes("8642"));
  },
);

/** A device in process, its driver, and what it tells. */
async function startDevice(
  token: FaultyToken,
  backends: readonly string[],
) {
  const failures: string[] = [];
  const device = new Device({
    backends: await probeBackends(backends, { pkcs11: token.options }),
    rules: [],
    fallback: "failure",
    dataQueueCount: 1,
    maximumSessions: 16,
    maximumSizeBytes: 64 * 1024,
    layout: "virtio",
    allowWeak: false,
  });
  const link = new InProcessLink(
    device,
    4 * 1024 * 1024,
    ({ reason }) => failures.push(reason),
  );
  const driver = await Driver.start(link);
  const isReady = () =>
    (decodeConfigSpace(device.readConfig(), "virtio").status & 1) !== 0;
  return { driver, failures, isReady };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1200 && !condition(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  ok(condition());
}

testWith(
  SOFT_HSM,
  "with fallback failure the requests of a token that is gone are done elsewhere",
  async () => {
    const token = await FaultyToken.make();
    const { driver, failures, isReady } = await startDevice(token, [
      "pkcs11",
      "noble",
    ]);
    await using _ = driver;
    await using cipher = await driver.cipher(CBC);
    strictEqual((await cipher.run(DATA, IV)).toHex(), encrypted());
    token.set({ C_Encrypt: DEVICE_REMOVED, C_OpenSession: TOKEN_NOT_PRESENT });
    for (let i = 0; i < 3; i++) {
      strictEqual((await cipher.run(DATA, IV)).toHex(), encrypted());
    }
    // Another backend works, so that the device does.
    ok(isReady());
    ok(
      failures.some((one) => one.includes("CKR_DEVICE_REMOVED")),
      `${failures}`,
    );
    token.set({});
  },
);

testWith(
  SOFT_HSM,
  "HW_READY goes with the token and comes back with it",
  async () => {
    const token = await FaultyToken.make();
    const { driver, failures, isReady } = await startDevice(token, ["pkcs11"]);
    await using _ = driver;
    await using cipher = await driver.cipher(CBC);
    ok(isReady());
    const isGone = {
      C_CreateObject: DEVICE_REMOVED,
      C_GetSessionInfo: DEVICE_REMOVED,
      C_OpenSession: TOKEN_NOT_PRESENT,
    };
    token.set(isGone);
    // It is found at the opening of a session, too.
    await rejects(
      driver.cipher(CBC),
      (error: { status?: Status }) => error.status === Status.Error,
    );
    ok(!isReady());
    await rejects(cipher.run(DATA, IV));
    ok(failures.some((one) => one.includes("CKR_TOKEN_NOT_PRESENT")));
    token.set({});
    await until(isReady);
    strictEqual((await cipher.run(DATA, IV)).toHex(), encrypted());
  },
);
