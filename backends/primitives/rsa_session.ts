/**
 * RSA sessions: the library does the bare operations.
 *
 * @module
 */

import type { RsaSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { PaddedRsa } from "../padded_rsa.ts";
import type { Primitives, PrimitiveSession } from "./primitives.ts";
import { complete, fail, type ThreadContext } from "./session.ts";

export class PrimitiveRsaSession implements PrimitiveSession {
  readonly #primitives: Primitives;
  readonly #rsa: PaddedRsa;

  constructor({ primitives }: ThreadContext, description: RsaSession) {
    this.#primitives = primitives;
    this.#rsa = new PaddedRsa(primitives.makeRsa(description), description);
  }

  perform(operation: Operation): void {
    const status = this.#rsa.run(operation);
    if (status === OperationStatus.Ok) {
      complete(operation, operation.writtenBytes);
    } else fail(operation, this.#primitives, status);
  }

  close(): void {
    this.#rsa.close();
  }
}
