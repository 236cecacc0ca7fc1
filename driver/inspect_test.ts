import { doesNotMatch, match } from "node:assert/strict";
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
    for (const shown of [session, session.description, session.target]) {
      for (const text of textsOf(shown)) {
        match(text, /aes-c[tb][rc][^]*32 bytes \(hidden\)/);
        doesNotMatch(text, KEY);
        doesNotMatch(text, SHARED_MEMORY);
      }
    }
  }
  for (const text of textsOf(driver)) {
    match(text, /dataQueues: 1/);
    doesNotMatch(text, SHARED_MEMORY);
  }
});
