/**
 * The backend on one thread: one session with the token, in which each session
 * of a guest has its keys as objects. The token is waited for in each call.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Pkcs11Module } from "../../ffi/pkcs11.ts";
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationStatus,
} from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { Scratch } from "../scratch.ts";
import { Pkcs11EcdsaSession } from "./ecdsa.ts";
import { Pkcs11AeadSession } from "./gcm.ts";
import type { Pkcs11Options } from "./options.ts";
import { Pkcs11RsaSession } from "./rsa.ts";
import type { Pkcs11Session, TokenThread } from "./session.ts";
import {
  Pkcs11ChainSession,
  Pkcs11CipherSession,
  Pkcs11DigestSession,
} from "./symmetric_sessions.ts";
import { TokenSession } from "./token_session.ts";

function open(
  thread: TokenThread,
  description: SessionDescription,
): Pkcs11Session {
  switch (description.service) {
    case "cipher":
      return new Pkcs11CipherSession(thread, description);
    case "chain":
      return new Pkcs11ChainSession(thread, description);
    case "hash":
    case "mac":
      return new Pkcs11DigestSession(thread, description);
    case "aead":
      return new Pkcs11AeadSession(thread, description);
    case "akcipher":
      return description.algorithm === "rsa"
        ? new Pkcs11RsaSession(thread, description)
        : new Pkcs11EcdsaSession(thread, description);
  }
}

export class Pkcs11Thread implements BackendThread {
  readonly #thread: TokenThread;
  readonly #sessions = new Set<Pkcs11Session>();
  /** Why the token does nothing; undefined while it works. */
  #failure: string | undefined;

  constructor(module: Pkcs11Module, options: Pkcs11Options) {
    this.#thread = {
      token: new TokenSession(module, options),
      input: new Scratch(),
      output: new Scratch(),
      additionalData: new Scratch(),
    };
  }

  openSession(description: SessionDescription): BackendSession {
    const session = open(this.#thread, description);
    this.#sessions.add(session);
    return session;
  }

  closeSession(session: BackendSession): void {
    if (this.#sessions.delete(session as Pkcs11Session)) {
      (session as Pkcs11Session).close();
    }
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      operation.status = this.#perform(operation);
      if (operation.status !== OperationStatus.Ok) operation.writtenBytes = 0;
    }
    const { input, output, additionalData } = this.#thread;
    for (const scratch of [input, output, additionalData]) scratch.release();
  }

  #perform(operation: Operation): OperationStatus {
    try {
      return (operation.session as Pkcs11Session).run(operation);
    } catch (error) {
      this.#failure = messageOf(error);
      throw error;
    }
  }

  health(): string | undefined {
    const { token } = this.#thread;
    const failure = this.#failure ?? token.fault();
    if (failure === undefined) return undefined;
    try {
      token.recover();
      this.#failure = undefined;
      return undefined;
    } catch (error) {
      this.#failure = messageOf(error);
      return this.#failure;
    }
  }

  close(): void {
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
    const { token, input, output, additionalData } = this.#thread;
    for (const scratch of [input, output, additionalData]) scratch.wipe();
    token.close();
  }
}
