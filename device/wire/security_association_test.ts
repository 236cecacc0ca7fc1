import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { addressBytes } from "../../driver/ip_address.ts";
import {
  type AssociationFields,
  decodeAssociation,
  encodeAssociation,
} from "./security_association.ts";

const bytes = (lengthBytes: number, value: number) =>
  new Uint8Array(lengthBytes).fill(value);

const FIELDS: AssociationFields = {
  mode: 1,
  direction: 2,
  objectId: 0x01020304,
  spi: 0x11223344,
  salt: Uint8Array.of(0xa1, 0xa2, 0xa3, 0xa4),
  options: 0x7f,
  tunnel: {
    type: 1,
    source: addressBytes("198.51.100.1"),
    destination: addressBytes("192.0.2.7"),
    dscp: 46,
    dontFragment: 1,
    ttl: 63,
    flowLabel: 0,
  },
  udpSourcePort: 4500,
  udpDestinationPort: 4501,
  replayWindow: 64,
  cipherAlgorithm: 3,
  cipherKey: bytes(32, 0xc1),
  cipherKeyBytes: 32,
  authAlgorithm: 53,
  authKey: bytes(32, 0xd1),
  authKeyBytes: 16,
  lifetime: { softPackets: 1, softBytes: 2, hardPackets: 3, hardBytes: 4 },
};

Deno.test("an association is 196 packed bytes with the standard's offsets", () => {
  strictEqual(
    encodeAssociation(FIELDS).toHex(),
    "01020000" + "04030201" + "44332211" + "a1a2a3a4" + "7f00000000000000" +
      // The tunnel: type, and IPv4 addresses as the numbers that le32 holds.
      "01000000" + "016433c6" + "070200c0" + "2e013f00" + "00".repeat(28) +
      "9411" + "9511" + "40000000" + "0300000000000000" +
      "20000000" + "c1".repeat(32) + "3500000000000000" +
      "10000000" + "d1".repeat(32) + "0100000000000000" + "0200000000000000" +
      "0300000000000000" + "0400000000000000",
  );
});

Deno.test("an IPv6 tunnel has addresses as they are in packets", () => {
  const tunnel = {
    type: 2,
    source: addressBytes("2001:db8::1"),
    destination: addressBytes("2001:db8::2"),
    dscp: 10,
    dontFragment: 0,
    ttl: 7,
    flowLabel: 0xabcde,
  };
  const object = encodeAssociation({ ...FIELDS, tunnel });
  strictEqual(
    object.subarray(24, 68).toHex(),
    "02000000" + "20010db8000000000000000000000001" +
      "20010db8000000000000000000000002" + "debc0a00" + "070a0000",
  );
  deepStrictEqual(
    decodeAssociation(new DataView(object.buffer)).tunnel,
    tunnel,
  );
});

Deno.test("what was written is read again; keys are windows on it", () => {
  const object = encodeAssociation(FIELDS);
  const read = decodeAssociation(new DataView(object.buffer));
  deepStrictEqual(read, FIELDS);
  object.fill(0);
  strictEqual(read.cipherKey.every((byte) => byte === 0), true);
});

Deno.test("numbers that do not fit are no numbers", () => {
  const object = encodeAssociation(FIELDS);
  object.fill(0xff);
  const read = decodeAssociation(new DataView(object.buffer));
  strictEqual(Number.isNaN(read.options), true);
  strictEqual(Number.isNaN(read.cipherAlgorithm), true);
  strictEqual(Number.isNaN(read.lifetime.hardPackets), true);
  strictEqual(read.cipherKeyBytes, 0xffff);
});
