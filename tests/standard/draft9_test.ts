import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeDraft9Created,
  DRAFT_9_REQUEST_BYTES,
  encodeDraft9Create,
  encodeDraft9Destroy,
} from "../../device/wire/draft9.ts";
import { Status } from "../../device/wire/status.ts";
import type { RequestQueue } from "../../driver/request_queue.ts";
import type { SharedBytes } from "../../driver/shared_memory.ts";
import { sendStructure } from "./raw_requests.ts";
import { withSession } from "./requests.ts";
import { CBC, CHAIN, DATA, GCM, HMAC, IV, SHA256 } from "./samples.ts";
import { type Guest, type Setup, testOnSetups } from "./setups.ts";
import { insideOf } from "../../driver/driver.ts";
import { unchecked } from "../../testing/unchecked.ts";

const draft9 = ({ layout }: Setup): boolean => layout === "draft 9";

const NEVER_GIVEN = 0x7654_3210;
const WHOLE = DRAFT_9_REQUEST_BYTES;
/** What surely names no memory. */
const NOWHERE = 0xffff_fff0;

/** A structure of `lengthBytes` bytes with these words, as far as they fit. */
function structureOf(
  words: Readonly<Record<number, number>>,
  lengthBytes = WHOLE,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(Math.max(lengthBytes, WHOLE)).fill(0x77);
  const view = new DataView(whole.buffer);
  for (const [at, word] of Object.entries({ 4: 0, 16: 0, 20: 0, ...words })) {
    view.setUint32(Number(at), word, true);
  }
  return whole.slice(0, lengthBytes);
}

/**
 * Sends a structure that is refused. Its status is at `statusAt` where it fits,
 * and nothing else may have changed.
 */
async function expectRefusal(
  guest: Guest,
  queue: RequestQueue,
  structure: Uint8Array<ArrayBuffer>,
  statusAt: number,
  status: Status,
): Promise<void> {
  const { written, answer } = await sendStructure(guest, queue, structure);
  const what = `opcode ${structure[1]}.${structure[0]}, ${structure.length} B`;
  if (statusAt + 4 > structure.length) {
    strictEqual(written, 0, what);
    deepStrictEqual(answer, structure, what);
    return;
  }
  strictEqual(written, Math.min(structure.length, WHOLE), what);
  const expected = structure.slice();
  new DataView(expected.buffer).setUint32(statusAt, status, true);
  deepStrictEqual(answer, expected, what);
}

/** The two words at `at` that name a buffer. */
function address(
  at: number,
  bytes: SharedBytes | undefined,
): Readonly<Record<number, number>> {
  const { guestAddress } = bytes!.buffers[0]!;
  const high = Math.floor(guestAddress / 2 ** 32);
  return { [at]: guestAddress % 2 ** 32, [at + 4]: high };
}

/** Opcode, offset of its status, and a session that takes such requests. */
const DATA_PLACES: readonly [number, number, SessionDescription][] = [
  [0x000, 72, CBC],
  [0x000, 88, CHAIN],
  [0x100, 56, SHA256],
  [0x200, 56, HMAC],
  [0x300, 80, GCM],
];

testOnSetups(
  "draft 9: a short data request is ERR where it holds its status",
  draft9,
  async (guest) => {
    const queue = insideOf(guest.driver).dataQueues[0]!;
    for (const [opcode, statusAt, session] of DATA_PLACES) {
      await withSession(guest, session, false, async (id) => {
        for (let lengthBytes = 1; lengthBytes < WHOLE; lengthBytes += 1) {
          const words = { 0: opcode, 8: id!, 12: 0 };
          const short = structureOf(words, lengthBytes);
          await expectRefusal(guest, queue, short, statusAt, Status.Error);
        }
      });
    }
  },
);

testOnSetups(
  "draft 9: a short data request is ERR though all that it needs is there",
  draft9,
  async (guest) => {
    const { driver } = guest;
    const [data, digest] = await insideOf(driver).memory.allocate([
      { lengthBytes: 16, whole: true },
      { lengthBytes: 32, whole: true },
    ]);
    digest!.segments.fill(0, 32, 0);
    await withSession(guest, SHA256, false, async (id) => {
      const words = {
        ...{ 0: 0x100, 8: id!, 12: 0, 32: 16 },
        ...address(24, data),
        ...address(48, digest),
      };
      const queue = insideOf(driver).dataQueues[0]!;
      for (const lengthBytes of [60, 80, WHOLE - 1]) {
        const short = structureOf(words, lengthBytes);
        await expectRefusal(guest, queue, short, 56, Status.Error);
      }
      ok(digest!.segments.copy().every((byte) => byte === 0));
      const { answer } = await sendStructure(guest, queue, structureOf(words));
      strictEqual(new DataView(answer.buffer).getUint32(56, true), Status.Ok);
    });
    for (const bytes of [data!, digest!]) insideOf(driver).memory.free(bytes);
  },
);

