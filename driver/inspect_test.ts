import { doesNotMatch, match, ok } from "node:assert/strict";
import { inspect } from "node:util";
import { createDevice, Driver } from "../mod.ts";

/** In every form in which a console may show it. */
const KEY_BYTE = 0xa5;
const KEY = /165,\s*165|a5a5/i;

/** It holds the keys of stateless requests under way. */
const SHARED_MEMORY = /memory|region/i;

function textsOf(object: object): string[] {
  const everything = { depth: Infinity, iterableLimit: 1000 };
  return [
    Deno.inspect([object], everything),
    inspect([object], { depth: Infinity, maxArrayLength: 1000 }),
  ];
}

Deno.test("console.log of a session or a driver shows what it is, and no key", async () => {
  await using driver = await Driver.start(
    await createDevice(),
    { revision1: true, stateless: true },
  );
  const key = new Uint8Array(32).fill(KEY_BYTE);
  const direction = "encrypt";
  const algorithm = "aes-ctr";
  await using cipher = await driver.cipher({ algorithm, direction, key });
  await using single = await driver.cipher(
    { algorithm, direction, key },
    { stateless: true },
  );
  await using chain = await driver.chain({
    order: "cipher-then-hash",
    cipher: { algorithm: "aes-cbc", direction, key },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha256",
    authKey: key,
  });
  for (const session of [cipher, single, chain]) {
    for (const shown of [session, session.description]) {
      for (const text of textsOf(shown)) {
        match(text, /aes-c[tb][rc][^]*32 bytes \(hidden\)/);
        doesNotMatch(text, KEY);
        doesNotMatch(text, SHARED_MEMORY);
      }
    }
  }
  for (const text of textsOf(driver)) {
    match(text, /Driver \{[^]*state: .running[^]*dataQueues: 1[^]*sessions: 3/);
    doesNotMatch(text, SHARED_MEMORY);
  }
});

Deno.test("sessions and bursts print name, algorithm and state, and nothing of the inside", async () => {
  const driver = await Driver.start(await createDevice());
  const session = await driver.hash({ algorithm: "sha256" });
  const burst = driver.burst(session, { depth: 3, dataBytes: 4096 });
  const [slot] = burst.slots;
  for (const text of textsOf(session)) {
    match(text, /Hash \{[^]*algorithm: .sha256[^]*state: .open/);
  }
  for (const text of textsOf(burst)) {
    match(text, /Burst \{[^]*digest with hash\.sha256[^]*slots: 3/);
  }
  for (const text of textsOf(slot!)) match(text, /BurstSlot \{[^]*index: 0/);
  for (const text of textsOf(driver.link)) {
    match(text, /InProcessLink \{[^]*state: .running/);
  }
  for (const one of [session, burst, slot!, driver, driver.link]) {
    for (const text of textsOf(one)) {
      doesNotMatch(text, /memory|region|runner|Uint8Array|control/i);
      ok(text.length < 300, text);
    }
  }
  burst.close();
  await session.close();
  await driver.close();
  for (const text of textsOf(session)) match(text, /state: .closed/);
  for (const text of textsOf(driver)) match(text, /state: .closed/);
  for (const text of textsOf(driver.link)) match(text, /state: .closed/);
});

Deno.test("what lies behind drivers, sessions and slots is out of sight", async () => {
  await using driver = await Driver.start(await createDevice());
  const session = await driver.hash({ algorithm: "sha256" });
  for (const name of ["memory", "dataQueues", "controlQueue"]) {
    ok(!(name in driver), name);
  }
  for (const name of ["runner", "control", "target", "require"]) {
    ok(!(name in session), name);
  }
});
