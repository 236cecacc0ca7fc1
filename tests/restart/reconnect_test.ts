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
import { childOf } from "../../testing/kept_device.ts";
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
/** After so many requests, of two descriptors each, a ring stands as at its start. */
const TWO_LAPS = 64;

/** Requests that carry their keys, so that no session has to outlive anything. */
class Load {
  answered = 0;
  readonly #waiting = new Map<number, number>();
  #next = 0;

  /** Whether a ring that begins anew might go on well by chance. */
  get isAtStart(): boolean {
    const at = this.answered % TWO_LAPS;
    return at === 0 || at + 2 * DEPTH >= TWO_LAPS;
  }

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

/** A device, and whether somebody keeps its state, who ends with it. */
interface Form {
  readonly packed: boolean;
  readonly isKept: boolean;
}

function serve(path: string, isKept: boolean): Promise<ServeProcess> {
  const words = ["--socket-path", path, "--backend", "openssl"];
  words.push("--queues", "2");
  return isKept
    ? ServeProcess.supervise("listening at", ...words)
    : ServeProcess.start("listening at", ...words, "--state", "off");
}

/** The keeper first, or it would start another one; `last` is done just before. */
async function end(
  device: ServeProcess,
  isKept: boolean,
  last: () => void = () => {},
): Promise<void> {
  const served = isKept ? await childOf(device.pid) : undefined;
  last();
  const ended = device.end("SIGKILL");
  if (served !== undefined) Deno.kill(served, "SIGKILL");
  await ended;
}

/** Ends the device, and its keeper, `kills` times under a guest's load. */
async function loseNothing({ packed, isKept }: Form, kills: number) {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const load = new Load();
  await using guests = new AsyncDisposableStack();
  let device = await serve(path, isKept);
  let guest = await MovingFrontEnd.start(path, { features: FEATURES, packed });
  guests.use(guest);
  const answer = async (more: number) => {
    const before = load.answered;
    await until(() => {
      load.run(guest);
      return load.answered > before + more && !load.isAtStart;
    }, `${load.answered} answers, ${before} before\n${device.log}`);
  };
  for (let done = 0; done < kills; done++) {
    await answer(100 + 37 * done);
    await end(device, isKept, () => load.run(guest));
    device = await serve(path, isKept);
    guest = await MovingFrontEnd.reconnect(path, guest);
    guests.use(guest);
  }
  await answer(200);
  await end(device, isKept);
}

Deno.test("a front-end that connects again loses nothing, and no keeper is there", async () => {
  await loseNothing({ packed: false, isKept: false }, KILLS);
});

Deno.test("nor where the keeper, and a packed ring's journal with it, is lost", async () => {
  await loseNothing({ packed: true, isKept: true }, 1);
});
