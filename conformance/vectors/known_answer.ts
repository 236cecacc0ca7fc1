/**
 * The shape of a known answer: a session, what goes in and what must come out.
 *
 * @module
 */

import { fromHex } from "../../algorithms/hex.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";

/** One known answer. Ciphers and AEAD are given as encryption and run both ways. */
export interface KnownAnswer {
  /** Where it is published. */
  readonly standard: string;
  readonly session: SessionDescription;
  readonly iv?: Uint8Array;
  readonly source: Uint8Array;
  readonly additionalData?: Uint8Array;
  readonly destination?: Uint8Array;
  /** Digest, code or tag. */
  readonly digest?: Uint8Array;
}

/** Bytes of hexadecimal figures, which may stand in groups. */
export const hex = (figures: string): Uint8Array =>
  fromHex(figures.replaceAll(/\s/g, ""));

/** Bytes of ASCII text. */
export const text = (ascii: string): Uint8Array =>
  new TextEncoder().encode(ascii);

/** `first`, `first + 1`, … `last`, each modulo 256. */
export const counting = (first: number, last: number): Uint8Array =>
  Uint8Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** A cipher's answer. */
export const cipherAnswer = (
  standard: string,
  algorithm: string,
  key: string,
  iv: string,
  source: string,
  destination: string,
): KnownAnswer => ({
  standard,
  session: {
    service: "cipher",
    algorithm,
    direction: "encrypt",
    key: hex(key),
  },
  iv: hex(iv),
  source: hex(source),
  destination: hex(destination),
});

/** A hash's answer; the result is as long as `digest`. */
export const hashAnswer = (
  standard: string,
  algorithm: string,
  source: Uint8Array,
  digest: string,
): KnownAnswer => ({
  standard,
  session: {
    service: "hash",
    algorithm,
    resultBytes: hex(digest).length,
  },
  source,
  digest: hex(digest),
});

/** A code's answer; the result is as long as `digest`. */
export const macAnswer = (
  standard: string,
  algorithm: string,
  key: Uint8Array,
  source: Uint8Array,
  digest: string,
): KnownAnswer => ({
  standard,
  session: {
    service: "mac",
    algorithm,
    key,
    resultBytes: hex(digest).length,
  },
  source,
  digest: hex(digest),
});

/** What an AEAD answer consists of. */
export interface AeadFigures {
  readonly key: string;
  readonly iv: string;
  readonly additionalData?: Uint8Array;
  readonly source: Uint8Array;
  readonly destination: string;
  readonly tag: string;
}

/** An AEAD's answer; the tag is as long as `tag`. */
export const aeadAnswer = (
  standard: string,
  algorithm: string,
  figures: AeadFigures,
): KnownAnswer => ({
  standard,
  session: {
    service: "aead",
    algorithm,
    direction: "encrypt",
    key: hex(figures.key),
    tagBytes: hex(figures.tag).length,
  },
  iv: hex(figures.iv),
  source: figures.source,
  ...(figures.additionalData && { additionalData: figures.additionalData }),
  destination: hex(figures.destination),
  digest: hex(figures.tag),
});
