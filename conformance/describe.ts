/**
 * Sessions, requests and statuses in words, for failures.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import { OperationKind, OperationStatus } from "../backends/backend.ts";
import type { Layout, Request } from "./operations.ts";

const STATUS_NAMES: Readonly<Partial<Record<number, string>>> = {
  [OperationStatus.Ok]: "Ok",
  [OperationStatus.Failed]: "Failed",
  [OperationStatus.BadTag]: "BadTag",
  [OperationStatus.Unsupported]: "Unsupported",
  [OperationStatus.KeyRejected]: "KeyRejected",
  [OperationStatus.Elsewhere]: "Elsewhere",
  [OperationStatus.Unavailable]: "Unavailable",
  [OperationStatus.Pending]: "Pending",
};

const KIND_NAMES: Readonly<Record<OperationKind, string>> = {
  [OperationKind.Encrypt]: "encrypt",
  [OperationKind.Decrypt]: "decrypt",
  [OperationKind.Digest]: "digest",
  [OperationKind.Sign]: "sign",
  [OperationKind.Verify]: "verify",
};

/** A status by its name. */
export function statusName(status: OperationStatus): string {
  return STATUS_NAMES[status] ?? `status ${status}`;
}

/** A session in a few words, without its keys. */
export function sessionInWords(session: SessionDescription): string {
  switch (session.service) {
    case "hash":
      return `${session.algorithm} to ${session.resultBytes} bytes`;
    case "mac":
      return `${session.algorithm}, key of ${session.key.length}, ` +
        `to ${session.resultBytes} bytes`;
    case "cipher":
      return `${session.algorithm}, key of ${session.key.length}`;
    case "aead":
      return `${session.algorithm}, key of ${session.key.length}, ` +
        `tag of ${session.tagBytes}`;
    case "chain":
      return `${session.cipher.algorithm} (key of ` +
        `${session.cipher.key.length}) and ${session.hashAlgorithm} to ` +
        `${session.resultBytes} bytes, ${session.order}`;
    case "akcipher":
      return session.algorithm === "rsa"
        ? `rsa ${session.padding} ${session.hash}, ${session.keyType} key`
        : `ecdsa ${session.curve}, ${session.keyType} key`;
  }
}

/** A request and its layout in a few words. */
export function requestInWords(request: Request, layout: Layout): string {
  const parts = [
    `${KIND_NAMES[request.kind]} ${request.source.length} bytes`,
  ];
  if (request.iv?.length) parts.push(`IV of ${request.iv.length}`);
  if (request.additionalData?.length) {
    parts.push(`${request.additionalData.length} additional`);
  }
  if (request.cipherBytes !== undefined) {
    parts.push(
      `cipher ${request.cipherStart}+${request.cipherBytes}`,
      `hash ${request.hashStart}+${request.hashBytes}`,
    );
  }
  return `${parts.join(", ")}, ${layout.pieces}/${layout.arrangement}`;
}