testOnSetups(
  "draft 9: an undefined data opcode is NOTSUPP where its service has the status",
  draft9,
  async (guest) => {
    const queue = insideOf(guest.driver).dataQueues[0]!;
    for (const [defined, statusAt, session] of DATA_PLACES) {
      await withSession(guest, session, false, async (id) => {
        for (const operation of [2, 3, 0xff]) {
          const opcode = defined | operation;
          for (const lengthBytes of [WHOLE, 200]) {
            const words = { 0: opcode, 8: id!, 12: 0 };
            const unknown = structureOf(words, lengthBytes);
            await expectRefusal(
              guest,
              queue,
              unknown,
              statusAt,
              Status.NotSupported,
            );
          }
        }
      });
    }
    // AKCIPHER, which the draft does not have, and services of nobody.
    for (const opcode of [0x400, 0x403, 0x502, 0xffff_ffff]) {
      const unknown = structureOf({ 0: opcode, 8: NEVER_GIVEN, 12: 0 });
      await expectRefusal(guest, queue, unknown, 72, Status.NotSupported);
    }
  },
);

testOnSetups(
  "draft 9: without a session the status is where op_type has it",
  draft9,
  async (guest) => {
    const queue = insideOf(guest.driver).dataQueues[0]!;
    for (const [opType, statusAt] of [[0, 72], [1, 72], [2, 88], [3, 72]]) {
      const words = { 0: 0x001, 8: NEVER_GIVEN, 12: 0, 96: opType! };
      await expectRefusal(
        guest,
        queue,
        structureOf(words),
        statusAt!,
        Status.InvalidSession,
      );
    }
    // A session of another service tells nothing either.
    await withSession(guest, SHA256, false, async (id) => {
      const words = { 0: 0x000, 8: id!, 12: 0, 96: 2 };
      await expectRefusal(guest, queue, structureOf(words), 88, Status.Error);
    });
  },
);

testOnSetups(
  "draft 9: buffers outside guest memory are ERR and nothing is written",
  draft9,
  async (guest) => {
    const queue = insideOf(guest.driver).dataQueues[0]!;
    for (const [opcode, statusAt, session] of DATA_PLACES) {
      await withSession(guest, session, false, async (id) => {
        // All lengths are legal ones, whatever the service.
        const lengths = { 24: 16, 28: 16, 32: 16, 36: 16, 64: 0 };
        const words = { 0: opcode, 8: id!, 12: 0, ...lengths };
        const addresses = { 40: NOWHERE, 44: NOWHERE, 48: NOWHERE };
        await expectRefusal(
          guest,
          queue,
          structureOf({ ...words, ...addresses }),
          statusAt,
          Status.Error,
        );
      });
    }
  },
);

const encrypted = () =>
  createCipheriv("aes-128-cbc", "key" in CBC ? CBC.key : "", IV)
    .setAutoPadding(false).update(DATA);

testOnSetups(
  "draft 9: the session decides how a request is parsed, op_type does not",
  draft9,
  async (guest) => {
    const { driver } = guest;
    const queue = insideOf(driver).dataQueues[0]!;
    const [iv, data, digest] = await insideOf(driver).memory.allocate([
      { lengthBytes: 16, whole: true },
      { lengthBytes: DATA.length, whole: true },
      { lengthBytes: 20, whole: true },
    ]);
    iv!.segments.write(0, IV);
    const both = {
      0: 0x000,
      12: 0,
      ...{ 24: IV.length, 28: DATA.length, 32: DATA.length },
      ...address(40, iv),
      ...address(48, data),
    };
    const layouts = [
      [CBC, 72, address(56, data)],
      [CHAIN, 88, { 64: 0, ...address(72, data), ...address(80, digest) }],
    ] as const;
    for (const [session, statusAt, results] of layouts) {
      await withSession(guest, session, false, async (id) => {
        for (const opType of [0, 1, 2, 0xffff_ffff]) {
          data!.segments.write(0, DATA);
          digest!.segments.fill(0, 20, 0);
          const request = structureOf({
            ...both,
            ...results,
            8: id!,
            96: opType,
          });
          const { written, answer } = await sendStructure(
            guest,
            queue,
            request,
          );
          strictEqual(written, WHOLE);
          const view = new DataView(answer.buffer);
          strictEqual(view.getUint32(statusAt, true), Status.Ok);
          deepStrictEqual([...data!.segments.copy()], [...encrypted()]);
          const hashed = digest!.segments.copy().some((byte) => byte !== 0);
          strictEqual(hashed, session === CHAIN);
        }
      });
    }
    for (const bytes of [iv!, data!, digest!]) {
      insideOf(driver).memory.free(bytes);
    }
  },
);

