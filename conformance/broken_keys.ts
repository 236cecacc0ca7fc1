/**
 * Keys that no backend may open: damaged encodings and impossible numbers.
 *
 * @module
 */

import { concatenate } from "./plain/block_cipher.ts";
import {
  element,
  INTEGER,
  integerElement,
  OCTET_STRING,
  readSequence,
  SEQUENCE,
  toInteger,
} from "./plain/der.ts";

/** What is wrong, and the key. */
export type BrokenKey = readonly [string, Uint8Array];

const bytes = (...values: number[]) => Uint8Array.from(values);
const sequence = (...content: Uint8Array[]) => element(SEQUENCE, ...content);

/** Damages of any DER structure (X.690 §8, §10.1). */
function brokenEncodings(key: Uint8Array): BrokenKey[] {
  const withLength = (...length: number[]) =>
    concatenate(bytes(SEQUENCE), bytes(...length), key.subarray(4));
  return [
    ["nothing", bytes()],
    ["one byte", bytes(SEQUENCE)],
    ["an empty sequence", bytes(SEQUENCE, 0)],
    ["zeros", new Uint8Array(64)],
    ["its last byte missing", key.subarray(0, key.length - 1)],
    ["its second half missing", key.subarray(0, key.length >> 1)],
    ["a byte after it", concatenate(key, bytes(0))],
    ["another outer tag", concatenate(bytes(0x31), key.subarray(1))],
    ["an indefinite length", withLength(0x80)],
    ["a length of 4 GiB", withLength(0x84, 0xff, 0xff, 0xff, 0xff)],
    ["a length of 127 bytes", withLength(0xff)],
    ["an inner length beyond the end", sequence(bytes(INTEGER, 0x7f, 1))],
  ];
}

/** Broken RSAPublicKeys made from a good one of more than 127 bytes. */
export function brokenRsaPublicKeys(key: Uint8Array): BrokenKey[] {
  const [modulus, exponent] = readSequence(key)
    .map(({ content }) => toInteger(content)) as [bigint, bigint];
  const make = (n: bigint, e: bigint) =>
    sequence(integerElement(n), integerElement(e));
  const negative = element(INTEGER, bytes(0x80, 0));
  return [
    ...brokenEncodings(key),
    ["no exponent", sequence(integerElement(modulus))],
    ["an octet string", sequence(element(OCTET_STRING, bytes(1, 2, 3)))],
    ["modulus 0", make(0n, exponent)],
    ["modulus 1", make(1n, exponent)],
    ["exponent 0", make(modulus, 0n)],
    ["exponent 1", make(modulus, 1n)],
    ["an even exponent", make(modulus, 65536n)],
    ["an even modulus", make(modulus - 1n, exponent)],
    ["a modulus of 256 bits", make(modulus >> (1024n - 256n) | 1n, exponent)],
    ["a modulus of 8193 bits", make(2n ** 8192n + 1n, exponent)],
    ["a negative modulus", sequence(negative, integerElement(exponent))],
    ["a negative exponent", sequence(integerElement(modulus), negative)],
    [
      "an empty integer",
      sequence(integerElement(modulus), element(INTEGER, bytes())),
    ],
  ];
}

/** Broken RSAPrivateKeys made from a good one. */
export function brokenRsaPrivateKeys(key: Uint8Array): BrokenKey[] {
  const numbers = readSequence(key).map(({ content }) => toInteger(content));
  const withNumber = (index: number, value: bigint) =>
    sequence(
      ...numbers.map((n, i) => integerElement(i === index ? value : n)),
    );
  return [
    ...brokenEncodings(key),
    ["three numbers", sequence(...numbers.slice(0, 3).map(integerElement))],
    ["version 9", withNumber(0, 9n)],
    ["modulus 0", withNumber(1, 0n)],
    ["private exponent 0", withNumber(3, 0n)],
    ["prime 0", withNumber(4, 0n)],
    ["primes of another modulus", withNumber(4, numbers[4]! + 2n)],
  ];
}

/** Broken ECPrivateKeys made from a good one of P-256. */
export function brokenEcPrivateKeys(key: Uint8Array): BrokenKey[] {
  const version = integerElement(1n);
  const make = (scalar: Uint8Array) =>
    sequence(version, element(OCTET_STRING, scalar));
  return [
    ...brokenEncodings(key),
    ["no scalar", sequence(version)],
    ["scalar 0", make(new Uint8Array(32))],
    ["a scalar above the order", make(new Uint8Array(32).fill(0xff))],
    ["an empty scalar", make(bytes())],
    [
      "version 2",
      sequence(
        integerElement(2n),
        element(OCTET_STRING, new Uint8Array(32).fill(1)),
      ),
    ],
  ];
}

/** Broken points made from a good uncompressed one. */
export function brokenPoints(point: Uint8Array): BrokenKey[] {
  const changed = point.slice();
  changed[changed.length - 1]! ^= 1;
  return [
    ["nothing", bytes()],
    ["the point at infinity", bytes(0)],
    ["one byte", bytes(4)],
    ["its last byte missing", point.subarray(0, point.length - 1)],
    ["a byte after it", concatenate(point, bytes(0))],
    ["form 5", concatenate(bytes(5), point.subarray(1))],
    ["coordinates off the curve", changed],
    [
      "a coordinate above the prime",
      concatenate(
        bytes(4),
        new Uint8Array(point.length >> 1).fill(0xff),
        point.subarray(1 + (point.length >> 1)),
      ),
    ],
    ["zeros", new Uint8Array(point.length)],
  ];
}
