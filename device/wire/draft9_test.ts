import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { createFrom } from "./control_request.ts";
import {
  decodeDraft9Control,
  decodeDraft9Created,
  decodeDraft9Destroyed,
  type Draft9Control,
  DRAFT_9_UNANSWERED,
  encodeDraft9Create,
  encodeDraft9Destroy,
  NO_STATUS,
  writeDraft9Created,
  writeDraft9Status,
} from "./draft9.ts";
import { SERVICES } from "./opcodes.ts";
import { Status } from "./status.ts";
import {
  chainOf,
  EVERY_SESSION,
  keyOf,
  structure,
  viewOf,
} from "../../testing/wire_samples.ts";

const limits = { services: 0x1f, maxCipherKeyBytes: 64, maxAuthKeyBytes: 512 };
const addresses = { keyAddress: 2 ** 32 + 16, authKeyAddress: 2 ** 40 + 32 };

const decode = (fields: Record<number, number>): Draft9Control =>
  decodeDraft9Control(viewOf(structure(104, fields)), 104, limits);

function placesOf(result: Draft9Control): number[] {
  ok(result.kind === "create", JSON.stringify(result));
  const { keyAddress, authKeyAddress, sessionIdAt, statusAt } = result;
  return [keyAddress, authKeyAddress, sessionIdAt, statusAt];
}

const cipher = { 0: 0x002, 12: 1, 16: 3, 20: 16, 24: 2, 32: 16, 36: 1, 96: 1 };
const chain = {
  0: 0x002,
  16: 2,
  20: 2,
  24: 3,
  28: 24,
  32: 1,
  40: 2,
  44: 12,
  48: 20,
  56: 0xffffffff,
  64: 16,
  68: 1,
  72: 32,
  76: 256,
  96: 2,
};

Deno.test("sessions have the draft's offsets", () => {
  deepEqual(placesOf(decode(cipher)), [2 ** 32 + 16, NaN, 40, 48]);
  deepEqual(placesOf(decode(chain)), [2 ** 32 + 16, 2 ** 40 + 32, 80, 88]);
  const hash = { 0: 0x102, 16: 4, 20: 32 };
  deepEqual(placesOf(decode(hash)), [NaN, NaN, 24, 32]);
  const mac = { 0: 0x202, 16: 4, 20: 32, 24: 20, 32: 7 };
  deepEqual(placesOf(decode(mac)), [7, NaN, 40, 48]);
  const aead = { 0: 0x302, 16: 1, 20: 16, 24: 12, 28: 99, 32: 2, 40: 7 };
  deepEqual(placesOf(decode(aead)), [7, NaN, 48, 56]);
});

Deno.test("a chain comes together once the keys are read", () => {
  const result = decode(chain);
  ok(result.kind === "create");
  equal(result.parameters.keyBytes, 24);
  equal(result.parameters.authKeyBytes, 20);
  const made = createFrom(result.parameters, keyOf(24, 3), keyOf(20, 9));
  ok(made.kind === "create");
  const expected = chainOf("auth", "hmac-sha1", "cipher-then-hash");
  deepEqual(made.description, expected);
});

Deno.test("every session of the draft comes back from its bytes", () => {
  for (const description of EVERY_SESSION) {
    if (description.service === "akcipher") {
      throws(() => encodeDraft9Create(description, addresses, 0), RangeError);
      continue;
    }
    const bytes = encodeDraft9Create(description, addresses, 3);
    equal(bytes.length, 104);
    equal(viewOf(bytes).getUint32(12, true), 3);
    const result = decodeDraft9Control(viewOf(bytes), 104, limits);
    ok(result.kind === "create", JSON.stringify(result));
    const [key, authKey] = description.service === "chain"
      ? [description.cipher.key, description.authKey]
      : ["key" in description ? description.key : new Uint8Array()];
    if (key!.length > 0) equal(result.keyAddress, addresses.keyAddress);
    if (authKey?.length) {
      equal(result.authKeyAddress, addresses.authKeyAddress);
    }
    const { parameters } = result;
    const made = createFrom(parameters, key!, authKey ?? new Uint8Array());
    ok(made.kind === "create");
    deepEqual(made.description, description);
  }
});

Deno.test("an encoded chain is the draft's bytes", () => {
  const description = chainOf("auth", "hmac-sha1", "cipher-then-hash");
  const { 56: _, ...fields } = chain;
  deepEqual(
    encodeDraft9Create(description, addresses, 0),
    structure(104, { ...fields, 4: 3, 88: DRAFT_9_UNANSWERED }),
  );
});

