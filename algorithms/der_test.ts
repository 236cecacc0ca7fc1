import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  bitLength,
  bytesToNumber,
  DerError,
  DerReader,
  DerTag,
  encodeSequence,
  encodeUnsigned,
  numberToBytes,
} from "./der.ts";

const reader = (hex: string) => new DerReader(Uint8Array.fromHex(hex));

Deno.test("elements are read one after another and up to the end", () => {
  const outer = reader("3007020101040200ff");
  throws(() => outer.expectEnd(), /9 bytes after the end/);
  const inner = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  strictEqual(inner.unsigned(), 1n);
  strictEqual(inner.isNext(DerTag.Integer), false);
  strictEqual(inner.isNext(DerTag.OctetString), true);
  deepStrictEqual(inner.contents(DerTag.OctetString), Uint8Array.of(0, 0xff));
  strictEqual(inner.isAtEnd, true);
  inner.expectEnd();
});

Deno.test("an element cannot reach beyond the one around it", () => {
  const outer = reader("300302020001ff");
  const inner = outer.enter(DerTag.Sequence);
  throws(() => inner.unsigned(), /element of 2 bytes, 1 are left/);
});

/** Encodings of an octet string that DER does not allow, or that lie. */
const HOSTILE = {
  "nothing": "",
  "no length": "04",
  "length without contents": "0405",
  "one byte too few": "0403aabb",
  "indefinite length": "0480aabb0000",
  "length octets that are missing": "0482",
  "a short length in the long form": "048101aa",
  "a leading zero in the length": "04820080" + "aa".repeat(128),
  "a length of 2^32 - 1": "0484ffffffff",
  "a length of 2^64 - 1": "0488ffffffffffffffff",
  "a length of 127 octets": "04ff" + "ff".repeat(127),
  "a length of 2^24 - 1": "0483ffffffaa",
  "another tag": "0201aa",
};

for (const [what, encoding] of Object.entries(HOSTILE)) {
  Deno.test(`reading an element refuses ${what}`, () => {
    throws(() => reader(encoding).contents(DerTag.OctetString), DerError);
  });
}

Deno.test("integers are read exactly", () => {
  strictEqual(reader("020100").unsigned(), 0n);
  strictEqual(reader("02017f").unsigned(), 127n);
  strictEqual(reader("02020080").unsigned(), 128n);
  strictEqual(
    reader("02820101" + "00" + "ff".repeat(256)).unsigned(),
    2n ** 2048n - 1n,
  );
});

Deno.test("integers that are empty, negative or not minimal are refused", () => {
  for (
    const encoding of ["0200", "020180", "0202ff7f", "0202007f", "02020000"]
  ) {
    throws(() => reader(encoding).unsigned(), DerError, encoding);
  }
});

Deno.test("a bit string is whole bytes", () => {
  deepStrictEqual(reader("0303000102").wholeBitString(), Uint8Array.of(1, 2));
  throws(() => reader("03020180").wholeBitString(), DerError);
  throws(() => reader("0300").wholeBitString(), DerError);
});

Deno.test("what is encoded is read back, at every size of the length", () => {
  const numbers = [0n, 1n, 127n, 128n, 255n, 256n];
  for (const bits of [8, 1007, 1008, 1016, 2048, 8192]) {
    numbers.push(2n ** BigInt(bits), 2n ** BigInt(bits) - 1n);
  }
  for (const number of numbers) {
    const encoded = encodeSequence(encodeUnsigned(number), encodeUnsigned(5n));
    const outer = new DerReader(encoded);
    const inner = outer.enter(DerTag.Sequence);
    outer.expectEnd();
    strictEqual(inner.unsigned(), number);
    strictEqual(inner.unsigned(), 5n);
    inner.expectEnd();
  }
});

Deno.test("numbers and big-endian bytes are converted both ways", () => {
  strictEqual(bytesToNumber(new Uint8Array(0)), 0n);
  strictEqual(bytesToNumber(Uint8Array.of(0, 1, 2)), 0x102n);
  deepStrictEqual(numberToBytes(0x102n, 4), Uint8Array.of(0, 0, 1, 2));
  for (
    const [number, bits] of [[0n, 0], [1n, 1], [255n, 8], [256n, 9]] as const
  ) {
    strictEqual(bitLength(number), bits);
  }
});
