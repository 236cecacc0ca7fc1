import { ok, strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../../device/wire/control_encode.ts";
import { Status } from "../../device/wire/status.ts";
import { RSA_PRIVATE_KEY } from "../../testing/keys.ts";
import { legalRequest } from "../../testing/valid_requests.ts";
import { send } from "./raw_requests.ts";
import { withSession } from "./requests.ts";
import { CBC, CHAIN, GCM, HMAC, SHA256 } from "./samples.ts";
import { exceptDraft9, type Guest, testOnSetups } from "./setups.ts";
import { insideOf } from "../../driver/driver.ts";

/** Data operations of CIPHER, HASH, MAC, AEAD, AKCIPHER (virtio 1.4 §5.9.9.3). */
const DATA_OPERATIONS = [2, 1, 1, 2, 4];
/** Control operations of each: create and destroy (§5.9.9.2). */
const CONTROL_OPERATIONS = [[2, 3], [2, 3], [2, 3], [2, 3], [4, 5]];

/** RSA has all four operations of AKCIPHER, which ECDSA has not. */
const RSA: SessionDescription = {
  service: "akcipher",
  algorithm: "rsa",
  keyType: "private",
  key: RSA_PRIVATE_KEY,
  padding: "pkcs1",
  hash: "sha1",
};
const SESSIONS = [CBC, CHAIN, SHA256, HMAC, GCM, RSA];

const LENGTHS = {
  operation: 0,
  sourceBytes: 64,
  additionalDataBytes: 0,
  destinationBytes: 64,
};

/** The status of a request that is right but for its opcode, and its length. */
async function statusOf(
  guest: Guest,
  readable: Uint8Array<ArrayBuffer>,
  writableBytes: number,
  opcode: number,
): Promise<[Status, number]> {
  const request = readable.slice();
  new DataView(request.buffer).setUint32(0, opcode, true);
  const queue = insideOf(guest.driver).dataQueues[0]!;
  const { written, answer } = await send(
    guest,
    queue,
    request,
    writableBytes + 1,
  );
  return [answer.at(-1)!, written];
}

testOnSetups(
  "NOTSUPP: data operations that a service does not have, of each service",
  exceptDraft9,
  async (guest) => {
    for (const session of SESSIONS) {
      await withSession(guest, session, false, async (id) => {
        const { request, readable, writableBytes } = legalRequest(
          guest.driver.mode,
          session,
          id,
          LENGTHS,
        );
        const known = DATA_OPERATIONS[request.service]!;
        for (let operation = 0; operation < 256; operation++) {
          // All bits of the opcode count.
          const opcodes = operation === 0
            ? [0, 0x80, 0x1_0000, 0x8000_0000]
            : [operation];
          for (const low of opcodes) {
            const [status, written] = await statusOf(
              guest,
              readable,
              writableBytes,
              (request.service << 8 | low) >>> 0,
            );
            const what = `${session.service} ${low}`;
            if (low < known) ok(status !== Status.NotSupported, what);
            else {
              strictEqual(status, Status.NotSupported, what);
              strictEqual(written, 1, what);
            }
          }
        }
      });
    }
  },
);

testOnSetups(
  "NOTSUPP: data operations of services that are not offered",
  exceptDraft9,
  async (guest) => {
    const readable = new Uint8Array(100);
    // IPSEC's two operations, and services of nobody.
    for (const opcode of [0x500, 0x501, 0x600, 0xff00, 0xffff_ff00]) {
      const outcome = await statusOf(guest, readable, 0, opcode);
      strictEqual(outcome[0], Status.NotSupported, `opcode ${opcode}`);
      strictEqual(outcome[1], 1);
    }
  },
);

testOnSetups(
  "NOTSUPP: control operations that a service does not have, of each service",
  exceptDraft9,
  async (guest) => {
    const { driver, device } = guest;
    const pieces = SESSIONS.filter(({ service }) => service !== "chain")
      .map((session) => encodeCreateRequest(session, driver.mode));
    strictEqual(pieces.length, CONTROL_OPERATIONS.length);
    const control = async (service: number, operation: number) => {
      const request = Uint8Array.from(
        (pieces[service] ?? pieces[0]!).flatMap((piece) => [...piece]),
      );
      const opcode = service << 8 | operation;
      new DataView(request.buffer).setUint32(0, opcode, true);
      const { written, answer } = await send(
        guest,
        insideOf(driver).controlQueue!,
        request,
        16,
      );
      return { written, ...decodeCreateOutcome(answer) };
    };
    for (const [service, operations] of CONTROL_OPERATIONS.entries()) {
      for (const operation of [0, 1, 2, 3, 4, 5, 6, 0x82, 0xff]) {
        if (operations.includes(operation)) continue;
        const { status, sessionId, written } = await control(
          service,
          operation,
        );
        const what = `service ${service}, operation ${operation}`;
        strictEqual(status, Status.NotSupported, what);
        strictEqual(sessionId, 0, what);
        strictEqual(written, 16, what);
      }
    }
    for (const service of [5, 9, 0xff_ffff]) {
      strictEqual((await control(service, 2)).status, Status.NotSupported);
    }
    strictEqual(device.sessions.size, 0);
  },
);
