/**
 * Ciphers other than the plain modes of AES: XTS, F8, DES, triple DES, ARC4.
 *
 * @module
 */

import { toHex } from "../../algorithms/hex.ts";
import { cipherAnswer, counting, type KnownAnswer } from "./known_answer.ts";

const XTS_FIRST_KEY = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0";
const STEALING_KEY = XTS_FIRST_KEY + "bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0";
const STEALING_TWEAK = "9a785634120000000000000000000000";

const stealing = (number: number, lastByte: number, destination: string) =>
  cipherAnswer(
    `IEEE 1619-2007 annex B, vector ${number}`,
    "aes-xts",
    STEALING_KEY,
    STEALING_TWEAK,
    toHex(counting(0, lastByte)),
    destination,
  );

const XTS: readonly KnownAnswer[] = [
  cipherAnswer(
    "IEEE 1619-2007 annex B, vector 2",
    "aes-xts",
    "11".repeat(16) + "22".repeat(16),
    "33333333330000000000000000000000",
    "44".repeat(32),
    `c454185e6a16936e39334038acef838b fb186fff7480adc4289382ecd6d394f0`,
  ),
  cipherAnswer(
    "IEEE 1619-2007 annex B, vector 3",
    "aes-xts",
    XTS_FIRST_KEY + "22".repeat(16),
    "33333333330000000000000000000000",
    "44".repeat(32),
    `af85336b597afc1a900b2eb21ec949d2 92df4c047e0b21532186a5971a227a89`,
  ),
  // The first four blocks: XTS without stealing has no look-ahead.
  cipherAnswer(
    "IEEE 1619-2007 annex B, vector 10 (its first 64 bytes)",
    "aes-xts",
    `2718281828459045235360287471352662497757247093699959574966967627
     3141592653589793238462643383279502884197169399375105820974944592`,
    "ff000000000000000000000000000000",
    toHex(counting(0, 63)),
    `1c3b3a102f770386e4836c99e370cf9b ea00803f5e482357a4ae12d414a3e63b
     5d31e276f8fe4a8d66b317f9ac683f44 680a86ac35adfc3345befecb4bb188fd`,
  ),
  stealing(15, 16, "6c1625db4671522d3d7599601de7ca09 ed"),
  stealing(16, 17, "d069444b7a7e0cab09e24447d24deb1f edbf"),
  stealing(17, 18, "e5df1351c0544ba1350b3363cd8ef4be edbf9d"),
  stealing(18, 19, "9d84c813f719aa2c7be3f66171c7c5c2 edbf9dac"),
];

// No other implementation of F8 was at hand: the figures are the RFC's alone.
const F8: readonly KnownAnswer[] = [
  cipherAnswer(
    "RFC 3711 §B.1",
    "aes-f8",
    `234829008467be186c3de14aae72d62c 32f2870d555555555555555555555555`,
    "006e5cba50681de55c621599d462564a",
    `70736575646f72616e646f6d6e657373 20697320746865206e65787420626573
     74207468696e67`,
    `019ce7a26e7854014a6366aa95d4eefd 1ad4172a14f9faf455b7f1d4b62bd08f
     562c0eef7c4802`,
  ),
];

const DES_KEY = "0123456789abcdef";
const TRIPLE_KEY = "0123456789abcdef 23456789abcdef01 456789abcdef0123";
const DES_TEXT = "4e6f772069732074 68652074696d6520 666f7220616c6c20";
const TWO_NIST_BLOCKS =
  "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51";

const DES: readonly KnownAnswer[] = [
  cipherAnswer(
    "FIPS 81 table B1",
    "des-ecb",
    DES_KEY,
    "",
    DES_TEXT,
    "3fa40e8a984d4815 6a271787ab8883f9 893d51ec4b563b53",
  ),
  cipherAnswer(
    "FIPS 81 table C1",
    "des-cbc",
    DES_KEY,
    "1234567890abcdef",
    DES_TEXT,
    "e5c7cdde872bf27c 43e934008c389c0f 683788499a7c05f6",
  ),
  cipherAnswer(
    "NIST SP 800-67 §B.1",
    "3des-ecb",
    TRIPLE_KEY,
    "",
    "5468652071756663 6b2062726f776e20 666f78206a756d70",
    "a826fd8ce53b855f cce21c8112256fe6 68d5c05dd9b6b900",
  ),
  cipherAnswer(
    "NIST example values for SP 800-38A, TDES_CBC",
    "3des-cbc",
    TRIPLE_KEY,
    "f69f2445df4f9b17",
    TWO_NIST_BLOCKS,
    `2079c3d53aa763e1 93b79e2569ab5262 516570481f25b50f 73c0bda85c8e0da7`,
  ),
  // SP 800-38A §6.5 with this key; also its counter wraps (§B.1, m = 64).
  cipherAnswer(
    "NIST SP 800-38A §6.5 over SP 800-67, computed",
    "3des-ctr",
    TRIPLE_KEY,
    "ffffffffffffffff",
    TWO_NIST_BLOCKS + "30c81c",
    "96645f490e642dbf a7870d8dea18dc4a f09373dbfcae95d0 117bc49a2b5a829f 8bc84f",
  ),
];

const arc4 = (keyBytes: number, stream: string) =>
  cipherAnswer(
    `RFC 6229 §2, key of ${8 * keyBytes} bits`,
    "arc4",
    toHex(counting(1, keyBytes)),
    "",
    "00".repeat(32),
    stream,
  );

const ARC4: readonly KnownAnswer[] = [
  arc4(5, "b2396305f03dc027ccc3524a0a1118a8 6982944f18fc82d589c403a47a0d0919"),
  arc4(8, "97ab8a1bf0afb96132f2f67258da15a8 8263efdb45c4a18684ef87e6b19e5b09"),
  arc4(16, "9ac7cc9a609d1ef7b2932899cde41b97 5248c4959014126a6e8a84f11d1a9e1c"),
  arc4(32, "eaa6bd25880bf93d3f5d1e4ca2611d91 cfa45c9f7e714b54bdfa80027cb14380"),
];

/** Known answers of XTS, F8, DES, triple DES and ARC4. */
export const MORE_CIPHER_ANSWERS: readonly KnownAnswer[] = [
  ...XTS,
  ...F8,
  ...DES,
  ...ARC4,
];
