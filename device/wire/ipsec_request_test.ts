import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  decodeIpsecRequest,
  encodeIpsecRequest,
  IPSEC_SOURCE_AT,
  IpsecOpcode,
  IpsecRequest,
  isIpsecRequest,
} from "./ipsec_request.ts";
import { Status } from "./status.ts";

function header(revision1: boolean): DataView {
  const request = new IpsecRequest();
  request.opcode = IpsecOpcode.Inbound;
  request.associationId = 0x0102030405;
  request.sourceBytes = 0x0a0b;
  request.destinationBytes = 0x0c0d;
  return new DataView(encodeIpsecRequest(request, revision1).buffer);
}

Deno.test("a packet's request is a header and two lengths, with REVISION_1 or without", () => {
  const hex = (revision1: boolean) =>
    new Uint8Array(header(revision1).buffer).toHex();
  const start = "01050000" + "00000000" + "0504030201000000";
  const end = "00000000" + "0b0a0000" + "0d0c0000";
  strictEqual(hex(true), start + "01000000" + end);
  strictEqual(hex(false), start + "00000000" + end);
  strictEqual(IPSEC_SOURCE_AT, 32);
});

Deno.test("what was written is read again, whatever algo says", () => {
  for (const revision1 of [false, true]) {
    const view = header(revision1);
    view.setUint32(4, 99, true);
    const request = new IpsecRequest();
    strictEqual(decodeIpsecRequest(view, 32, revision1, request), Status.Ok);
    deepStrictEqual({ ...request }, {
      opcode: IpsecOpcode.Inbound,
      associationId: 0x0102030405,
      sourceBytes: 0x0a0b,
      destinationBytes: 0x0c0d,
    });
  }
});

Deno.test("a short header, another operation and a request without session are refused", () => {
  const request = new IpsecRequest();
  const view = header(true);
  strictEqual(decodeIpsecRequest(view, 31, true, request), Status.Error);
  view.setUint32(16, 0, true);
  strictEqual(
    decodeIpsecRequest(view, 32, true, request),
    Status.NotSupported,
  );
  strictEqual(decodeIpsecRequest(view, 32, false, request), Status.Ok);
  view.setUint32(0, 0x0502, true);
  strictEqual(
    decodeIpsecRequest(view, 32, false, request),
    Status.NotSupported,
  );
});

Deno.test("only the service's opcodes are its requests", () => {
  const view = header(true);
  strictEqual(isIpsecRequest(view, 24), true);
  strictEqual(isIpsecRequest(view, 23), false);
  for (const opcode of [0x0400, 0x0600, 0x010500]) {
    view.setUint32(0, opcode, true);
    strictEqual(isIpsecRequest(view, 32), false);
  }
});
