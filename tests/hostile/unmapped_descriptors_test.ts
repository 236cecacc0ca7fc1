import { strictEqual } from "node:assert/strict";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import { DRAFT_9_REQUEST_BYTES } from "../../device/wire/draft9.ts";
import {
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import type { Layout } from "../../device/wire/mode.ts";
import { Status } from "../../device/wire/status.ts";
import { FAR_ADDRESS, LOW_ADDRESS } from "../../testing/arena.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { cipherHeader } from "../../testing/requests.ts";
import { aesCbc, createSession } from "../../testing/sessions.ts";

const KEY = new Uint8Array(16).fill(7);
const TABLE = LOW_ADDRESS + 32 * 1024;
const REQUEST_AT = LOW_ADDRESS + 48 * 1024;
const OUT_AT = LOW_ADDRESS + 56 * 1024;
const RING_OFFSETS = [0, 16 * 1024];
const DATA = 0;
const CONTROL = 1;

const readable = (address: number, lengthBytes: number): Piece => ({
  address,
  lengthBytes,
  writable: false,
});
const writable = (address: number, lengthBytes: number): Piece => ({
  address,
  lengthBytes,
  writable: true,
});

/** A device, a ring of it and where its memory ends. */
class Trial implements Disposable {
  readonly machine: Machine;
  readonly ring: HandRing;
  readonly #table: number | undefined;

  private constructor(machine: Machine, queue: number, indirect: boolean) {
    this.machine = machine;
    this.ring = new HandRing(machine, queue, 16, RING_OFFSETS[queue]!);
    this.#table = indirect ? TABLE : undefined;
  }

  static async start(
    kind: { layout: Layout; features: bigint; indirect: boolean },
    queue: number,
  ): Promise<Trial> {
    const { layout, indirect } = kind;
    const features = F_VERSION_1 | F_INDIRECT_DESC | kind.features;
    const machine = await Machine.start({ backend: "noble", features, layout });
    return new Trial(machine, queue, indirect);
  }

  /** Writable descriptors that memory has a part of, or nothing. */
  get unmapped(): Piece[] {
    const { high, far } = this.machine.arena;
    const highEnd = high.guestAddress + high.region.lengthBytes;
    const farEnd = FAR_ADDRESS + far.region.lengthBytes;
    return [
      writable(LOW_ADDRESS - 8, DRAFT_9_REQUEST_BYTES),
      writable(LOW_ADDRESS - 1, 2),
      writable(FAR_ADDRESS - 100, DRAFT_9_REQUEST_BYTES),
      writable(highEnd - 100, DRAFT_9_REQUEST_BYTES),
      writable(highEnd - 1, 2),
      writable(highEnd, 1),
      writable(farEnd - 1, DRAFT_9_REQUEST_BYTES),
      writable(0, DRAFT_9_REQUEST_BYTES),
      writable(LOW_ADDRESS - 2 ** 20 + 1, 2 ** 20),
    ];
  }

  put(address: number, bytes: Uint8Array): Piece {
    this.machine.arena.low.region.bytes.set(bytes, address - LOW_ADDRESS);
    return readable(address, bytes.length);
  }

  /** Sends a chain that must be used with no byte written. */
  writesNothing(pieces: readonly Piece[]): void {
    const { arena } = this.machine;
    // The driver's own writes, and then the device's.
    const before = arena.snapshot();
    const used = this.ring.submit(pieces, this.#table);
    this.ring.acceptRingWrites(before);
    arena.accept(before, LOW_ADDRESS + RING_OFFSETS[CONTROL]!, 4096);
    arena.accept(before, LOW_ADDRESS, 4096);
    if (this.#table !== undefined) arena.accept(before, this.#table, 1024);
    const what = JSON.stringify(pieces.at(-1));
    strictEqual(used?.lengthBytes, 0, what);
    strictEqual(arena.difference(before), undefined, what);
  }

  /** Sends a chain that must get a status alone. */
  getsStatus(pieces: readonly Piece[], status: Status): void {
    const used = this.ring.submit(pieces, this.#table);
    strictEqual(used?.lengthBytes, 1);
    const { address, lengthBytes } = pieces.at(-1)!;
    const place = this.machine.arena.find(address + lengthBytes - 1)!;
    strictEqual(place.region.bytes[place.offset], status);
  }

  [Symbol.dispose](): void {
    this.machine[Symbol.dispose]();
  }
}

/** Ring formats, layouts, and descriptors in the ring and in a table. */
const KINDS = (["virtio", "draft-9"] as const).flatMap((layout) =>
  [0n, F_RING_PACKED].flatMap((ring) =>
    [false, true].map((indirect) => ({
      layout,
      features: layout === "virtio" ? ring | F_REVISION_1 : ring,
      indirect,
      name: `${layout}, ${ring === 0n ? "split" : "packed"}, ${
        indirect ? "indirect" : "direct"
      }`,
    }))
  )
);

for (const kind of KINDS) {
  Deno.test(`nothing is written to a descriptor that memory has only a part of: ${kind.name}`, async () => {
    using data = await Trial.start(kind, DATA);
    const session = createSession(data.machine.device, aesCbc(KEY));
    const header = cipherHeader(session, 16, 64, 64);
    const request = data.put(
      REQUEST_AT,
      Uint8Array.from([...header, ...new Uint8Array(16 + 64)]),
    );
    const result = writable(OUT_AT, 64);
    for (const bad of data.unmapped) {
      data.writesNothing([bad]);
      data.writesNothing([request, bad]);
      data.writesNothing([request, result, bad]);
      data.writesNothing([request, bad, bad]);
      data.writesNothing([request, readable(0, 16), result, bad]);
    }
  });

  Deno.test(`the control queue neither: ${kind.name}`, async () => {
    using control = await Trial.start(kind, CONTROL);
    const { machine } = control;
    const pieces = encodeCreateRequest(aesCbc(KEY), machine.device.mode);
    const request = control.put(
      REQUEST_AT,
      Uint8Array.from(pieces.flatMap((piece) => [...piece])),
    );
    for (const bad of control.unmapped) {
      control.writesNothing([bad]);
      control.writesNothing([request, bad]);
      control.writesNothing([request, writable(OUT_AT, 15), bad]);
    }
    strictEqual([...machine.device.sessions.current()].length, 0);
  });
}

for (const kind of KINDS.filter(({ layout }) => layout === "virtio")) {
  Deno.test(`a status has its place where the last descriptor is whole, in its own request only: ${kind.name}`, async () => {
    using data = await Trial.start(kind, DATA);
    const [bad] = data.unmapped;
    const whole = writable(OUT_AT, 2);
    data.getsStatus([readable(0, 16), whole], Status.Error);
    data.getsStatus([bad!, whole], Status.Error);
    // The border of two regions is no border of the guest's memory.
    const { high } = data.machine.arena;
    const across = writable(high.guestAddress - 1, 2);
    data.getsStatus([bad!, across], Status.Error);
    data.writesNothing([readable(0, 16)]);
    data.writesNothing([readable(OUT_AT, 16), readable(0, 16)]);
  });
}
