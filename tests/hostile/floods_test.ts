// Guests and front-ends that do as much as they can: what the others get of the
// process does not depend on them.

import { ok, strictEqual } from "node:assert/strict";
import type { Cipher, Driver } from "../../mod.ts";
import {
  attach,
  encryptSomething,
  IV,
  KEY,
} from "../../testing/attached_driver.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { type FloodResult, startFlood } from "../../testing/message_flood.ts";
import { inSomeTry } from "../../testing/tries.ts";

const FLOOD_MS = 2000;
const GUESTS = 8;
const IN_FLIGHT = 64;
const LARGE = new Uint8Array(4 * 1024);
/** Far more than a request takes on a machine that has other work. */
const PATIENCE_MS = 30_000;

async function startDevice(folder: string, guests: number) {
  const path = (index: number) => `${folder}/${index}`;
  const device = await ServeProcess.start(
    `listening at ${path(guests - 1)}`,
    ...["--socket-path", `${folder}/%i`, "--guests", `${guests}`],
    ...["--backend", "noble"],
  );
  return { device, path };
}

const openCipher = (driver: Driver): Promise<Cipher> =>
  driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" });

/** Has a request answered again and again; returns the longest time. */
async function longestMs(
  driver: Driver,
  until: { readonly over: boolean },
): Promise<{ longest: number; count: number }> {
  await using cipher = await openCipher(driver);
  let longest = 0;
  let count = 0;
  for (; !until.over; count++) {
    const start = performance.now();
    await cipher.run(new Uint8Array(64), IV);
    longest = Math.max(longest, performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { longest, count };
}

for (const reads of [true, false]) {
  const what = reads ? "reads the replies" : "reads no reply";
  Deno.test(`a front-end that sends messages as fast as it can and ${what}`, async () => {
    await using folder = await temporaryFolder();
    const { device: started, path } = await startDevice(folder.path, 4);
    await using device = started;
    await using driver = await attach(path(0));
    await encryptSomething(driver);
    const until = { over: false };
    const measured = longestMs(driver, until);
    const floods = await Promise.all(
      [1, 2, 3].map((index) =>
        startFlood({
          path: path(index),
          reads,
          // Who reads nothing is dropped, and goes on until then.
          milliseconds: reads ? FLOOD_MS : PATIENCE_MS,
        })
      ),
    );
    // Sessions are the main thread's work, as messages are.
    await encryptSomething(driver);
    until.over = true;
    const { longest, count } = await measured;
    ok(longest < PATIENCE_MS && count > 2, `${longest} ms, ${count}`);
    const all = (holds: (flood: FloodResult) => boolean) =>
      ok(floods.every(holds), JSON.stringify(floods));
    all(({ messages }) => messages > 100);
    all(({ dropped }) => dropped === !reads);
    if (!reads) {
      await device.said("front-end gone: ", 3);
      ok(device.log.includes("the front-end does not read replies"));
    }
    // Whoever comes next finds the socket free.
    await using next = await attach(path(1));
    await encryptSomething(next);
  });
}

/** Keeps a ring full until it is over; returns how many were answered. */
async function fillRing(
  driver: Driver,
  until: { readonly over: boolean },
): Promise<number> {
  await using cipher = await openCipher(driver);
  let answered = 0;
  const lane = async () => {
    for (; !until.over; answered++) await cipher.run(LARGE, IV);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return answered;
}

Deno.test("full rings of many guests leave each its share", () =>
  inSomeTry(async () => {
    await using folder = await temporaryFolder();
    const { device: started, path } = await startDevice(folder.path, GUESTS);
    await using device = started;
    const drivers = await Promise.all(
      Array.from({ length: GUESTS }, (_, i) => attach(path(i))),
    );
    const until = { over: false };
    const [quiet, ...busy] = drivers;
    const filling = Promise.all(busy.map((driver) => fillRing(driver, until)));
    // A device that is gone is for `measured` to tell.
    filling.catch(() => {});
    const measured = longestMs(quiet!, until);
    await new Promise((resolve) => setTimeout(resolve, FLOOD_MS));
    await encryptSomething(quiet!);
    until.over = true;
    const { longest, count } = await measured;
    const answered = await filling;
    ok(longest < PATIENCE_MS && count > 2, `${longest} ms, ${count}`);
    const mean = answered.reduce((sum, one) => sum + one) / answered.length;
    ok(Math.min(...answered) > mean / 4, `${answered}`);
    for (const driver of drivers) await driver.close();
    const { code } = await device.end("SIGTERM");
    strictEqual(code, 0);
  }));
