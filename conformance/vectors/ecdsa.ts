/**
 * ECDSA keys and signatures of the message "sample": RFC 6979 appendix A.2.
 *
 * @module
 */

import type { Curve } from "../../algorithms/public_key.ts";
import { hex, text } from "./known_answer.ts";

/** What was signed. */
export const ECDSA_MESSAGE = text("sample");

/** A key pair with signatures of the message's digests. */
export interface EcdsaAnswer {
  readonly curve: Curve["name"];
  readonly standard: string;
  /** The scalar, as long as a field element. */
  readonly privateKey: Uint8Array;
  /** The uncompressed point. */
  readonly publicKey: Uint8Array;
  /** Figures r and s in hexadecimal, by hash. */
  readonly signatures: readonly {
    readonly hash: string;
    readonly r: string;
    readonly s: string;
  }[];
}

/** One key pair of each curve. */
export const ECDSA_ANSWERS: readonly EcdsaAnswer[] = [
  {
    curve: "p192",
    standard: "RFC 6979 §A.2.3",
    privateKey: hex(`
      6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4`),
    publicKey: hex(`
      04
      ac2c77f529f91689fea0ea5efec7f210d8eea0b9e047ed563bc723e57670bd4887ebc732
      c523063d0a7c957bc97c1c43`),
    signatures: [
      {
        hash: "sha1",
        r: `98c6bd12b23eaf5e2a2045132086be3eb8ebd62abf6698ff`,
        s: `57a22b07dea9530f8de9471b1dc6624472e8e2844bc25b64`,
      },
      {
        hash: "sha256",
        r: `4b0b8ce98a92866a2820e20aa6b75b56382e0f9bfd5ecb55`,
        s: `ccdb006926ea9565cbadc840829d8c384e06de1f1e381b85`,
      },
      {
        hash: "sha512",
        r: `4d60c5ab1996bd848343b31c00850205e2ea6922dac2e4b8`,
        s: `3f6e837448f027a1bf4b34e796e32a811cbb4050908d8f67`,
      },
    ],
  },
  {
    curve: "p224",
    standard: "RFC 6979 §A.2.4",
    privateKey: hex(`
      f220266e1105bfe3083e03ec7a3a654651f45e37167e88600bf257c1`),
    publicKey: hex(`
      04
      00cf08da5ad719e42707fa431292dea11244d64fc51610d94b130d6ceeab6f3debe455e3
      dbf85416f7030cbd94f34f2d6f232c69f3c1385a`),
    signatures: [
      {
        hash: "sha1",
        r: `22226f9d40a96e19c4a301ce5b74b115303c0f3a4fd30fc257fb57ac`,
        s: `66d1cdd83e3af75605dd6e2feff196d30aa7ed7a2edf7af475403d69`,
      },
      {
        hash: "sha256",
        r: `61aa3da010e8e8406c656bc477a7a7189895e7e840cdfe8ff42307ba`,
        s: `bc814050dab5d23770879494f9e0a680dc1af7161991bde692b10101`,
      },
      {
        hash: "sha512",
        r: `074bd1d979d5f32bf958ddc61e4fb4872adcafeb2256497cdac30397`,
        s: `a4ceca196c3d5a1ff31027b33185dc8ee43f288b21ab342e5d8eb084`,
      },
    ],
  },
  {
    curve: "p256",
    standard: "RFC 6979 §A.2.5",
    privateKey: hex(`
      c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721`),
    publicKey: hex(`
      04
      60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe10
      08b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299`),
    signatures: [
      {
        hash: "sha1",
        r: `61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32`,
        s: `6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb`,
      },
      {
        hash: "sha256",
        r: `efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716`,
        s: `f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8`,
      },
      {
        hash: "sha512",
        r: `8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00`,
        s: `2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe`,
      },
    ],
  },
  {
    curve: "p384",
    standard: "RFC 6979 §A.2.6",
    privateKey: hex(`
      6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e
      4c70a825f872c9ea60d2edf5`),
    publicKey: hex(`
      04
      ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea
      9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9
      f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720`),
    signatures: [
      {
        hash: "sha1",
        r: `ec748d839243d6fbef4fc5c4859a7dffd7f3abddf72014540c16d73309834fa3
          7b9ba002899f6fda3a4a9386790d4eb2`,
        s: `a3bcfa947beef4732bf247ac17f71676cb31a847b9ff0cbc9c9ed4c1a5b3facf
          26f49ca031d4857570ccb5ca4424a443`,
      },
      {
        hash: "sha256",
        r: `21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33
          bde1e888e63355d92fa2b3c36d8fb2cd`,
        s: `f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feeb
          efdc63eccd1ac42ec0cb8668a4fa0ab0`,
      },
      {
        hash: "sha512",
        r: `ed0959d5880ab2d869ae7f6c2915c6d60f96507f9cb3e047c0046861da4a799c
          fe30f35cc900056d7c99cd7882433709`,
        s: `512c8cceee3890a84058ce1e22dbc2198f42323ce8aca9135329f03c068e5112
          dc7cc3ef3446defceb01a45c2667fdd5`,
      },
    ],
  },
  {
    curve: "p521",
    standard: "RFC 6979 §A.2.7",
    privateKey: hex(`
      00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb
      32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538`),
    publicKey: hex(`
      04
      01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d4
      6e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962
      cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828
      008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5`),
    signatures: [
      {
        hash: "sha1",
        r: `00343b6ec45728975ea5cba6659bbb6062a5ff89eea58be3c80b619f322c8791
          0fe092f7d45bb0f8eee01ed3f20babec079d202ae677b243ab40b5431d497c55
          d75d`,
        s: `00e7b0e675a9b24413d448b8cc119d2bf7b2d2df032741c096634d6d65d0dbe3
          d5694625fb9e8104d3b842c1b0e2d0b98bea19341e8676aef66ae4eba3d5475d
          5d16`,
      },
      {
        hash: "sha256",
        r: `01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b352601265
          9d16876e25c7c1e57648f23b73564d67f61c6f14d527d54972810421e7d87589
          e1a7`,
        s: `004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a34791
          6e4f7a72930b1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7
          ecfc`,
      },
      {
        hash: "sha512",
        r: `00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f
          174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e3
          77fa`,
        s: `00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af
          282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4
          a67a`,
      },
    ],
  },
];
