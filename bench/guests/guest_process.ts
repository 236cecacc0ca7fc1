/**
 * Plays the guests of the bench, in a process of their own: reads orders from its
 * input and answers each when it is done.
 *
 *     deno run -A bench/guests/guest_process.ts FOLDER_OF_SOCKETS
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import { setImmediate } from "node:timers";
import { linesOf } from "./lines.ts";
import type { Burst } from "../../driver/burst.ts";
import { Driver } from "../../driver/driver.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import type { GuestAnswer, GuestOrder, GuestRange } from "./protocol.ts";

const MEMORY_BYTES = 1 << 19;
const REQUEST_BYTES = 1024;
const DEPTH = 32;
const IV = new Uint8Array(16);

/** One guest with its first session. */
interface Guest {
  readonly driver: Driver;
  readonly session: Awaited<ReturnType<typeof openSession>>;
  burst: Burst | undefined;
}

const guests = new Map<number, Guest>();
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

const openSession = (driver: Driver) =>
  driver.cipher({
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16).fill(7),
  });

async function attachOne(
  folder: string,
  number: number,
  sessions: number,
): Promise<number> {
  const began = performance.now();
  const link = await connectVhostUser(`${folder}/${number}.sock`, {
    memoryBytes: MEMORY_BYTES,
  });
  const driver = await Driver.start(link);
  const session = await openSession(driver);
  await session.run(new Uint8Array(REQUEST_BYTES), IV);
  const took = performance.now() - began;
  for (let i = 1; i < sessions; i++) await openSession(driver);
  guests.set(number, { driver, session, burst: undefined });
  return took;
}

const numbersOf = ({ first, count }: GuestRange): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** All have as many requests under way, and take turns. */
async function load(range: GuestRange, milliseconds: number) {
  const loaded = numbersOf(range).map((number) => {
    const guest = guests.get(number)!;
    guest.burst ??= guest.driver.burst(guest.session, {
      depth: DEPTH,
      dataBytes: REQUEST_BYTES,
      ivBytes: IV.length,
    });
    return { burst: guest.burst, done: 0 };
  });
  const end = performance.now() + milliseconds;
  for (const { burst } of loaded) {
    for (const slot of burst.slots) burst.submit(slot);
    burst.flush();
  }
  let isOver = false;
  while (!isOver || loaded.some(({ burst }) => burst.inFlight > 0)) {
    isOver ||= performance.now() >= end;
    for (const one of loaded) {
      const { burst } = one;
      let submitted = 0;
      for (let slot = burst.take(); slot; slot = burst.take()) {
        if (isOver) continue;
        one.done++;
        burst.submit(slot);
        submitted++;
      }
      if (submitted > 0) burst.flush();
    }
    await turn();
  }
  return loaded.map(({ done }) => done);
}

async function sign({ first }: GuestRange, milliseconds: number) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 4096 });
  const key = privateKey.export({ type: "pkcs1", format: "der" });
  const session = await guests.get(first)!.driver.akcipher({
    algorithm: "rsa",
    keyType: "private",
    key: new Uint8Array(key),
    padding: "raw",
    hash: "none",
  });
  const end = performance.now() + milliseconds;
  let done = 0;
  for (; performance.now() < end; done++) {
    await session.decrypt(new Uint8Array(512).fill(1));
  }
  await session.close();
  return [done];
}

async function pace(
  { first }: GuestRange,
  perSecond: number,
  milliseconds: number,
) {
  const { session } = guests.get(first)!;
  const source = new Uint8Array(64);
  const took: number[] = [];
  const start = performance.now();
  for (
    let next = start;
    next < start + milliseconds;
    next += 1000 / perSecond
  ) {
    while (performance.now() < next) await turn();
    const began = performance.now();
    await session.run(source, IV);
    took.push(performance.now() - began);
  }
  return took;
}

async function detach(range: GuestRange): Promise<number[]> {
  for (const number of numbersOf(range)) {
    await guests.get(number)!.driver.close();
    guests.delete(number);
  }
  return [];
}

async function follow(folder: string, order: GuestOrder): Promise<number[]> {
  switch (order.do) {
    case "attach": {
      const took: number[] = [];
      for (const number of numbersOf(order)) {
        took.push(await attachOne(folder, number, order.sessions));
      }
      return took;
    }
    case "detach":
      return await detach(order);
    case "load":
      return await load(order, order.milliseconds);
    case "sign":
      return await sign(order, order.milliseconds);
    case "pace":
      return await pace(order, order.perSecond, order.milliseconds);
  }
}

if (import.meta.main) {
  const [folder] = Deno.args;
  for await (const line of linesOf(Deno.stdin.readable)) {
    const order = JSON.parse(line) as GuestOrder;
    const answer: GuestAnswer = { figures: await follow(folder!, order) };
    console.log(JSON.stringify(answer));
  }
  // Guests that are attached still would keep it.
  Deno.exit();
}
