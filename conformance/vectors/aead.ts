/**
 * AEAD: GCM (the vectors of McGrew and Viega's proposal, which NIST kept), CCM
 * (NIST SP 800-38C, RFC 3610) and ChaCha20-Poly1305 (RFC 8439).
 *
 * @module
 */

import { toHex } from "../../algorithms/hex.ts";
import {
  aeadAnswer,
  type AeadFigures,
  counting,
  hex,
  type KnownAnswer,
  text,
} from "./known_answer.ts";

const gcm = (testCase: string, figures: AeadFigures) =>
  aeadAnswer(
    `McGrew and Viega, GCM, appendix B, test case ${testCase}`,
    "gcm",
    figures,
  );

const NONE = hex("");
const ZERO_BLOCK = hex("00".repeat(16));
const ZERO_IV = "00".repeat(12);
const IV = "cafebabefacedbaddecaf888";
const KEY_128 = "feffe9928665731c6d6a8f9467308308";
const KEY_192 = `${KEY_128} feffe9928665731c`;
const KEY_256 = `${KEY_128} ${KEY_128}`;
const FOUR_BLOCKS = hex(`
  d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
  1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b391aafd255`);
const SHORTER = FOUR_BLOCKS.subarray(0, 60);
const ADDITIONAL_DATA = hex(
  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
);
const CASE_4_CIPHERTEXT = `
  42831ec2217774244b7221b784d0d49c e3aa212f2c02a4e035c17e2329aca12e
  21d514b25466931c7d8f6a5aac84aa05 1ba30b396a0aac973d58e091`;

const GCM: readonly KnownAnswer[] = [
  gcm("1", {
    key: "00".repeat(16),
    iv: ZERO_IV,
    source: NONE,
    destination: "",
    tag: "58e2fccefa7e3061367f1d57a4e7455a",
  }),
  gcm("2", {
    key: "00".repeat(16),
    iv: ZERO_IV,
    source: ZERO_BLOCK,
    destination: "0388dace60b6a392f328c2b971b2fe78",
    tag: "ab6e47d42cec13bdf53a67b21257bddf",
  }),
  gcm("3", {
    key: KEY_128,
    iv: IV,
    source: FOUR_BLOCKS,
    destination: `${CASE_4_CIPHERTEXT} 473f5985`,
    tag: "4d5c2af327cd64a62cf35abd2ba6fab4",
  }),
  gcm("4", {
    key: KEY_128,
    iv: IV,
    additionalData: ADDITIONAL_DATA,
    source: SHORTER,
    destination: CASE_4_CIPHERTEXT,
    tag: "5bc94fbc3221a5db94fae95ae7121a47",
  }),
  gcm("7", {
    key: "00".repeat(24),
    iv: ZERO_IV,
    source: NONE,
    destination: "",
    tag: "cd33b28ac773f74ba00ed1f312572435",
  }),
  gcm("8", {
    key: "00".repeat(24),
    iv: ZERO_IV,
    source: ZERO_BLOCK,
    destination: "98e7247c07f0fe411c267e4384b0f600",
    tag: "2ff58d80033927ab8ef4d4587514f0fb",
  }),
  gcm("10", {
    key: KEY_192,
    iv: IV,
    additionalData: ADDITIONAL_DATA,
    source: SHORTER,
    destination: `
      3980ca0b3c00e841eb06fac4872a2757 859e1ceaa6efd984628593b40ca1e19c
      7d773d00c144c525ac619d18c84a3f47 18e2448b2fe324d9ccda2710`,
    tag: "2519498e80f1478f37ba55bd6d27618c",
  }),
  gcm("13", {
    key: "00".repeat(32),
    iv: ZERO_IV,
    source: NONE,
    destination: "",
    tag: "530f8afbc74536b9a963b4f1c4cb738b",
  }),
  gcm("14", {
    key: "00".repeat(32),
    iv: ZERO_IV,
    source: ZERO_BLOCK,
    destination: "cea7403d4d606b6e074ec5d3baf39d18",
    tag: "d0d1c8a799996bf0265b98b5d48ab919",
  }),
  gcm("16", {
    key: KEY_256,
    iv: IV,
    additionalData: ADDITIONAL_DATA,
    source: SHORTER,
    destination: `
      522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
      8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662`,
    tag: "76fc6ece0f4e1768cddf8853bb2d551b",
  }),
];

