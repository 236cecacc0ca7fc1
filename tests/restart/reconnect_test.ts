import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  F_CIPHER_STATELESS_MODE,
  F_REVISION_1,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { wireMode } from "../../device/wire/mode.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { MovingFrontEnd } from "../../testing/moving_front_end.ts";
import { GUEST_ADDRESS } from "../../testing/scripted_front_end.ts";
import { legalRequest } from "../../testing/valid_requests.ts";

const FEATURES = F_REVISION_1 | F_CIPHER_STATELESS_MODE;
const MODE = wireMode("virtio", FEATURES | F_VERSION_1);
const KEY = new Uint8Array(16).fill(9);
const AES: SessionDescription = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: KEY,
};
const DATA_BYTES = 256;
const DEPTH = 16;
const ROOM = 4096;
const DATA_AT = 0x10_0000;
const KILLS = 4;

/** Requests that carry their keys, so that no session has to outlive anything. */
class Load {
  answered = 0;
  readonly #waiting = new Map<number, number>();
  #next = 0;

  /** Keeps as many requests under way as there may be, and checks answers. */
  run(guest: MovingFrontEnd): void {
    const { region, libc } = guest.front;
    const { queue, kickFd } = guest.rings[0]!;
    for (;;) {
      const done = queue.take();
      if (!done) break;
      const number = this.#waiting.get(done.token);
      ok(number !== undefined, `slot ${done.token} is answered twice`);
      this.#waiting.delete(done.token);
      const at = DATA_AT + ROOM * done.token + ROOM / 2;
      strictEqual(region.bytes[at + DATA_BYTES], 0, "a status");
      deepStrictEqual(
        region.bytes.slice(at, at + DATA_BYTES),
        expected(number),
      );
      this.answered++;
    }
    for (let slot = 0; slot < DEPTH; slot++) {
      if (!this.#waiting.has(slot)) this.#send(guest, slot, this.#next++);
    }
    queue.publish();
    libc.signal(kickFd);
  }

  #send(guest: MovingFrontEnd, slot: number, number: number): void {
    const { bytes } = guest.front.region;
    const { request, readable } = legalRequest(MODE, AES, undefined, {
      operation: 0,
      sourceBytes: DATA_BYTES,
      additionalDataBytes: 0,
      destinationBytes: 0,
    });
    readable.fill(number, request.sourceAt, request.sourceAt + DATA_BYTES);
    const at = DATA_AT + ROOM * slot;
    bytes.set(readable, at);
    bytes.fill(0xff, at + ROOM / 2, at + ROOM);
    const range = (start: number, lengthBytes: number) => ({
      guestAddress: GUEST_ADDRESS + start,
      lengthBytes,
    });
    guest.rings[0]!.queue.add(
      [range(at, readable.length)],
      [range(at + ROOM / 2, DATA_BYTES + 1)],
      slot,
    );
    this.#waiting.set(slot, number);
  }
}

function expected(number: number): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, new Uint8Array(16));
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(new Uint8Array(DATA_BYTES).fill(number)));
}

async function until(
  condition: () => boolean,
  what: string,
): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    ok(performance.now() < end, what);
    await new Promise((wake) => setTimeout(wake, 1));
  }
}

const serve = (path: string) =>
  ServeProcess.start("listening at", "--socket-path", path, ...WORDS);
const WORDS = ["--backend", "openssl", "--state", "off", "--queues", "2"];

Deno.test("a front-end that connects again loses nothing, and no keeper is there", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const load = new Load();
  await using guests = new AsyncDisposableStack();
  let device = await serve(path);
  let guest = await MovingFrontEnd.start(path, { features: FEATURES });
  guests.use(guest);
  for (let kills = 0; kills < KILLS; kills++) {
    const before = load.answered;
    await until(() => {
      load.run(guest);
      return load.answered > before + 100 + 37 * kills;
    }, `${load.answered} answers, ${before} before\n${device.log}`);
    await device.end("SIGKILL");
    await device[Symbol.asyncDispose]();
    device = await serve(path);
    guest = await MovingFrontEnd.reconnect(path, guest);
    guests.use(guest);
  }
  const before = load.answered;
  await until(() => {
    load.run(guest);
    return load.answered > before + 200;
  }, `${load.answered} answers, ${before} before\n${device.log}`);
  await device[Symbol.asyncDispose]();
});
