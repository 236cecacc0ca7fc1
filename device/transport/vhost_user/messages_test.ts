import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { longs, words } from "../../../testing/scripted_front_end.ts";
import {
  hasOwnReply,
  headerProblem,
  MAX_PAYLOAD_BYTES,
  MESSAGES,
  Request,
  requestName,
} from "./messages.ts";
import {
  decodeMemoryTable,
  decodeRingAddresses,
  decodeRingDescriptor,
  decodeSingleRegion,
} from "./payloads.ts";

const viewOf = (...parts: Uint8Array[]) =>
  new DataView(Uint8Array.from(parts.flatMap((part) => [...part])).buffer);

Deno.test("every request of the protocol has a name", () => {
  for (let request = 1; request <= 44; request++) {
    ok(/^[A-Z_]+$/.test(requestName(request)), `${request}`);
  }
  strictEqual(requestName(Request.SetVringEnable), "SET_VRING_ENABLE");
  strictEqual(
    requestName(Request.CreateCryptoSession),
    "CREATE_CRYPTO_SESSION",
  );
  strictEqual(requestName(Request.GetStatus), "GET_STATUS");
  strictEqual(requestName(45), "request 45");
  for (const [key, { number, name }] of Object.entries(MESSAGES)) {
    strictEqual(key.replaceAll(/(?<!^)[A-Z]/g, "_$&").toUpperCase(), name);
    strictEqual(requestName(number), name);
  }
});

Deno.test("payloads that QEMU sends are accepted, longer and shorter are not", () => {
  const lengths: [Request, number][] = [
    [Request.GetFeatures, 0],
    [Request.SetFeatures, 8],
    [Request.SetMemTable, 40],
    [Request.SetMemTable, 264],
    [Request.SetVringNum, 8],
    [Request.SetVringAddr, 40],
    [Request.SetVringKick, 8],
    [Request.GetConfig, 68],
    [Request.AddMemReg, 40],
    [Request.CreateCryptoSession, 632],
    [Request.CreateCryptoSession, 1072],
    [Request.CloseCryptoSession, 8],
  ];
  for (const [request, payloadBytes] of lengths) {
    strictEqual(headerProblem({ request, flags: 1, payloadBytes }), undefined);
    strictEqual(headerProblem({ request, flags: 9, payloadBytes }), undefined);
  }
  const refuses = (request: Request, payloadBytes: number) =>
    ok(headerProblem({ request, flags: 1, payloadBytes }), `${request}`);
  refuses(Request.GetFeatures, 8);
  refuses(Request.SetMemTable, 265);
  refuses(Request.SetMemTable, 4);
  refuses(Request.SetVringAddr, 41);
  refuses(Request.GetConfig, 12 + 257);
  refuses(Request.GetConfig, 11);
  refuses(Request.CreateCryptoSession, MAX_PAYLOAD_BYTES + 1);
});

Deno.test("only requests with a reply of their own have one", () => {
  const own = Array.from({ length: 44 }, (_, i) => i + 1).filter(hasOwnReply);
  deepStrictEqual(own, [1, 11, 15, 17, 24, 26, 31, 36, 40, 42, 43]);
});

Deno.test("a memory table has as many regions as it says", () => {
  const region = longs(0x1000, 0x2000, 0x3000, 0x4000);
  deepStrictEqual(decodeMemoryTable(viewOf(words(1, 0), region)), [{
    guestAddress: 0x1000,
    lengthBytes: 0x2000,
    userAddress: 0x3000,
    fileOffset: 0x4000,
  }]);
  deepStrictEqual(decodeMemoryTable(viewOf(words(0, 0))), []);
  strictEqual(decodeMemoryTable(viewOf(words(2, 0), region)), undefined);
  strictEqual(decodeMemoryTable(viewOf(words(9, 0))), undefined);
  strictEqual(decodeMemoryTable(viewOf(words(0xffff_ffff, 0))), undefined);
});

Deno.test("addresses from 2^53 on become no number", () => {
  const { guestAddress, lengthBytes } = decodeSingleRegion(
    viewOf(longs(0, 1n << 53n, (1n << 53n) - 1n, 0, 0)),
  );
  ok(Number.isNaN(guestAddress));
  strictEqual(lengthBytes, Number.MAX_SAFE_INTEGER);
  const addresses = decodeRingAddresses(
    viewOf(words(1, 0), longs(16, 32, 48, 1n << 63n)),
  );
  deepStrictEqual(addresses, {
    index: 1,
    descriptor: 16,
    used: 32,
    available: 48,
    log: undefined,
  });
  const logged = (address: bigint) =>
    decodeRingAddresses(viewOf(
      Uint8Array.from([...words(1, 1), ...longs(16, 32, 48, address)]),
    )).log;
  strictEqual(logged(64n), 64);
  strictEqual(logged(1n << 63n), undefined);
});

Deno.test("a ring's descriptor message says whether there is one", () => {
  deepStrictEqual(decodeRingDescriptor(viewOf(longs(7))), {
    index: 7,
    hasDescriptor: true,
  });
  deepStrictEqual(decodeRingDescriptor(viewOf(longs(0x1ff))), {
    index: 255,
    hasDescriptor: false,
  });
});
