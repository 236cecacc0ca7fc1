/**
 * Whether a request is what its session was made for, and of lengths that its
 * algorithm allows.
 *
 * @module
 */

import { allowsLength } from "../algorithms/catalogue.ts";
import { dataFits } from "../algorithms/legality.ts";
import { OperationKind } from "../backends/backend.ts";
import type { SessionRules } from "./session/session_rules.ts";
import type { DataRequest } from "./wire/data_request.ts";
import { ServiceNumber, SERVICES, SymmetricOperation } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

function requestedService(request: DataRequest): SessionRules["service"] {
  return request.service === ServiceNumber.Cipher &&
      request.opType === SymmetricOperation.Chaining
    ? "chain"
    : SERVICES[request.service]!;
}

/**
 * Ok, or Error where the session does not allow the request. `tagEndsSource`:
 * the source of an AEAD decryption ends with the tag.
 */
export function checkRequest(
  request: DataRequest,
  rules: SessionRules,
  tagEndsSource: boolean,
): Status {
  if (requestedService(request) !== rules.service) return Status.Error;
  // Linux leaves the header's algorithm 0.
  if (
    request.algorithm !== 0 && request.algorithm !== rules.algorithmNumber
  ) return Status.Error;
  if (
    rules.direction !== undefined &&
    rules.direction !== ((request.opcode & 1) === 0 ? "encrypt" : "decrypt")
  ) return Status.Error;
  if (!allowsLength(rules.iv, request.ivBytes)) return Status.Error;
  if (request.digestBytes !== rules.digestBytes) return Status.Error;
  return lengthsFit(request, rules, tagEndsSource) ? Status.Ok : Status.Error;
}

function lengthsFit(
  request: DataRequest,
  rules: SessionRules,
  tagEndsSource: boolean,
): boolean {
  const { sourceBytes, destinationBytes } = request;
  switch (rules.service) {
    case "cipher":
      return sourceBytes === destinationBytes &&
        cipherLengthFits(sourceBytes, rules);
    case "chain":
      return sourceBytes === destinationBytes &&
        cipherLengthFits(request.cipherBytes, rules) &&
        macLengthFits(request.additionalDataBytes + request.hashBytes, rules);
    case "mac":
      return macLengthFits(sourceBytes, rules) &&
        dataFits(rules, 0, sourceBytes - rules.macIvBytes);
    case "aead":
      return aeadLengthFits(request, rules, tagEndsSource);
    default:
      return true;
  }
}

function cipherLengthFits(lengthBytes: number, rules: SessionRules): boolean {
  return lengthBytes % rules.blockBytes === 0 &&
    (lengthBytes === 0 || lengthBytes >= rules.minimumBytes) &&
    dataFits(rules, 0, lengthBytes);
}

function macLengthFits(lengthBytes: number, rules: SessionRules): boolean {
  const dataBytes = lengthBytes - rules.macIvBytes;
  return dataBytes >= 0 && dataBytes % rules.macBlockBytes === 0;
}

function aeadLengthFits(
  request: DataRequest,
  rules: SessionRules,
  tagEndsSource: boolean,
): boolean {
  const tagBytes = tagEndsSource && rules.direction === "decrypt"
    ? rules.digestBytes
    : 0;
  return dataFits(rules, request.ivBytes, request.sourceBytes - tagBytes);
}

/** What the request asks a backend to do. */
export function operationKind(request: DataRequest): OperationKind {
  switch (request.service) {
    case ServiceNumber.Hash:
    case ServiceNumber.Mac:
      return OperationKind.Digest;
    case ServiceNumber.Akcipher:
      return AKCIPHER_KINDS[request.opcode & 3]!;
    default:
      return (request.opcode & 1) === 0
        ? OperationKind.Encrypt
        : OperationKind.Decrypt;
  }
}

const AKCIPHER_KINDS: readonly OperationKind[] = [
  OperationKind.Encrypt,
  OperationKind.Decrypt,
  OperationKind.Sign,
  OperationKind.Verify,
];
