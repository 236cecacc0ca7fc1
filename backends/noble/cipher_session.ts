/**
 * CIPHER sessions.
 *
 * @module
 */

import {
  algorithmByName,
  type CipherAlgorithm,
} from "../../algorithms/catalogue.ts";
import type { CipherSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import type { Mode } from "./block_modes.ts";
import { makeMode } from "./ciphers.ts";
import type { Workspace } from "./workspace.ts";
import type { NobleSession } from "./session.ts";

/** A cipher with the lengths that it takes; chains use it as well. */
export class KeyedCipher {
  readonly #algorithm: CipherAlgorithm;
  readonly #mode: Mode;

  constructor(description: Omit<CipherSession, "service">) {
    const { algorithm, key, direction } = description;
    this.#algorithm = algorithmByName("cipher", algorithm)!;
    this.#mode = makeMode(algorithm, key, direction);
  }

  accepts(ivBytes: number, lengthBytes: number): boolean {
    const { blockBytes, minimumBytes } = this.#algorithm;
    return ivBytes === this.#algorithm.ivBytes &&
      (lengthBytes === 0 ||
        lengthBytes >= minimumBytes && lengthBytes % blockBytes === 0);
  }

  /** Runs in place; the caller has asked `accepts`. */
  apply(
    data: DataView,
    start: number,
    lengthBytes: number,
    operation: Operation,
  ): void {
    const iv = operation.iv.subarray(0, operation.ivBytes);
    this.#mode.apply(data, start, lengthBytes, iv);
  }

  wipe(): void {
    this.#mode.wipe();
  }
}

export class NobleCipherSession implements NobleSession {
  readonly #cipher: KeyedCipher;
  readonly #kind: OperationKind;

  constructor(description: CipherSession) {
    this.#cipher = new KeyedCipher(description);
    this.#kind = description.direction === "encrypt"
      ? OperationKind.Encrypt
      : OperationKind.Decrypt;
  }

  run(operation: Operation, workspace: Workspace): OperationStatus {
    const { source, destination } = operation;
    if (operation.kind !== this.#kind) return OperationStatus.Unsupported;
    const lengthBytes = source.totalBytes;
    if (!this.#cipher.accepts(operation.ivBytes, lengthBytes)) {
      return OperationStatus.Failed;
    }
    const data = workspace.data.gather(source);
    this.#cipher.apply(workspace.data.view, 0, lengthBytes, operation);
    destination.write(0, data);
    operation.writtenBytes = lengthBytes;
    return OperationStatus.Ok;
  }

  wipe(): void {
    this.#cipher.wipe();
  }
}
