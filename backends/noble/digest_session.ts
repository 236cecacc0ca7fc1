/**
 * HASH and MAC sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type { MacSession } from "../../algorithms/session_description.ts";
import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import { makeBlockMac } from "./block_macs.ts";
import { Block } from "./block_modes.ts";
import type { Digest } from "./digest.ts";
import { GcmAead } from "./gcm.ts";
import { makeHmac } from "./hashes.ts";
import type { Workspace } from "./workspace.ts";
import type { NobleSession } from "./session.ts";

/** The MAC with the catalogue's name, but for GMAC, which takes a vector. */
export function makeMac(name: string, key: Uint8Array): Digest {
  const { hash } = algorithmByName("mac", name)!;
  return hash ? makeHmac(hash, key) : makeBlockMac(name, key);
}

/** Feeds guest memory piece by piece; every byte of it is read once. */
export function updateWithSegments(digest: Digest, segments: Segments): void {
  for (let i = 0; i < segments.count; i++) digest.update(segments.view(i));
}

/** Finishes `digest` and writes its first `resultBytes` to the guest. */
export function writeDigest(
  digest: Digest,
  resultBytes: number,
  operation: Operation,
  workspace: Workspace,
): OperationStatus {
  const result = workspace.digest.take(resultBytes);
  if (!digest.finish(result)) return OperationStatus.Failed;
  operation.digest.write(0, result);
  return OperationStatus.Ok;
}

/** Any HASH, and any MAC without a vector. */
export class NobleDigestSession implements NobleSession {
  readonly #digest: Digest;
  readonly #resultBytes: number;

  constructor(digest: Digest, resultBytes: number) {
    this.#digest = digest;
    this.#resultBytes = resultBytes;
  }

  run(operation: Operation, workspace: Workspace): OperationStatus {
    if (operation.kind !== OperationKind.Digest) {
      return OperationStatus.Unsupported;
    }
    this.#digest.restart();
    updateWithSegments(this.#digest, operation.source);
    return writeDigest(this.#digest, this.#resultBytes, operation, workspace);
  }

  wipe(): void {
    this.#digest.wipe();
  }
}

/** GMAC: GCM without plaintext; the vector opens the source data. */
export class GmacSession implements NobleSession {
  readonly #gcm: GcmAead;
  readonly #ivBytes: number;
  readonly #resultBytes: number;
  readonly #tag = new Block();

  constructor(description: MacSession) {
    this.#gcm = new GcmAead(description.key);
    this.#ivBytes = algorithmByName("mac", description.algorithm)!.ivBytes;
    this.#resultBytes = description.resultBytes;
  }

  run(operation: Operation, workspace: Workspace): OperationStatus {
    const { source } = operation;
    if (operation.kind !== OperationKind.Digest) {
      return OperationStatus.Unsupported;
    }
    if (source.totalBytes < this.#ivBytes) return OperationStatus.Failed;
    const bytes = workspace.additional.gather(source);
    this.#gcm.encrypt(
      bytes.subarray(0, this.#ivBytes),
      bytes.subarray(this.#ivBytes),
      workspace.data,
      0,
      this.#tag,
    );
    operation.digest.write(0, this.#tag.bytes.subarray(0, this.#resultBytes));
    return OperationStatus.Ok;
  }

  wipe(): void {
    this.#gcm.wipe();
    this.#tag.wipe();
  }
}
