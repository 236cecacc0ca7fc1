/**
 * Requests that must succeed, with random contents: what is enciphered can be
 * deciphered, and a tag is genuine.
 *
 * @module
 */

import { algorithmByName } from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { plainSeal } from "../conformance/plain/aeads.ts";
import type { Random } from "../conformance/random.ts";
import type { DataRequest } from "../device/wire/data_request.ts";
import type { WireMode } from "../device/wire/mode.ts";
import { legalRequest, type RequestLengths } from "./valid_requests.ts";

/** A request, cut where its parts meet. */
export interface SoundRequest {
  readonly request: DataRequest;
  readonly readable: Uint8Array<ArrayBuffer>;
  /** Header and keys, IV, and source and associated data in the layout's order. */
  readonly inBytes: readonly number[];
  /** Destination and digest; without the status. */
  readonly outBytes: readonly number[];
}

/** The operations of a session's requests whose answers repeat themselves. */
export function repeatableOperations(
  description: SessionDescription,
): readonly number[] {
  switch (description.service) {
    case "akcipher":
      // A signature of ECDSA and padding for encryption are random.
      if (description.algorithm !== "rsa") return [];
      if (description.keyType === "public") return [3];
      return [description.padding === "raw" ? 1 : 2];
    case "hash":
    case "mac":
      return [0];
    case "aead":
      return [description.direction === "encrypt" ? 0 : 1];
    case "cipher":
      return [description.direction === "encrypt" ? 0 : 1];
    case "chain":
      return [description.cipher.direction === "encrypt" ? 0 : 1];
  }
}

/** One of the requests that a session allows. */
export function soundRequest(
  mode: WireMode,
  description: SessionDescription,
  sessionId: number | undefined,
  lengths: RequestLengths,
  random: Random,
): SoundRequest {
  const { request, readable, writableBytes } = legalRequest(
    mode,
    description,
    sessionId,
    lengths,
  );
  const variableAt = request.ivAt - shiftOf(description);
  readable.set(random.bytes(readable.length - variableAt), variableAt);
  // A number below the modulus, whatever that is.
  if (description.service === "akcipher") readable[request.sourceAt] = 0;
  seal(request, description, readable);
  const first = Math.min(request.sourceAt, request.additionalDataAt);
  const second = Math.max(request.sourceAt, request.additionalDataAt);
  return {
    request,
    readable,
    inBytes: [
      variableAt,
      first - variableAt,
      second - first,
      request.readableBytes - second,
    ],
    outBytes: request.digestAt < writableBytes &&
        request.opcode !== 0x301
      ? [request.digestAt, writableBytes - request.digestAt]
      : [writableBytes],
  };
}

/** Of CCM the nonce starts at the second byte of its field. */
const shiftOf = (description: SessionDescription): number =>
  description.service === "aead" &&
    algorithmByName("aead", description.algorithm)!.ivFieldBytes
    ? 1
    : 0;

/** Makes the source of a decryption genuine. */
function seal(
  request: DataRequest,
  description: SessionDescription,
  readable: Uint8Array,
): void {
  if (description.service !== "aead" || description.direction !== "decrypt") {
    return;
  }
  const { sourceAt, sourceBytes, additionalDataAt, ivAt, ivBytes } = request;
  const { algorithm, key, tagBytes } = description;
  const tagAt = sourceAt + sourceBytes - tagBytes;
  const sealed = plainSeal(
    algorithm,
    key,
    readable.slice(ivAt, ivAt + ivBytes),
    readable.slice(sourceAt, tagAt),
    readable.slice(
      additionalDataAt,
      additionalDataAt + request.additionalDataBytes,
    ),
    tagBytes,
  )!;
  readable.set(sealed.ciphertext, sourceAt);
  readable.set(sealed.tag, tagAt);
}
