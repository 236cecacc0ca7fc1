/**
 * A backend written straight from the standards, with no thought of speed or
 * of secrets: the second opinion of the conformance kit.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import { findIllegal } from "../../algorithms/legality.ts";
import {
  keysOf,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  OperationKind,
  type OperationsBackend,
  OperationStatus,
  type Probe,
} from "../../backends/backend.ts";
import type { Request } from "../operations.ts";
import { compute } from "./compute.ts";
import { readEcdsaKey } from "./ecdsa.ts";
import { readRsaKey } from "./rsa.ts";

/** What nothing that the runtime has can be composed to. */
const UNKNOWN = new Set([
  "kasumi-f8",
  "kasumi-f9",
  "cbcmac-kasumi-f9",
  "snow3g-uea2",
  "snow3g-uia2",
  "zuc-eea3",
  "zuc-eia3",
  "gmac-twofish",
]);

interface PlainSession {
  readonly description: SessionDescription;
}

function probe(): Probe {
  const known = ALGORITHMS.filter(({ name }) => !UNKNOWN.has(name));
  const reason = "No block cipher for it in the runtime";
  return {
    ready: true,
    version: "straight from the standards",
    offers: known.map((entry) => ({ algorithm: qualifiedName(entry) })),
    missing: [],
    notOffered: Object.fromEntries(
      ALGORITHMS.filter(({ name }) => UNKNOWN.has(name))
        .map((entry) => [qualifiedName(entry), reason]),
    ),
  };
}

function openSession(description: SessionDescription): PlainSession {
  const illegal = findIllegal(description);
  if (illegal) throw new TypeError(`Cannot open session: ${illegal.reason}`);
  const { service } = description;
  const names = service === "chain"
    ? [description.cipher.algorithm, description.hashAlgorithm]
    : [description.algorithm];
  const unknown = names.find((name) => UNKNOWN.has(name));
  if (unknown) throw new TypeError(`Cannot open session: no ${unknown}`);
  if (service === "akcipher") {
    if (description.algorithm === "rsa") readRsaKey(description);
    else readEcdsaKey(description);
  }
  return { description: structuredClone(description) };
}

function toRequest(operation: Operation, needsTag: boolean): Request {
  const request = {
    kind: operation.kind,
    iv: operation.iv.slice(0, operation.ivBytes),
    source: operation.source.copy(),
    additionalData: operation.additionalData.copy(),
    destinationBytes: operation.destination.totalBytes,
    digestBytes: operation.digest.totalBytes,
    cipherStart: operation.cipherStart,
    cipherBytes: operation.cipherBytes,
    hashStart: operation.hashStart,
    hashBytes: operation.hashBytes,
  };
  return needsTag ? { ...request, tag: operation.digest.copy() } : request;
}

function runOne(operation: Operation): void {
  const { description } = operation.session as PlainSession;
  const opens = description.service === "aead" &&
    operation.kind === OperationKind.Decrypt;
  const result = compute(description, toRequest(operation, opens))!;
  operation.status = result.status;
  operation.writtenBytes = result.destination.length;
  if (result.status !== OperationStatus.Ok) return;
  operation.destination.write(0, result.destination);
  if (!opens) operation.digest.write(0, result.digest);
}

function open(): BackendThread {
  return {
    openSession,
    closeSession(session) {
      const { description } = session as PlainSession;
      for (const key of keysOf(description)) key.fill(0);
    },
    run(operations, count) {
      for (let i = 0; i < count; i++) runOne(operations[i]!);
    },
    close() {},
  };
}

const plainBackend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "plain",
  probe,
  open,
};

export default plainBackend;
