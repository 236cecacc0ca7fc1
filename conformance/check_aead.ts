/**
 * Checks of an AEAD: every length of data, associated data, vector and tag, and
 * that whatever is not genuine leaves no plaintext.
 *
 * @module
 */

import { type AeadAlgorithm, listLengths } from "../algorithms/catalogue.ts";
import type { AeadSession } from "../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backends/backend.ts";
import { AeadPair, type Sizes } from "./aead_pair.ts";
import type { Examiner } from "./examiner.ts";
import {
  ALL_LAYOUTS,
  randomLayout,
  smallLengths,
  someLargeLengths,
} from "./lengths.ts";
import type { Arrangement, Layout, Request } from "./operations.ts";

const DATA_RULE = { blockBytes: 1, minimumBytes: 0, mayBeEmpty: true };

/** Around the change of CCM's length encoding (SP 800-38C §A.2.2), and large. */
const ADDITIONAL_LENGTHS = [1, 15, 16, 17, 31, 255, 65279, 65280, 65537];

/** How requests lie that are refused. */
const REFUSED: ReadonlySet<Arrangement> = new Set(
  ["apart", "in-place", "adjacent", "shifted"] as const,
);

/** CCM's nonce of 13 bytes leaves 2 for the length (SP 800-38C §A.1). */
const longestData = (algorithm: AeadAlgorithm, ivBytes: number) =>
  algorithm.name === "ccm" ? 2 ** (8 * (15 - ivBytes)) - 1 : Infinity;

function checkSizes(
  pair: AeadPair,
  algorithm: AeadAlgorithm,
  sizes: Sizes,
  layout: Layout,
): void {
  if (sizes.dataBytes > longestData(algorithm, sizes.ivBytes)) return;
  const check = "against a second opinion";
  const request = pair.encryption(sizes);
  const sealed = pair.seal(request);
  const encrypted = pair.encrypt(check, request, layout, sealed);
  // Where nobody else knows the result, the backend must undo its own.
  const { destination: ciphertext, digest: tag } = encrypted ?? {};
  const decryption = pair.decryption(
    request,
    sealed ?? (ciphertext && tag && { ciphertext, tag }),
  );
  if (decryption) pair.decrypt(check, decryption, layout, request.source);
}

function checkLengths(
  pair: AeadPair,
  algorithm: AeadAlgorithm,
  isFirstKey: boolean,
): void {
  const { random } = pair.examiner;
  const ivLengths = listLengths(algorithm.ivBytes);
  const run = (
    dataBytes: number,
    additionalBytes: number,
    ivBytes = random.pick(ivLengths),
    layout = randomLayout(random, Math.max(dataBytes, additionalBytes)),
  ) =>
    checkSizes(
      pair,
      algorithm,
      { dataBytes, additionalBytes, ivBytes },
      layout,
    );
  for (const length of smallLengths(DATA_RULE)) {
    run(length, random.integer(40));
    run(length, 0);
  }
  for (const length of someLargeLengths(random, DATA_RULE, isFirstKey)) {
    run(length, 20);
  }
  for (const length of ADDITIONAL_LENGTHS) {
    run(33, length);
    run(0, length);
  }
  for (const ivBytes of ivLengths) run(100, 20, ivBytes);
  for (const layout of ALL_LAYOUTS) run(145, 21, undefined, layout);
}

/** Inputs that share bytes are read and no more. */
function checkSharedInputs(pair: AeadPair, ivBytes: number): void {
  for (const pieces of ["whole", "random", "single-bytes"] as const) {
    const request = pair.encryption({
      dataBytes: 90,
      additionalBytes: 0,
      ivBytes,
    });
    const shared = { ...request, additionalData: request.source.slice(0, 21) };
    const layout = { pieces, arrangement: "inputs-shared" } as const;
    const check = "associated data that is the start of the source";
    pair.encrypt(check, shared, layout, pair.seal(shared));
  }
}

function flip(bytes: Uint8Array, at: number, bit = 1): Uint8Array {
  const changed = bytes.slice();
  changed[at]! ^= bit;
  return changed;
}

