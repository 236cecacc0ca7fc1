import { equal } from "node:assert/strict";
import { layOutDataRequest } from "./data_layout.ts";
import { DataRequest, decodeDataRequest } from "./data_request.ts";
import { wireMode } from "./mode.ts";
import { Status } from "./status.ts";
import { structure, viewOf } from "../../testing/wire_samples.ts";

const cipher = { 0: 1, 8: 77, 24: 16, 28: 100, 32: 101, 64: 1 };
const chain = {
  8: 77,
  24: 16,
  28: 200,
  32: 201,
  36: 10,
  40: 190,
  44: 5,
  48: 195,
  52: 7,
  56: 20,
  64: 2,
};
const aead = { 8: 77, 24: 12, 28: 9, 32: 64, 36: 80, 40: 16 };

const request = new DataRequest();

/** Status of the layout of a request whose fixed part is in order. */
function layOut(fields: Record<number, number>, ivFieldBytes = 0): Status {
  const view = viewOf(structure(72, fields));
  const mode = wireMode("virtio", 0n);
  equal(decodeDataRequest(view, 72, mode, request), Status.Ok);
  return layOutDataRequest(request, ivFieldBytes);
}

function decoded(
  fields: Record<number, number>,
  ivFieldBytes = 0,
): DataRequest {
  equal(layOut(fields, ivFieldBytes), Status.Ok);
  return request;
}

function check(request: DataRequest, expected: Partial<DataRequest>): void {
  for (const [name, value] of Object.entries(expected)) {
    equal(request[name as keyof DataRequest], value, name);
  }
}

Deno.test("CCM's nonce starts at the second of 16 bytes", () => {
  const request = decoded({ 0: 0x300, ...aead }, 16);
  check(request, {
    ivBytes: 12,
    ivFieldBytes: 16,
    ivAt: 73,
    sourceAt: 88,
    readableBytes: 161,
  });
  request.ivBytes = 15;
  equal(layOutDataRequest(request, 16), Status.Ok);
  request.ivBytes = 16;
  equal(layOutDataRequest(request, 16), Status.Error);
});

Deno.test("CVE-2017-5931: lengths that wrap in 32 bits are added in full", () => {
  const top = 0xffffffff;
  const request = decoded({
    8: 77,
    ...{ 24: top, 28: top, 32: top, 52: top, 56: top, 64: 2 },
  });
  check(request, {
    sourceAt: 72 + top,
    additionalDataAt: 72 + 2 * top,
    readableBytes: 72 + 3 * top,
    writableBytes: 2 * top,
  });
  const pair = { ...cipher, 24: 0x80000000, 28: 0x80000010 };
  equal(decoded(pair).readableBytes, 72 + 2 ** 32 + 16);
});

Deno.test("a chain whose ranges leave the source is an error", () => {
  const statusOf = (changed: Record<number, number>) =>
    layOut({ ...chain, ...changed });
  equal(statusOf({}), Status.Ok);
  equal(statusOf({ 40: 191 }), Status.Error);
  equal(statusOf({ 48: 196 }), Status.Error);
  equal(statusOf({ 36: 0xffffffff, 40: 1 }), Status.Error);
  equal(statusOf({ 44: 1, 48: 0xffffffff }), Status.Error);
});

Deno.test("an AEAD tag needs its room", () => {
  const statusOf = (changed: Record<number, number>) =>
    layOut({ 0: 0x300, ...aead, ...changed });
  equal(statusOf({ 36: 79 }), Status.Error);
  equal(statusOf({ 32: 0xfffffff8, 36: 16 }), Status.Error);
  equal(statusOf({ 0: 0x301, 40: 65 }), Status.Error);
  equal(statusOf({ 0: 0x301, 36: 47 }), Status.Error);
  equal(statusOf({ 0: 0x301, 36: 48 }), Status.Ok);
});