/** Opcode and op_type of a control request, and the offset of its status. */
const CONTROL_PLACES: readonly [number, number, number][] = [
  [0x002, 1, 48],
  [0x002, 2, 88],
  [0x102, 0, 32],
  [0x202, 0, 48],
  [0x302, 0, 56],
  [0x003, 1, 24],
  [0x103, 0, 24],
];

testOnSetups(
  "draft 9: a short control request is ERR where it holds its status, and does nothing",
  draft9,
  async (guest) => {
    const { driver, device } = guest;
    const session = await unchecked(driver).createSession(SHA256);
    const queue = insideOf(driver).controlQueue!;
    for (const [opcode, opType, statusAt] of CONTROL_PLACES) {
      const words = { 0: opcode, 16: session.id!, 20: 0, 96: opType };
      for (let lengthBytes = 1; lengthBytes < WHOLE; lengthBytes += 1) {
        const short = structureOf(words, lengthBytes);
        // op_type is behind all of a short chain's places.
        const place = opType === 2 && lengthBytes < 100 ? 48 : statusAt;
        await expectRefusal(guest, queue, short, place, Status.Error);
      }
    }
    strictEqual(device.sessions.size, 1);
    await session.close();
  },
);

testOnSetups(
  "draft 9: an undefined control opcode is NOTSUPP where a creation has the status",
  draft9,
  async (guest) => {
    const queue = insideOf(guest.driver).controlQueue!;
    const places: [number, number, number][] = [
      [0x000, 1, 48],
      [0x004, 2, 88],
      [0x104, 0, 32],
      [0x204, 0, 48],
      [0x304, 0, 56],
      [0x404, 0, 48],
      [0x902, 0, 48],
    ];
    for (const [opcode, opType, statusAt] of places) {
      for (const lengthBytes of [WHOLE, 150]) {
        const words = { 0: opcode, 96: opType };
        await expectRefusal(
          guest,
          queue,
          structureOf(words, lengthBytes),
          statusAt,
          Status.NotSupported,
        );
      }
    }
    strictEqual(guest.device.sessions.size, 0);
  },
);

testOnSetups(
  "draft 9: a key outside guest memory is ERR and makes no session",
  draft9,
  async (guest) => {
    const { driver, device } = guest;
    const [key] = await insideOf(driver).memory.allocate([
      { lengthBytes: 16, whole: true },
    ]);
    const inside = key!.buffers[0]!.guestAddress;
    const cases = [
      [CBC, { keyAddress: NOWHERE, authKeyAddress: inside }],
      [CHAIN, { keyAddress: NOWHERE, authKeyAddress: inside }],
      [CHAIN, { keyAddress: inside, authKeyAddress: NOWHERE }],
    ] as const;
    for (const [session, addresses] of cases) {
      const structure = encodeDraft9Create(session, addresses, 0);
      const { written, answer } = await sendStructure(
        guest,
        insideOf(driver).controlQueue!,
        structure,
      );
      strictEqual(written, WHOLE);
      strictEqual(decodeDraft9Created(answer, session).status, Status.Error);
    }
    strictEqual(device.sessions.size, 0);
    insideOf(driver).memory.free(key!);
  },
);

testOnSetups(
  "draft 9: a destruction is answered at its own place, whatever the service",
  draft9,
  async (guest) => {
    const queue = insideOf(guest.driver).controlQueue!;
    for (const service of ["cipher", "hash", "mac", "aead"] as const) {
      const structure = encodeDraft9Destroy(service, NEVER_GIVEN);
      await expectRefusal(guest, queue, structure, 24, Status.Error);
    }
    ok(guest.device.sessions.size === 0);
  },
);
