/**
 * AES as a cipher: NIST SP 800-38A appendix F.
 *
 * @module
 */

import { cipherAnswer, type KnownAnswer } from "./known_answer.ts";

const KEY_128 = "2b7e151628aed2a6abf7158809cf4f3c";
const KEY_192 = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const KEY_256 =
  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const IV = "000102030405060708090a0b0c0d0e0f";
const COUNTER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

/** The four blocks that the NIST examples encipher. */
export const NIST_BLOCKS = `
  6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
  30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`;

const answer = (
  section: string,
  mode: string,
  key: string,
  iv: string,
  destination: string,
) =>
  cipherAnswer(
    `NIST SP 800-38A ${section}`,
    `aes-${mode}`,
    key,
    iv,
    NIST_BLOCKS,
    destination,
  );

/** Known answers of AES-ECB, AES-CBC and AES-CTR. */
export const AES_ANSWERS: readonly KnownAnswer[] = [
  answer(
    "F.1.1",
    "ecb",
    KEY_128,
    "",
    `3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf
     43b1cd7f598ece23881b00e3ed030688 7b0c785e27e8ad3f8223207104725dd4`,
  ),
  answer(
    "F.1.3",
    "ecb",
    KEY_192,
    "",
    `bd334f1d6e45f25ff712a214571fa5cc 974104846d0ad3ad7734ecb3ecee4eef
     ef7afd2270e2e60adce0ba2face6444e 9a4b41ba738d6c72fb16691603c18e0e`,
  ),
  answer(
    "F.1.5",
    "ecb",
    KEY_256,
    "",
    `f3eed1bdb5d2a03c064b5a7e3db181f8 591ccb10d410ed26dc5ba74a31362870
     b6ed21b99ca6f4f9f153e7b1beafed1d 23304b7a39f9f3ff067d8d8f9e24ecc7`,
  ),
  answer(
    "F.2.1",
    "cbc",
    KEY_128,
    IV,
    `7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
     73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7`,
  ),
  answer(
    "F.2.3",
    "cbc",
    KEY_192,
    IV,
    `4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a
     571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd`,
  ),
  answer(
    "F.2.5",
    "cbc",
    KEY_256,
    IV,
    `f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d
     39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b`,
  ),
  answer(
    "F.5.1",
    "ctr",
    KEY_128,
    COUNTER,
    `874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
     5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee`,
  ),
  answer(
    "F.5.3",
    "ctr",
    KEY_192,
    COUNTER,
    `1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94
     1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050`,
  ),
  answer(
    "F.5.5",
    "ctr",
    KEY_256,
    COUNTER,
    `601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
     2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6`,
  ),
  // The counter block as a whole wraps around (SP 800-38A §B.1, m = 128).
  cipherAnswer(
    "NIST SP 800-38A §B.1, made from F.1.1's cipher",
    "aes-ctr",
    KEY_128,
    "ffffffffffffffffffffffffffffffff",
    "00000000000000000000000000000000 00000000000000000000000000000000",
    "8af2860142f786f409307c1a3f7eaaac 7df76b0c1ab899b33e42f047b91b546f",
  ),
];
