/**
 * Hashes: RFC 1321 (MD5), FIPS 180-4 (SHA-1, SHA-2) and FIPS 202 (SHA-3, SHAKE).
 *
 * @module
 */

import { hashAnswer, type KnownAnswer, text } from "./known_answer.ts";

/** The messages of the standards' examples; the last one is of our own. */
const MESSAGES: readonly Uint8Array[] = [
  text(""),
  text("abc"),
  text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
  text("a".repeat(1000)),
];

const ofMessages = (
  standard: string,
  algorithm: string,
  digests: readonly string[],
) =>
  digests.map((digest, i) =>
    hashAnswer(standard, algorithm, MESSAGES[i]!, digest)
  );

const FIXED: readonly KnownAnswer[] = [
  ...ofMessages("RFC 1321 §A.5", "md5", [
    "d41d8cd98f00b204e9800998ecf8427e",
    "900150983cd24fb0d6963f7d28e17f72",
    "8215ef0796a20bcaaae116d3876c664a",
    "cabe45dcc9ae5b66ba86600cca6b8ba8",
  ]),
  ...ofMessages("FIPS 180-4 examples", "sha1", [
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "a9993e364706816aba3e25717850c26c9cd0d89d",
    "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    "291e9a6c66994949b57ba5e650361e98fc36b1ba",
  ]),
  ...ofMessages("FIPS 180-4 examples", "sha224", [
    "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
    "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525",
    "4e8f0ce90b64661a2b5e84be6d93a7d9b76871062f1814433d04a03d",
  ]),
  ...ofMessages("FIPS 180-4 examples", "sha256", [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3",
  ]),
  ...ofMessages("FIPS 180-4 examples", "sha384", [
    `38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da
       274edebfe76f65fbd51ad2f14898b95b`,
    `cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed
       8086072ba1e7cc2358baeca134c825a7`,
    `3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6
       b0455a8520bc4e6f5fe95b1fe3c8452b`,
    `f54480689c6b0b11d0303285d9a81b21a93bca6ba5a1b4472765dca4da45ee32
       8082d469c650cd3b61b16d3266ab8ced`,
  ]),
  ...ofMessages("FIPS 180-4 examples", "sha512", [
    `cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce
       47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e`,
    `ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
       2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f`,
    `204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335
       96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445`,
    `67ba5535a46e3f86dbfbed8cbbaf0125c76ed549ff8b0b9e03e0c88cf90fa634
       fa7b12b47d77b694de488ace8d9a65967dc96df599727d3292a8d9d447709c97`,
  ]),
  ...ofMessages("FIPS 202 examples", "sha3-224", [
    "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7",
    "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
    "8a24108b154ada21c9fd5574494479ba5c7e7ab76ef264ead0fcce33",
    "2461344b84416db8fe01c2a4966fea019590c231dd5724c1bfc26745",
  ]),
  ...ofMessages("FIPS 202 examples", "sha3-256", [
    "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
    "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376",
    "8f3934e6f7a15698fe0f396b95d8c4440929a8fa6eae140171c068b4549fbf81",
  ]),
  ...ofMessages("FIPS 202 examples", "sha3-384", [
    `0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2a
       c3713831264adb47fb6bd1e058d5f004`,
    `ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2
       98d88cea927ac7f539f1edf228376d25`,
    `991c665755eb3a4b6bbdfb75c78a492e8c56a22c5c4d7e429bfdbc32b9d4ad5a
       a04a1f076e62fea19eef51acd0657c22`,
    `ccf4495ff20b4b33a1cc1917f9f0fe0fcb5e3d08e542cf4d4a90dd950b748e7e
       1cc07d2f3b36d62dd240724417cdd81b`,
  ]),
  ...ofMessages("FIPS 202 examples", "sha3-512", [
    `a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6
       15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26`,
    `b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e
       10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0`,
    `04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f1e91636d
       ee691fbe0c985302ba1b0d8dc78c086346b533b49c030d99a27daf1139d6e75e`,
    `ac7e95cc95aa7f24aaa95e040ca0c79b39cd9cc84a10abb84ddd8dd5e4b45cf9
       6543aaa70d0ef99fbf8d2769639981ee1fd0b0276f4756b9d504d0b7de19b700`,
  ]),
];

/** Results shorter, equal to, and longer than a block of the sponge. */
const EXTENDABLE: readonly KnownAnswer[] = [
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text(""),
    "7f",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text(""),
    "7f9c2ba4e88f827d616045507605853e",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text(""),
    "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text(""),
    `7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26
       3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2
       35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2
       badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea
       17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef
       aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d
       ef58538b8d23f877`,
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text("abc"),
    "58",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text("abc"),
    "5881092dd818bf5cf8a3ddb793fbcba7",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text("abc"),
    "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake128",
    text("abc"),
    `5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8
       44c50af32acd3f2cdd066568706f509bc1bdde58295dae3f891a9a0fca578378
       9a41f8611214ce612394df286a62d1a2252aa94db9c538956c717dc2bed4f232
       a0294c857c730aa16067ac1062f1201fb0d377cfb9cde4c63599b27f3462bba4
       a0ed296c801f9ff7f57302bb3076ee145f97a32ae68e76ab66c48d51675bd49a
       cc29082f5647584e6aa01b3f5af057805f973ff8ecb8b226ac32ada6f01c1fcd
       4818cb006aa5b4cd`,
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text(""),
    "46",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text(""),
    "46b9dd2b0ba88d13233b3feb743eeb24",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text(""),
    "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text(""),
    `46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f
       d75dc4ddd8c0f200cb05019d67b592f6fc821c49479ab48640292eacb3b7c4be
       141e96616fb13957692cc7edd0b45ae3dc07223c8e92937bef84bc0eab862853
       349ec75546f58fb7c2775c38462c5010d846c185c15111e595522a6bcd16cf86
       f3d122109e3b1fdd943b6aec468a2d621a7c06c6a957c62b54dafc3be87567d6
       77231395f6147293b68ceab7a9e0c58d864e8efde4e1b9a46cbe854713672f5c
       aaae314ed9083dab`,
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text("abc"),
    "48",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text("abc"),
    "483366601360a8771c6863080cc4114d",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text("abc"),
    "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739",
  ),
  hashAnswer(
    "FIPS 202 §6.2",
    "shake256",
    text("abc"),
    `483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739
       d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4
       1385141204f329979fd3047a13c5657724ada64d2470157b3cdc288620944d78
       dbcddbd912993f0913f164fb2ce95131a2d09a3e6d51cbfc622720d7a75c6334
       e8a2d7ec71a7cc29cf0ea610eeff1a588290a53000faa79932becec0bd3cd0b3
       3a7e5d397fed1ada9442b99903f4dcfd8559ed3950faf40fe6f3b5d710ed3b67
       7513771af6bfe119`,
  ),
];

/** Known answers of all hashes. */
export const HASH_ANSWERS: readonly KnownAnswer[] = [...FIXED, ...EXTENDABLE];
