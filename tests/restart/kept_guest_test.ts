import {
  deepStrictEqual,
  doesNotMatch,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { Driver, type DriverOptions } from "../../driver/driver.ts";
import { DeviceLostError } from "../../driver/device_lost_error.ts";
import { SessionMessages } from "../../driver/vhost_user/session_messages.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { Status } from "../../device/wire/status.ts";
import {
  encryptShifted,
  type ShiftedResult,
} from "../../testing/shifted_cipher.ts";
import { KeptDevice } from "../../testing/kept_device.ts";
import { eventually } from "../../testing/vhost_user_server.ts";

const KEY = new Uint8Array(16).fill(0x42);
const IV = new Uint8Array(16).fill(0x17);
const MEMORY = { memoryBytes: 4 * 1024 * 1024 };

function expectedCbc(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV);
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

const expectedHash = (data: Uint8Array) =>
  new Uint8Array(createHash("sha256").update(data).digest());

const cbc = (driver: Driver) =>
  driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" });

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** Requests without an end, each result compared, until it is stopped. */
class Load {
  requests = 0;
  sessions = 0;
  #stopped = false;
  readonly #workers: Promise<void>[];

  constructor(driver: Driver, digests = true) {
    this.#workers = [
      ...Array.from({ length: 4 }, (_, i) => this.#encrypt(driver, i)),
      ...digests ? [this.#digest(driver)] : [],
      this.#openAndClose(driver),
    ];
    // Who fails is told by `stop`.
    for (const worker of this.#workers) worker.catch(() => {});
  }

  async #encrypt(driver: Driver, seed: number): Promise<void> {
    const session = await cbc(driver);
    const data = new Uint8Array(64 + 16 * seed).fill(seed);
    const expected = expectedCbc(data);
    while (!this.#stopped) {
      deepStrictEqual(await session.run(data, IV), expected);
      this.requests++;
    }
  }

  async #digest(driver: Driver): Promise<void> {
    const session = await driver.hash({ algorithm: "sha256" });
    for (let length = 0; !this.#stopped; length = (length + 37) % 4096) {
      const data = new Uint8Array(length).fill(length);
      deepStrictEqual(await session.digest(data), expectedHash(data));
      this.requests++;
    }
  }

  async #openAndClose(driver: Driver): Promise<void> {
    const data = new Uint8Array(32);
    const expected = expectedCbc(data);
    while (!this.#stopped) {
      const session = await cbc(driver);
      deepStrictEqual(await session.run(data, IV), expected);
      await session.close();
      this.sessions++;
    }
  }

  /** Waits for more of both; rejects where something is wrong. */
  async goesOn(): Promise<void> {
    const { requests, sessions } = this;
    await Promise.race([
      ...this.#workers,
      eventually(
        () => this.requests > requests && this.sessions > sessions,
        () => `${requests} requests and ${sessions} sessions, and no more`,
      ),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }
}

const FORMS: readonly [string, DriverOptions][] = [
  ["split rings", {}],
  ["direct descriptors", { indirect: false, eventIndex: false }],
  ["packed rings", { packed: true }],
  ["packed rings and direct descriptors", { packed: true, indirect: false }],
];

for (const [name, options] of FORMS) {
  Deno.test(`a guest with ${name} loses nothing when its device is killed`, async () => {
    await using device = await KeptDevice.start("--backend", "noble");
    const link = await connectVhostUser(device.socketPath, MEMORY);
    await using driver = await Driver.start(link, options);
    const load = new Load(driver);
    await load.goesOn();
    const first = await device.holdings();
    for (let kills = 0; kills < 5; kills++) {
      await load.goesOn();
      await device.kill();
    }
    await device.settled();
    await load.goesOn();
    await load.stop();
    doesNotMatch(device.log, /given up/);
    await device.holdsNoMore(first);
  });
}

Deno.test("sessions by message outlive the process, and each is made once", async () => {
  await using device = await KeptDevice.start("--backend", "noble");
  const link = await connectVhostUser(device.socketPath, MEMORY);
  const sessionControl = new SessionMessages(link, "A");
  await using driver = await Driver.start(link, { sessionControl });
  // Layout A has ciphers only.
  const load = new Load(driver, false);
  for (let kills = 0; kills < 4; kills++) {
    await load.goesOn();
    await device.kill();
  }
  await device.settled();
  await load.goesOn();
  await load.stop();
});

Deno.test("another process takes over with sessions and requests", async () => {
  await using device = await KeptDevice.start("--backend", "noble");
  const link = await connectVhostUser(device.socketPath, MEMORY);
  await using driver = await Driver.start(link);
  const load = new Load(driver);
  for (let times = 0; times < 3; times++) {
    await load.goesOn();
    await device.replace();
  }
  await device.settled();
  await load.goesOn();
  await load.stop();
});

Deno.test("a guest that goes while nobody serves it leaves nothing behind", async () => {
  await using device = await KeptDevice.start("--backend", "noble");
  const link = await connectVhostUser(device.socketPath, MEMORY);
  const driver = await Driver.start(link);
  await (await cbc(driver)).run(new Uint8Array(16), IV);
  const before = await device.holdings();
  await device.kill();
  await driver.close();
  await device.listening();
  const again = await connectVhostUser(device.socketPath, MEMORY);
  await using next = await Driver.start(again);
  deepStrictEqual(
    await (await cbc(next)).run(new Uint8Array(16), IV),
    expectedCbc(new Uint8Array(16)),
  );
  await device.holdsNoMore(before);
});

Deno.test("with --state off a guest ends with the process", async () => {
  await using device = await KeptDevice.start(
    "--backend",
    "noble",
    "--state",
    "off",
  );
  const link = await connectVhostUser(device.socketPath, MEMORY);
  const driver = await Driver.start(link);
  const session = await cbc(driver);
  await device.kill();
  await rejects(session.run(new Uint8Array(16), IV), DeviceLostError);
  await driver.close();
  strictEqual(
    /guests end with this process: --state off/.test(device.log),
    true,
  );
});

Deno.test("what writes over its own input is done as if nothing had been", async () => {
  await using device = await KeptDevice.start("--backend", "noble");
  const link = await connectVhostUser(device.socketPath, MEMORY);
  await using driver = await Driver.start(link, { dataQueues: 1 });
  const session = await cbc(driver);
  const data = crypto.getRandomValues(new Uint8Array(64));
  const send = (shift: number) =>
    encryptShifted(driver, session, data, IV, shift);
  let results: Promise<ShiftedResult>[] = [];
  await device.stopAndKill(async () => {
    // In place, half over itself, apart.
    results = [send(0), send(32), send(64)];
    await pause(20);
  });
  const [inPlace, half, apart] = await Promise.all(results);
  for (const result of [inPlace, half, apart]) {
    strictEqual(result!.status, Status.Ok);
    deepStrictEqual(new Uint8Array(result!.destination), expectedCbc(data));
  }
  const later = await send(0);
  strictEqual(later.status, Status.Ok);
  deepStrictEqual(new Uint8Array(later.destination), expectedCbc(data));
});
