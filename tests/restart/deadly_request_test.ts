import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { Driver } from "../../driver/driver.ts";
import { SessionMessages } from "../../driver/vhost_user/session_messages.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import { DEADLY } from "../../testing/deadly_backend.ts";
import { KeptDevice } from "../../testing/kept_device.ts";

const BACKEND = new URL("../../testing/deadly_backend.ts", import.meta.url);
const LANE = new URL("../../testing/deadly_lane_backend.ts", import.meta.url);
const KEY = new Uint8Array(16).fill(0x42);
const IV = new Uint8Array(16).fill(0x17);
/** One has it among others, and three by itself. */
const DEATHS = 4;

function expected(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV);
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

for (const packed of [false, true]) {
  const where = packed
    ? "a lane, packed ring"
    : "the queue's thread, split ring";
  Deno.test(`a request that ends each process is refused, and no other one (on ${where})`, async () => {
    const { pathname } = packed ? LANE : BACKEND;
    await using device = await KeptDevice.start("--backend", pathname);
    const link = await connectVhostUser(device.socketPath, {
      memoryBytes: 4 * 1024 * 1024,
    });
    await using driver = await Driver.start(link, { packed });
    const session = await driver.cipher({
      algorithm: "aes-cbc",
      key: KEY,
      direction: "encrypt",
    });
    const deadly = new Uint8Array(64).fill(DEADLY);
    const harmless = Array.from(
      { length: 12 },
      (_, i) => new Uint8Array(16 * (i + 1)).fill(i),
    );
    // The deadly one is neither the first nor the last of what is under way.
    const before = harmless.slice(0, 5).map((data) => session.run(data, IV));
    const refused = rejects(session.run(deadly, IV), /ERR/);
    const after = harmless.slice(5).map((data) => session.run(data, IV));
    deepStrictEqual(
      await Promise.all([...before, ...after]),
      harmless.map(expected),
    );
    await refused;
    strictEqual(device.log.match(/ended by signal 9/g)?.length, DEATHS);
    match(
      device.log,
      /queue 0: a request with which 3 processes have ended is answered with ERR/,
    );
    deepStrictEqual(
      await session.run(harmless[0]!, IV),
      expected(harmless[0]!),
    );
  });
}

/** What asks for sessions, and how many processes a deadly one ends. */
const ROADS: Readonly<Record<string, number>> = {
  // One does it for the first time, and then three that know of that.
  "the control queue": 4,
  "a message": 3,
};

for (const [road, deaths] of Object.entries(ROADS)) {
  Deno.test(`a session that ends each process is refused, and no other one (by ${road})`, async () => {
    await using device = await KeptDevice.start("--backend", BACKEND.pathname);
    const link = await connectVhostUser(device.socketPath, {
      memoryBytes: 4 * 1024 * 1024,
    });
    const options = road === "a message"
      ? { sessionControl: new SessionMessages(link, "A") }
      : {};
    await using driver = await Driver.start(link, options);
    const open = (key: Uint8Array) =>
      driver.cipher({ algorithm: "aes-cbc", key, direction: "encrypt" });
    const before = open(KEY);
    const refused = rejects(open(new Uint8Array(16).fill(DEADLY)), /ERR/);
    const after = open(KEY);
    const data = new Uint8Array(64);
    for (const session of [await before, await after]) {
      deepStrictEqual(await session.run(data, IV), expected(data));
    }
    await refused;
    strictEqual(device.log.match(/ended by signal 9/g)?.length, deaths);
    match(
      device.log,
      /with which 3 processes have ended is (refused|answered)/,
    );
  });
}
