/**
 * Message authentication codes: HMAC (RFC 2202, RFC 4231), CMAC (NIST SP
 * 800-38B), XCBC (RFC 3566), GMAC (NIST SP 800-38D) and CBC-MAC (NIST SP
 * 800-38A's CBC).
 *
 * @module
 */

import { NIST_BLOCKS } from "./aes.ts";
import {
  counting,
  hex,
  type KnownAnswer,
  macAnswer,
  text,
} from "./known_answer.ts";

const filled = (byte: number, count: number) =>
  new Uint8Array(count).fill(byte);
const JEFE = text("Jefe");
const WHAT = text("what do ya want for nothing?");
const HI_THERE = text("Hi There");

const md5 = (number: number, key: Uint8Array, data: Uint8Array, code: string) =>
  macAnswer(`RFC 2202 §2, test case ${number}`, "hmac-md5", key, data, code);
const sha1 = (
  number: number,
  key: Uint8Array,
  data: Uint8Array,
  code: string,
) =>
  macAnswer(`RFC 2202 §3, test case ${number}`, "hmac-sha1", key, data, code);

const RFC_2202_LONG = text(
  "Test Using Larger Than Block-Size Key - Hash Key First",
);

const RFC_2202: readonly KnownAnswer[] = [
  md5(1, filled(0x0b, 16), HI_THERE, "9294727a3638bb1c13f48ef8158bfc9d"),
  md5(2, JEFE, WHAT, "750c783e6ab0b503eaa86e310a5db738"),
  md5(
    3,
    filled(0xaa, 16),
    filled(0xdd, 50),
    "56be34521d144c88dbb8c733f0e8b3f6",
  ),
  md5(6, filled(0xaa, 80), RFC_2202_LONG, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
  sha1(
    1,
    filled(0x0b, 20),
    HI_THERE,
    "b617318655057264e28bc0b6fb378c8ef146be00",
  ),
  sha1(2, JEFE, WHAT, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
  sha1(
    3,
    filled(0xaa, 20),
    filled(0xdd, 50),
    "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
  ),
  sha1(
    6,
    filled(0xaa, 80),
    RFC_2202_LONG,
    "aa4ae5e15272d00e95705637ce8a3b55ed402112",
  ),
];

/** RFC 4231: one input, the codes of the four SHA-2 functions. */
const rfc4231 = (
  section: string,
  key: Uint8Array,
  data: Uint8Array,
  codes: readonly [string, string, string, string],
) =>
  ["sha224", "sha256", "sha384", "sha512"].map((hash, i) =>
    macAnswer(`RFC 4231 §${section}`, `hmac-${hash}`, key, data, codes[i]!)
  );

const RFC_4231: readonly KnownAnswer[] = [
  ...rfc4231("4.2", filled(0x0b, 20), HI_THERE, [
    "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    `afd03944d84895626b0825f4ab46907f15f9dadbe4101ec6
     82aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6`,
    `87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
     daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854`,
  ]),
  ...rfc4231("4.3", JEFE, WHAT, [
    "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    `af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47
     e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649`,
    `164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
     9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737`,
  ]),
  ...rfc4231(
    "4.7",
    filled(0xaa, 131),
    text("Test Using Larger Than Block-Size Key - Hash Key First"),
    [
      "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      `4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f
       3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952`,
      `80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
       6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598`,
    ],
  ),
];

const BLOCKS = hex(NIST_BLOCKS);
const AES_KEYS = [
  "2b7e151628aed2a6abf7158809cf4f3c",
  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
].map(hex);

/** SP 800-38B §D: codes of the first so many bytes of the NIST blocks. */
const cmac = (
  section: string,
  algorithm: string,
  key: Uint8Array,
  codes: readonly (readonly [number, string])[],
) =>
  codes.map(([lengthBytes, code]) =>
    macAnswer(
      `NIST SP 800-38B ${section}`,
      algorithm,
      key,
      BLOCKS.subarray(0, lengthBytes),
      code,
    )
  );

const CMAC: readonly KnownAnswer[] = [
  ...cmac("D.1", "cmac-aes", AES_KEYS[0]!, [
    [0, "bb1d6929e95937287fa37d129b756746"],
    [16, "070a16b46b4d4144f79bdd9dd04a287c"],
    [40, "dfa66747de9ae63030ca32611497c827"],
    [64, "51f0bebf7e3b9d92fc49741779363cfe"],
  ]),
  ...cmac("D.2", "cmac-aes", AES_KEYS[1]!, [
    [0, "d17ddf46adaacde531cac483de7a9367"],
    [16, "9e99a7bf31e710900662f65e617c5184"],
    [40, "8a1de5be2eb31aad089a82e6ee908b0e"],
    [64, "a1d5df0eed790f794d77589659f39a11"],
  ]),
  ...cmac("D.3", "cmac-aes", AES_KEYS[2]!, [
    [0, "028962f61b7bf89efc6b551f4667d983"],
    [16, "28a7023f452e8f82bd4bf28d8c37c35c"],
    [40, "aaf3d8f1de5640c232f5b169b9c911e6"],
    [64, "e1992190549f6ed5696a2c056c315410"],
  ]),
  ...cmac(
    "D.4",
    "cmac-3des",
    hex("8aa83bf8cbda1062 0bc1bf19fbb6cd58 bc313d4a371ca8b5"),
    [
      [0, "b7a688e122ffaf95"],
      [8, "8e8f293136283797"],
      [20, "743ddbe0ce2dc2ed"],
      [32, "33e6b1092400eae5"],
    ],
  ),
];

const xcbc = (number: number, data: Uint8Array, code: string) =>
  macAnswer(
    `RFC 3566 §4.6, test case ${number}`,
    "xcbc-aes",
    counting(0, 15),
    data,
    code,
  );

// No other implementation of XCBC was at hand: the figures are the RFC's alone.
const XCBC: readonly KnownAnswer[] = [
  xcbc(1, hex(""), "75f0251d528ac01c4573dfd584d79f29"),
  xcbc(2, counting(0, 2), "5b376580ae2f19afe7219ceef172756f"),
  xcbc(3, counting(0, 15), "d2a246fa349b68a79998a4394ff7a263"),
  xcbc(4, counting(0, 19), "47f51b4564966215b8985c63055ed308"),
  xcbc(5, counting(0, 31), "f54f0ec8d2b9f3d36807734bd5283fd4"),
  xcbc(6, counting(0, 33), "becbb3bccdb518a30677d5481fb6b4d8"),
  xcbc(7, filled(0, 1000), "f0dafee895db30253761103b5d84528f"),
];

// The IV is the first 12 bytes of the source.
const GMAC: readonly KnownAnswer[] = [
  macAnswer(
    "NIST CAVP gcmEncryptExtIV128, empty plaintext",
    "gmac-aes",
    hex("77be63708971c4e240d1cb79e8d77feb"),
    hex("e0e00f19fed7ba0136a797f3 7a43ec1d9c0a5a78a0b16533a6213cab"),
    "209fcc8d3675ed938e9c7166709dd946",
  ),
  macAnswer(
    "McGrew and Viega, GCM, appendix B, test case 1",
    "gmac-aes",
    filled(0, 16),
    filled(0, 12),
    "58e2fccefa7e3061367f1d57a4e7455a",
  ),
  macAnswer(
    "McGrew and Viega, GCM, appendix B, test case 7",
    "gmac-aes",
    filled(0, 24),
    filled(0, 12),
    "cd33b28ac773f74ba00ed1f312572435",
  ),
  macAnswer(
    "McGrew and Viega, GCM, appendix B, test case 13",
    "gmac-aes",
    filled(0, 32),
    filled(0, 12),
    "530f8afbc74536b9a963b4f1c4cb738b",
  ),
];

// One block is SP 800-38A's ECB; four are the last block of CBC from zero.
const CBC_MAC: readonly KnownAnswer[] = [
  ["3ad77bb40d7a3660a89ecaf32466ef97", "a7356e1207bb406639e5e5ceb9a9ed93"],
  ["bd334f1d6e45f25ff712a214571fa5cc", "e3d75546dd970316733e6f1a7f0f6cf7"],
  ["f3eed1bdb5d2a03c064b5a7e3db181f8", "7e149874d994f5550bcbd66d917315d6"],
].flatMap((codes, i) =>
  codes.map((code, j) =>
    macAnswer(
      j === 0
        ? `NIST SP 800-38A F.1.${2 * i + 1}`
        : "NIST SP 800-38A §6.2, computed",
      "cbcmac-aes",
      AES_KEYS[i]!,
      BLOCKS.subarray(0, j === 0 ? 16 : 64),
      code,
    )
  )
);

/** Known answers of all codes. */
export const MAC_ANSWERS: readonly KnownAnswer[] = [
  ...RFC_2202,
  ...RFC_4231,
  ...CMAC,
  ...XCBC,
  ...GMAC,
  ...CBC_MAC,
];
