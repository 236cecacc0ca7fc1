import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { Driver } from "../../driver/driver.ts";
import { createDevice } from "../../mod.ts";
import { RawGuest } from "../../testing/raw_guest.ts";
import { digestHeader, openSession } from "../../testing/requests.ts";
import { ringOffsets } from "../../driver/rings/layout.ts";
import { unchecked } from "../../testing/unchecked.ts";

const RING_SIZE = 64;
const DATA = Uint8Array.from({ length: 40 }, (_, i) => i + 1);
const DIGEST = [...createHash("sha256").update(DATA).digest()];
const WRITTEN_BYTES = 33;
const AVAILABLE = 1 << 7;
const USED = 1 << 15;

type Seen = (view: Uint16Array, index: number, value: number) => void;

/** Calls `seen` before each atomic store of 16 bits while `body` runs. */
async function watchStores(
  seen: Seen,
  body: () => void | Promise<void>,
): Promise<void> {
  const { store } = Atomics;
  Atomics.store = ((view: Uint16Array, index: number, value: number) => {
    if (view instanceof Uint16Array) seen(view, index, value);
    return store(view, index, value);
  }) as typeof store;
  try {
    await body();
  } finally {
    Atomics.store = store;
  }
}

Deno.test("split: results and lengths are written before the used index moves", async () => {
  using guest = await RawGuest.start();
  const session = openSession(guest, {
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  });
  const { bytes } = guest.link.memory;
  const usedRing = ringOffsets(RING_SIZE, false).device;
  const memory = new DataView(bytes.buffer, bytes.byteOffset);
  let moves = 0;
  await watchStores(
    (view, index, value) => {
      if (view.byteOffset !== bytes.byteOffset + usedRing) return;
      if (index !== 1 || value !== 1) return;
      moves++;
      strictEqual(memory.getUint16(usedRing + 2, true), 0);
      strictEqual(memory.getUint32(usedRing + 8, true), WRITTEN_BYTES);
      const hex = bytes.slice(0, 128 * 1024).toHex();
      ok(hex.includes(Uint8Array.from(DIGEST).toHex()));
    },
    () => {
      const pieces = [digestHeader(0x100, session, 40, 32), DATA];
      guest.request(0, pieces, [32, 1]);
    },
  );
  strictEqual(moves, 1);
});

Deno.test("packed: a used descriptor is whole when its flags say so, and not changed after that", async () => {
  const link = await createDevice();
  await using driver = await Driver.start(link, { packed: true });
  const hash = await unchecked(driver).hash({ algorithm: "sha256" });
  const { bytes } = link.memory;
  const memory = new DataView(bytes.buffer, bytes.byteOffset);
  const seen = new Map<number, number[]>();
  const kick = link.kick.bind(link);
  link.kick = (index) => {
    kick(index);
    for (const [at, before] of seen) {
      deepStrictEqual([...bytes.slice(at, at + 14)], before);
    }
  };
  await watchStores(
    (view, index, flags) => {
      const isUsed = (flags & AVAILABLE) !== 0 === ((flags & USED) !== 0);
      if (index % 8 !== 7 || !isUsed) return;
      const at = view.byteOffset - bytes.byteOffset + 2 * (index - 7);
      strictEqual(memory.getUint32(at + 8, true), WRITTEN_BYTES);
      seen.set(at, [...bytes.slice(at, at + 14)]);
    },
    async () => {
      for (let i = 0; i < 5; i++) {
        deepStrictEqual([...await hash.digest(DATA)], DIGEST);
      }
    },
  );
  strictEqual(seen.size, 5);
  await hash.close();
});

Deno.test("what writable buffers hold beforehand makes no difference", async () => {
  using guest = await RawGuest.start();
  const session = openSession(guest, {
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  });
  const allocate = guest.allocate.bind(guest);
  for (const filling of [0, 1, 0xff]) {
    guest.allocate = (lengthBytes) => {
      const at = allocate(lengthBytes);
      guest.link.memory.bytes.fill(filling, at, at + lengthBytes);
      return at;
    };
    const pieces = [digestHeader(0x100, session, 40, 32), DATA];
    const { usedBytes, written } = guest.request(0, pieces, [32, 7]);
    strictEqual(usedBytes, WRITTEN_BYTES);
    deepStrictEqual([...written[0]!], DIGEST);
    deepStrictEqual([...written[1]!], [...Array(6).fill(filling), 0]);
  }
});