Deno.test("a destruction names service and session", () => {
  for (const service of SERVICES.slice(0, 4)) {
    const bytes = encodeDraft9Destroy(service, 2 ** 32 + 9);
    const opcode = SERVICES.indexOf(service) << 8 | 3;
    const sent = { 0: opcode, 16: 9, 20: 1, 24: DRAFT_9_UNANSWERED };
    deepEqual(bytes, structure(104, sent));
    deepEqual(decodeDraft9Control(viewOf(bytes), 104, limits), {
      kind: "destroy",
      service,
      sessionId: 2 ** 32 + 9,
      statusAt: 24,
    });
    writeDraft9Status(viewOf(bytes), 24, Status.InvalidSession);
    equal(decodeDraft9Destroyed(bytes), Status.InvalidSession);
  }
});

Deno.test("outcomes are written into the request", () => {
  const description = chainOf("auth", "hmac-sha1", "cipher-then-hash");
  const bytes = encodeDraft9Create(description, addresses, 0);
  const request = decodeDraft9Control(viewOf(bytes), 104, limits);
  ok(request.kind === "create");
  const before = bytes.slice();
  writeDraft9Created(viewOf(bytes), request, Status.NoSpace, 5);
  viewOf(before).setUint32(88, 5, true);
  deepEqual(bytes, before);
  writeDraft9Created(viewOf(bytes), request, Status.Ok, 2 ** 32 + 5);
  equal(viewOf(bytes).getUint32(80, true), 5);
  deepEqual(decodeDraft9Created(bytes, description), {
    status: Status.Ok,
    sessionId: 2 ** 32 + 5,
  });
});

Deno.test("refusals say where their status goes", () => {
  const refusal = (fields: Record<number, number>) => {
    const result = decode(fields);
    return result.kind === "refused" ? [result.status, result.statusAt] : [];
  };
  for (const length of [65, 0x80000000, 0xffffffff]) {
    deepEqual(refusal({ ...cipher, 20: length }), [Status.Error, 48]);
    deepEqual(refusal({ ...chain, 28: length }), [Status.Error, 88]);
    const aead = { 0: 0x302, 20: length };
    deepEqual(refusal(aead), [Status.Error, 56]);
  }
  deepEqual(refusal({ ...chain, 48: 513 }), [Status.Error, 88]);
  deepEqual(refusal({ 0: 0x202, 24: 513 }), [Status.Error, 48]);
});

Deno.test("an undefined opcode is answered where a creation is", () => {
  const places: [number, number][] = [
    [0, 48],
    [0x104, 32],
    [0x200, 48],
    [0x3ff, 56],
    [0x404, 48],
    [0x405, 24],
    [0x502, 48],
    [0xffffffff, 48],
  ];
  for (const [opcode, statusAt] of places) {
    const result = decode({ 0: opcode });
    ok(result.kind === "refused");
    equal(result.status, Status.NotSupported);
    equal(result.statusAt, statusAt, `opcode ${opcode}`);
  }
  equal(decode({ 0: 0x502, 96: 2 }).statusAt, 88);
});

Deno.test("a short control request is an error where it holds its status", () => {
  const places: [Record<number, number>, number][] = [
    [cipher, 48],
    [chain, 88],
    [{ 0: 0x102 }, 32],
    [{ 0: 0x202 }, 48],
    [{ 0: 0x302 }, 56],
    [{ 0: 0x103 }, 24],
  ];
  for (const [fields, statusAt] of places) {
    const view = viewOf(structure(104, fields));
    for (let available = 0; available < 104; available++) {
      const result = decodeDraft9Control(view, available, limits);
      ok(result.kind === "refused");
      equal(result.status, Status.Error);
      // op_type is at the end of what it decides about.
      const place = fields === chain && available < 100 ? 48 : statusAt;
      const within = available >= place + 4 ? place : NO_STATUS;
      equal(result.statusAt, within, `${available} bytes`);
    }
  }
  writeDraft9Status(viewOf(new Uint8Array(3)), NO_STATUS, Status.Error);
});

Deno.test("unknown numbers are found when the session is described", () => {
  const unknown = [
    { ...cipher, 96: 0 },
    { ...cipher, 96: 3 },
    { ...cipher, 16: 15 },
    { ...chain, 20: 3 },
    { ...chain, 16: 0 },
  ];
  for (const fields of unknown) {
    const result = decode(fields);
    ok(result.kind === "create");
    const made = createFrom(result.parameters, keyOf(16, 0), keyOf(20, 0));
    equal(made.kind === "refused" && made.status, Status.NotSupported);
  }
});

Deno.test("an address that a number cannot hold is NaN", () => {
  const result = decode({ ...chain, 68: 0xffffffff, 76: 0x200000 });
  deepEqual(placesOf(result), [NaN, NaN, 80, 88]);
});
