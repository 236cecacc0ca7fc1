/**
 * SHA and HMAC.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { HashAlgorithm } from "../../ffi/ipsec_mb_layout.ts";
import { makeHash, makeHmac } from "../noble/hashes.ts";
import { LANE_BYTES } from "./ciphers.ts";
import { type Beyond, HashKernel } from "./hash_kernel.ts";
import { NativeBlock } from "./native_memory.ts";

type Sha = "sha1" | "sha224" | "sha256" | "sha384" | "sha512";

/** The jobs of a hash. */
const JOBS: Readonly<Record<Sha, { plain: number; hmac: number }>> = {
  sha1: { plain: HashAlgorithm.SHA_1, hmac: HashAlgorithm.HMAC_SHA_1 },
  sha224: { plain: HashAlgorithm.SHA_224, hmac: HashAlgorithm.HMAC_SHA_224 },
  sha256: { plain: HashAlgorithm.SHA_256, hmac: HashAlgorithm.HMAC_SHA_256 },
  sha384: { plain: HashAlgorithm.SHA_384, hmac: HashAlgorithm.HMAC_SHA_384 },
  sha512: { plain: HashAlgorithm.SHA_512, hmac: HashAlgorithm.HMAC_SHA_512 },
};

/** Names of the hashes that the library has. */
export const HASH_NAMES: readonly string[] = Object.keys(JOBS);

/** `IMB_HASH_ALG` of a hash or of HMAC over it, if the library has it. */
export const hashAlgorithm = (
  hash: string | undefined,
  manner: "plain" | "hmac",
): number | undefined => JOBS[hash as Sha]?.[manner];

/** HMAC's paddings of the key (RFC 2104 §2). */
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

export function makeHashKernel(library: IpsecMb, name: string): HashKernel {
  const job = JOBS[name as Sha];
  if (!job) throw new Error(`ipsec-mb has no hash ${name}`);
  return new HashKernel(library, {
    algorithm: job.plain,
    digestBytes: algorithmByName("hash", name)!.digestBytes,
    shortestBytes: 1,
    longestBytes: LANE_BYTES,
    beyond: (runner, at, lengthBytes, result) => {
      const message = runner.bytes.subarray(at, at + lengthBytes);
      library.cold[name as Sha](message, BigInt(lengthBytes), result);
      return true;
    },
    blocks: [],
  });
}

/** Where an HMAC key's block memory has what. */
const INNER_STATE = 0;
const OUTER_STATE = 64;
const INNER_BLOCK = 128;
const OUTER_BLOCK = 256;
const HMAC_KEY_BYTES = 384;

function padKey(key: Uint8Array, block: Uint8Array, pad: number): void {
  block.fill(pad);
  for (let i = 0; i < key.length; i++) block[i]! ^= key[i]!;
}

/** The states after the padded key's blocks, and those blocks. */
function prepareHmac(
  library: IpsecMb,
  hash: Sha | "md5",
  key: Uint8Array,
): NativeBlock {
  const { blockBytes } = algorithmByName("hash", hash)!;
  const block = new NativeBlock(HMAC_KEY_BYTES);
  const inner = block.bytes.subarray(INNER_BLOCK, INNER_BLOCK + blockBytes);
  const outer = block.bytes.subarray(OUTER_BLOCK, OUTER_BLOCK + blockBytes);
  const short = key.length > blockBytes ? hashKey(library, hash, key) : key;
  padKey(short, inner, INNER_PAD);
  padKey(short, outer, OUTER_PAD);
  if (short !== key) short.fill(0);
  const compress = library.cold[`${hash}_one_block`];
  compress(inner, block.bytes.subarray(INNER_STATE));
  compress(outer, block.bytes.subarray(OUTER_STATE));
  return block;
}

function hashKey(library: IpsecMb, hash: Sha | "md5", key: Uint8Array) {
  const { digestBytes } = algorithmByName("hash", hash)!;
  const digest = new Uint8Array(digestBytes);
  if (hash === "md5") {
    const md5 = makeHash("md5", digestBytes);
    md5.start();
    md5.update(key as Uint8Array<ArrayBuffer>);
    digest.set(md5.finish()!);
  } else {
    const length = BigInt(key.length);
    library.cold[hash](key as Uint8Array<ArrayBuffer>, length, digest);
  }
  return digest;
}

const hmacSettings = (
  block: NativeBlock,
  digestBytes: number,
) => ({
  digestBytes,
  u: [block.address + INNER_STATE, block.address + OUTER_STATE],
  shortestBytes: 1,
  longestBytes: LANE_BYTES,
  blocks: [block],
});

/** HMAC by two whole hashes: the padded key is put before the message. */
function hmacBeyond(library: IpsecMb, hash: Sha, key: NativeBlock): Beyond {
  const { blockBytes, digestBytes } = algorithmByName("hash", hash)!;
  const block = (start: number) =>
    key.bytes.subarray(start, start + blockBytes);
  const outer = new Uint8Array(blockBytes + digestBytes);
  const compute = library.cold[hash];
  return (runner, at, lengthBytes, result) => {
    const start = at - blockBytes;
    const { bytes } = runner;
    bytes.set(block(INNER_BLOCK), start);
    const inner = bytes.subarray(start, at + lengthBytes);
    outer.set(block(OUTER_BLOCK));
    compute(inner, BigInt(inner.length), result);
    inner.fill(0, 0, blockBytes);
    outer.set(result, blockBytes);
    compute(outer, BigInt(outer.length), result);
    outer.fill(0);
    return true;
  };
}

function makeHmacMd5(library: IpsecMb, key: Uint8Array): HashKernel {
  const block = prepareHmac(library, "md5", key);
  // The library has no MD5 for messages that its jobs refuse.
  const beyond = makeHmac("md5", key);
  return new HashKernel(library, {
    ...hmacSettings(block, 16),
    algorithm: HashAlgorithm.MD5,
    beyond: (runner, at, lengthBytes, result) => {
      beyond.start();
      beyond.update(runner.bytes.subarray(at, at + lengthBytes));
      result.set(beyond.finish()!.subarray(0, result.length));
      return true;
    },
    wipe: () => beyond.close(),
  });
}

/** HMAC over a hash of the catalogue. */
export function makeHmacKernel(
  library: IpsecMb,
  hash: string,
  key: Uint8Array,
): HashKernel {
  if (hash === "md5") return makeHmacMd5(library, key);
  const { digestBytes } = algorithmByName("hash", hash)!;
  const block = prepareHmac(library, hash as Sha, key);
  return new HashKernel(library, {
    ...hmacSettings(block, digestBytes),
    algorithm: JOBS[hash as Sha].hmac,
    beyond: hmacBeyond(library, hash as Sha, block),
  });
}