/** Changes of a genuine decryption that must not pass. */
function forgeries(genuine: Request): [string, Request][] {
  const { tag, source, additionalData, iv } = genuine;
  const shorter = source.subarray(0, source.length - 1);
  return [
    ["wrong first byte of the tag", { ...genuine, tag: flip(tag!, 0) }],
    [
      "wrong byte amid the tag",
      { ...genuine, tag: flip(tag!, tag!.length >> 1) },
    ],
    [
      "wrong last bit of the tag",
      { ...genuine, tag: flip(tag!, tag!.length - 1, 0x80) },
    ],
    [
      "wrong associated data",
      { ...genuine, additionalData: flip(additionalData!, 3) },
    ],
    [
      "missing associated data",
      { ...genuine, additionalData: new Uint8Array(0) },
    ],
    ["wrong vector", { ...genuine, iv: flip(iv!, 2) }],
    ["wrong ciphertext", { ...genuine, source: flip(source, 50) }],
    [
      "truncated ciphertext",
      { ...genuine, source: shorter, destinationBytes: shorter.length },
    ],
  ];
}

function checkForgeries(
  pair: AeadPair,
  ivBytes: number,
  layouts: readonly Layout[],
): void {
  const sizes = { dataBytes: 200, additionalBytes: 24, ivBytes };
  for (const layout of layouts) {
    const request = pair.encryption(sizes);
    const genuine = pair.decryption(request);
    if (!genuine) return;
    const plaintext = request.source;
    for (const [check, forged] of forgeries(genuine)) {
      pair.refuse(check, forged, layout, plaintext);
    }
    pair.decrypt("genuine after forgeries", genuine, layout, plaintext);
  }
}

function checkLargeForgery(pair: AeadPair, ivBytes: number): void {
  const sizes = { dataBytes: 65535, additionalBytes: 24, ivBytes };
  const large = pair.encryption(sizes);
  const genuine = pair.decryption(large);
  if (!genuine) return;
  const forged = { ...genuine, tag: flip(genuine.tag!, 1) };
  for (const arrangement of ["apart", "in-place", "shifted"] as const) {
    const layout = { pieces: "random", arrangement } as const;
    pair.refuse("wrong tag of 65535 bytes", forged, layout, large.source);
  }
}

/** CCM data that its length field cannot hold must fail, not wrap around. */
function checkOverlong(examiner: Examiner, algorithm: AeadAlgorithm): void {
  const description: AeadSession = {
    service: "aead",
    algorithm: algorithm.name,
    direction: "encrypt",
    key: examiner.random.bytes(algorithm.keyBytes.minimum),
    tagBytes: algorithm.tagBytes[0]!,
  };
  examiner.withSession(description, (session) => {
    const request: Request = {
      kind: OperationKind.Encrypt,
      iv: examiner.random.bytes(13),
      source: new Uint8Array(65536),
      destinationBytes: 65536,
      digestBytes: description.tagBytes,
    };
    const expected = {
      status: OperationStatus.Failed,
      destination: new Uint8Array(0),
      digest: new Uint8Array(0),
    };
    const check = "65536 bytes under a nonce of 13";
    examiner.run({ check, description, session, request, expected });
  });
}

/** All checks of an AEAD with keys of `keyLengths`. */
export function checkAead(
  examiner: Examiner,
  algorithm: AeadAlgorithm,
  keyLengths: readonly number[],
): void {
  const ivLengths = listLengths(algorithm.ivBytes);
  for (const keyBytes of keyLengths) {
    const key = examiner.random.bytes(keyBytes);
    for (const tagBytes of algorithm.tagBytes) {
      const pair = new AeadPair(examiner, algorithm.name, key, tagBytes);
      pair.with(() => {
        const isLongest = tagBytes === algorithm.tagBytes.at(-1);
        for (const ivBytes of ivLengths) {
          const sizes = { dataBytes: 77, additionalBytes: 5, ivBytes };
          checkSizes(pair, algorithm, sizes, randomLayout(examiner.random, 77));
        }
        const ivBytes = examiner.random.pick(ivLengths);
        const layouts = isLongest
          ? ALL_LAYOUTS.filter(({ arrangement }) => REFUSED.has(arrangement))
          : [randomLayout(examiner.random, 9)];
        checkForgeries(pair, ivBytes, layouts);
        if (!isLongest) return;
        for (const other of ivLengths) {
          checkForgeries(pair, other, [randomLayout(examiner.random, 9)]);
        }
        checkLengths(pair, algorithm, keyBytes === keyLengths[0]);
        checkLargeForgery(pair, ivBytes);
        checkSharedInputs(pair, ivBytes);
      });
    }
  }
  if (algorithm.name === "ccm") checkOverlong(examiner, algorithm);
}
