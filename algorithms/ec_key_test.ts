import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { DerError } from "./der.ts";
import {
  decodeEcdsaSignature,
  encodeEcdsaSignature,
  parseEcPoint,
  parseEcPrivateKey,
} from "./ec_key.ts";
import { CURVES } from "./public_key.ts";

const P256 = CURVES.find(({ name }) => name === "p256")!;
const P384 = CURVES.find(({ name }) => name === "p384")!;
const P521 = CURVES.find(({ name }) => name === "p521")!;

const PAIR = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const PRIVATE = new Uint8Array(
  PAIR.privateKey.export({ format: "der", type: "sec1" }),
);
const POINT = new Uint8Array(
  PAIR.publicKey.export({ format: "der", type: "spki" }),
).slice(-65);

/** ECPrivateKey of P-256 in hexadecimal from its parts. */
const sequence = (...parts: string[]): Uint8Array => {
  const contents = parts.join("");
  const length = (contents.length / 2).toString(16).padStart(2, "0");
  return Uint8Array.fromHex(`30${length}${contents}`);
};
const VERSION = "020101";
const SCALAR = `0420${"11".repeat(32)}`;
const P256_IDENTIFIER = "06082a8648ce3d030107";

Deno.test("a private key is read with and without its optional parts", () => {
  const whole = parseEcPrivateKey(PRIVATE, P256);
  strictEqual(whole.scalar.length, 32);
  deepStrictEqual(whole.point, POINT);
  const bare = parseEcPrivateKey(sequence(VERSION, SCALAR), P256);
  strictEqual(bare.scalar.toHex(), "11".repeat(32));
  strictEqual(bare.point, undefined);
});

Deno.test("what is read is a copy", () => {
  const der = PRIVATE.slice();
  const { scalar, point } = parseEcPrivateKey(der, P256);
  const before = [scalar.toHex(), point!.toHex()];
  der.fill(0);
  deepStrictEqual([scalar.toHex(), point!.toHex()], before);
});

const BROKEN: Readonly<Record<string, Uint8Array>> = {
  "version 0": sequence("020100", SCALAR),
  "version 2": sequence("020102", SCALAR),
  "no scalar": sequence(VERSION),
  "a short scalar": sequence(VERSION, `041f${"11".repeat(31)}`),
  "a long scalar": sequence(VERSION, `0421${"11".repeat(33)}`),
  "another curve": sequence(VERSION, SCALAR, "a00706052b81040022"),
  "two curves": sequence(
    VERSION,
    SCALAR,
    `a014${P256_IDENTIFIER}${P256_IDENTIFIER}`,
  ),
  "parts in the wrong order": sequence(
    VERSION,
    SCALAR,
    `a144034200${POINT.toHex()}`,
    `a00a${P256_IDENTIFIER}`,
  ),
  "a public key of odd bits": sequence(
    VERSION,
    SCALAR,
    `a144034201${POINT.toHex()}`,
  ),
  "bytes behind the public key": sequence(
    VERSION,
    SCALAR,
    `a146034200${POINT.toHex()}0500`,
  ),
  "a part nobody knows": sequence(VERSION, SCALAR, "a20100"),
  "bytes behind": new Uint8Array([...PRIVATE, 0]),
};

for (const [what, der] of Object.entries(BROKEN)) {
  Deno.test(`a private key is refused for ${what}`, () => {
    throws(() => parseEcPrivateKey(der, P256), DerError);
  });
}

Deno.test("every truncation of a private key is refused", () => {
  for (let length = 0; length < PRIVATE.length; length++) {
    throws(
      () => parseEcPrivateKey(PRIVATE.subarray(0, length), P256),
      DerError,
    );
  }
  throws(() => parseEcPrivateKey(PRIVATE, P384), DerError);
});

Deno.test("points are compressed or not, and nothing else", () => {
  const bytes = (form: number, length: number) => {
    const point = new Uint8Array(length);
    point[0] = form;
    return point;
  };
  for (const [form, length] of [[4, 133], [2, 67], [3, 67]] as const) {
    strictEqual(parseEcPoint(bytes(form, length), P521).length, length);
    throws(() => parseEcPoint(bytes(form, length - 1), P521), DerError);
    throws(() => parseEcPoint(bytes(form, length + 1), P521), DerError);
  }
  for (const form of [0, 1, 5, 6, 7, 255]) {
    throws(() => parseEcPoint(bytes(form, 133), P521), DerError);
  }
  throws(() => parseEcPoint(new Uint8Array(0), P521), DerError);
  throws(() => parseEcPoint(Uint8Array.of(0), P521), DerError);
});

Deno.test("signatures are encoded and decoded, strictly", () => {
  const signature = { r: 2n ** 520n + 1n, s: 0x80n };
  const der = encodeEcdsaSignature(signature);
  deepStrictEqual(decodeEcdsaSignature(der), signature);
  strictEqual(
    encodeEcdsaSignature({ r: 1n, s: 0x80n }).toHex(),
    "300702010102020080",
  );
  const broken = [
    "",
    "3000",
    "3003020101",
    "30070201010202008000",
    "3009020101020200800500",
    "3006020181020101",
    "300702020001020101",
    "30810602010102020080",
    "3080020101020200800000",
    "3106020101020101",
  ];
  for (const hex of broken) {
    throws(() => decodeEcdsaSignature(Uint8Array.fromHex(hex)), DerError, hex);
  }
});
