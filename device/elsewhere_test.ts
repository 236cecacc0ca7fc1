import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { RawGuest } from "../testing/raw_guest.ts";
import { cipherHeader, openAesCbc } from "../testing/requests.ts";
import choosy, { counts } from "../testing/choosy_backend.ts";
import type { Fallback } from "./session/placement.ts";
import { Status } from "./wire/status.ts";

const CHOOSY = import.meta.resolve("../testing/choosy_backend.ts");
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const IV = new Uint8Array(16);

/** Encrypts as many bytes on a device whose first backend is choosy. */
function encrypt(guest: RawGuest, session: number, lengthBytes: number) {
  const data = Uint8Array.from({ length: lengthBytes }, (_, i) => i);
  const { written } = guest.request(
    0,
    [cipherHeader(session, 16, lengthBytes, lengthBytes), IV, data],
    [lengthBytes, 1],
  );
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return {
    status: written[1]![0],
    output: [...written[0]!],
    expected: [...cipher.update(data)],
  };
}

const start = (fallback: Fallback, backends = [CHOOSY, "noble"]) =>
  RawGuest.start({ backends, fallback });

for (const fallback of ["unsupported", "failure"] as const) {
  Deno.test(`with fallback "${fallback}" a request that its backend cannot do goes to the next`, async () => {
    using guest = await start(fallback);
    const session = openAesCbc(guest);
    const { done, left } = counts;
    for (const lengthBytes of [64, 160, 96]) {
      const { status, output, expected } = encrypt(guest, session, lengthBytes);
      strictEqual(status, Status.Ok);
      deepStrictEqual(output, expected);
    }
    // The backend was not taken for one that failed: the last one was its own.
    deepStrictEqual(counts, { done: done + 2, left: left + 1 });
  });
}

Deno.test('with fallback "never" a request that its backend cannot do fails', async () => {
  using guest = await start("never");
  const session = openAesCbc(guest);
  strictEqual(encrypt(guest, session, 160).status, Status.Error);
  strictEqual(encrypt(guest, session, 64).status, Status.Ok);
});

Deno.test("a request that no backend of the list can do fails", async () => {
  using guest = await start("failure", ["noble", CHOOSY]);
  const session = openAesCbc(guest);
  strictEqual(encrypt(guest, session, 160).status, Status.Ok);
  using alone = await start("failure", [CHOOSY]);
  const only = openAesCbc(alone);
  strictEqual(encrypt(alone, only, 160).status, Status.Error);
  strictEqual(choosy.name, "choosy");
});
