/**
 * AEAD sessions.
 *
 * @module
 */

import {
  type AeadAlgorithm,
  algorithmByName,
  allowsLength,
} from "../../algorithms/catalogue.ts";
import {
  dataFits,
  type DataLimit,
  dataLimit,
} from "../../algorithms/legality.ts";
import type { AeadSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import type { Aead } from "./aead.ts";
import { makeAead } from "./aeads.ts";
import { Block } from "./block_modes.ts";
import type { Workspace } from "./workspace.ts";
import type { NobleSession } from "./session.ts";

/** Compares without telling by time where a difference is. */
function tagsEqual(a: Uint8Array, b: Uint8Array, lengthBytes: number): boolean {
  let difference = 0;
  for (let i = 0; i < lengthBytes; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

export class NobleAeadSession implements NobleSession {
  readonly #aead: Aead;
  readonly #algorithm: AeadAlgorithm;
  readonly #limit: DataLimit;
  readonly #tagBytes: number;
  readonly #decrypts: boolean;
  readonly #tag = new Block();
  readonly #givenTag = new Block();

  constructor(description: AeadSession) {
    const { algorithm, key, tagBytes, direction } = description;
    this.#aead = makeAead(algorithm, key, tagBytes);
    this.#algorithm = algorithmByName("aead", algorithm)!;
    this.#limit = dataLimit(this.#algorithm);
    this.#tagBytes = tagBytes;
    this.#decrypts = direction === "decrypt";
  }

  run(operation: Operation, workspace: Workspace): OperationStatus {
    const kind = this.#decrypts ? OperationKind.Decrypt : OperationKind.Encrypt;
    if (operation.kind !== kind) return OperationStatus.Unsupported;
    const { ivBytes, source } = operation;
    if (
      !allowsLength(this.#algorithm.ivBytes, ivBytes) ||
      !dataFits(this.#limit, ivBytes, source.totalBytes)
    ) return OperationStatus.Failed;
    return this.#decrypts
      ? this.#decrypt(operation, workspace)
      : this.#encrypt(operation, workspace);
  }

  wipe(): void {
    this.#aead.wipe();
    this.#tag.wipe();
    this.#givenTag.wipe();
  }

  #encrypt(operation: Operation, workspace: Workspace): OperationStatus {
    const iv = operation.iv.subarray(0, operation.ivBytes);
    const additionalData = workspace.additional.gather(
      operation.additionalData,
    );
    const data = workspace.data.gather(operation.source);
    this.#aead.encrypt(
      iv,
      additionalData,
      workspace.data,
      data.length,
      this.#tag,
    );
    operation.destination.write(0, data);
    operation.digest.write(0, this.#tag.bytes.subarray(0, this.#tagBytes));
    operation.writtenBytes = data.length;
    return OperationStatus.Ok;
  }

  /** Deciphers privately; the guest gets plaintext after the tag is checked. */
  #decrypt(operation: Operation, workspace: Workspace): OperationStatus {
    const iv = operation.iv.subarray(0, operation.ivBytes);
    const additionalData = workspace.additional.gather(
      operation.additionalData,
    );
    const data = workspace.data.gather(operation.source);
    const given = this.#givenTag.bytes.subarray(0, this.#tagBytes);
    operation.digest.read(0, given);
    this.#aead.decrypt(
      iv,
      additionalData,
      workspace.data,
      data.length,
      this.#tag,
    );
    if (!tagsEqual(this.#tag.bytes, given, this.#tagBytes)) {
      data.fill(0);
      return OperationStatus.BadTag;
    }
    operation.destination.write(0, data);
    operation.writtenBytes = data.length;
    return OperationStatus.Ok;
  }
}