/** A vector of 16 bytes is J0 itself: the 12 bytes of case 4 and a 1 … */
const J0: readonly KnownAnswer[] = [
  gcm("4, with J0 in place of its IV", {
    key: KEY_128,
    iv: `${IV} 00000001`,
    additionalData: ADDITIONAL_DATA,
    source: SHORTER,
    destination: CASE_4_CIPHERTEXT,
    tag: "5bc94fbc3221a5db94fae95ae7121a47",
  }),
  // … and what cases 5 and 6 name Y0, hashed from IVs of 8 and 60 bytes.
  gcm("5, with J0 in place of its IV", {
    key: KEY_128,
    iv: "c43a83c4c4badec4354ca984db252f7d",
    additionalData: ADDITIONAL_DATA,
    source: SHORTER,
    destination: `
      61353b4c2806934a777ff51fa22a4755 699b2a714fcdc6f83766e5f97b6c7423
      73806900e49f24b22b097544d4896b42 4989b5e1ebac0f07c23f4598`,
    tag: "3612d2e79e3b0785561be14aaca2fccb",
  }),
  gcm("6, with J0 in place of its IV", {
    key: KEY_128,
    iv: "3bab75780a31c059f83d2a44752f9864",
    additionalData: ADDITIONAL_DATA,
    source: SHORTER,
    destination: `
      8ce24998625615b603a033aca13fb894 be9112a5c3a211a8ba262a3cca7e2ca7
      01e4a9a4fba43c90ccdcb281d48c7c6f d62875d2aca417034c34aee5`,
    tag: "619cc5aefffe0bfa462af43c1699d050",
  }),
];

const CCM_KEY = toHex(counting(0x40, 0x4f));

const CCM: readonly KnownAnswer[] = [
  aeadAnswer("NIST SP 800-38C C.1", "ccm", {
    key: CCM_KEY,
    iv: toHex(counting(0x10, 0x16)),
    additionalData: counting(0, 7),
    source: counting(0x20, 0x23),
    destination: "7162015b",
    tag: "4dac255d",
  }),
  aeadAnswer("NIST SP 800-38C C.2", "ccm", {
    key: CCM_KEY,
    iv: toHex(counting(0x10, 0x17)),
    additionalData: counting(0, 0x0f),
    source: counting(0x20, 0x2f),
    destination: "d2a1f0e051ea5f62081a7792073d593d",
    tag: "1fc64fbfaccd",
  }),
  aeadAnswer("NIST SP 800-38C C.3", "ccm", {
    key: CCM_KEY,
    iv: toHex(counting(0x10, 0x1b)),
    additionalData: counting(0, 0x13),
    source: counting(0x20, 0x37),
    destination: "e3b201a9f5b71a7a9b1ceaeccd97e70b 6176aad9a4428aa5",
    tag: "484392fbc1b09951",
  }),
  // 65536 bytes of associated data: the long form of their length.
  aeadAnswer("NIST SP 800-38C C.4", "ccm", {
    key: CCM_KEY,
    iv: toHex(counting(0x10, 0x1c)),
    additionalData: counting(0, 65535),
    source: counting(0x20, 0x3f),
    destination: `
      69915dad1e84c6376a68c2967e4dab61 5ae0fd1faec44cc484828529463ccf72`,
    tag: "b4ac6bec93e8598e7f0dadbcea5b",
  }),
  aeadAnswer("RFC 3610 §8, packet vector 1", "ccm", {
    key: toHex(counting(0xc0, 0xcf)),
    iv: "00000003020100a0a1a2a3a4a5",
    additionalData: counting(0, 7),
    source: counting(0x08, 0x1e),
    destination: "588c979a61c663d2f066d0c2c0f98980 6d5f6b61dac384",
    tag: "17e8d12cfdf926e0",
  }),
];

const CHACHA20_POLY1305: readonly KnownAnswer[] = [
  aeadAnswer("RFC 8439 §2.8.2", "chacha20-poly1305", {
    key: toHex(counting(0x80, 0x9f)),
    iv: "070000004041424344454647",
    additionalData: hex("50515253c0c1c2c3c4c5c6c7"),
    source: text(
      "Ladies and Gentlemen of the class of '99: If I could offer you only " +
        "one tip for the future, sunscreen would be it.",
    ),
    destination: `
      d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
      3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
      92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
      3ff4def08e4b7a9de576d26586cec64b 6116`,
    tag: "1ae10b594f09e26a7e902ecbd0600691",
  }),
];

/** Known answers of GCM, CCM and ChaCha20-Poly1305. */
export const AEAD_ANSWERS: readonly KnownAnswer[] = [
  ...GCM,
  ...J0,
  ...CCM,
  ...CHACHA20_POLY1305,
];
