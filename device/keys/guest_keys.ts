/**
 * The keys of the store that one guest may use, as one thread knows them. The
 * guest opens a session with a stub; all that is kept and told of the session is
 * the stub, and each thread that opens it on a backend takes the key from the
 * store for that moment.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import { publicPartName, stubPart } from "../../algorithms/key_stub.ts";
import type {
  EcdsaSession,
  RsaSession,
  SessionDescription,
} from "../../algorithms/session_description.ts";
import { OperationKind } from "../../backends/backend.ts";
import { KeyCount, KeyCounter } from "./key_counts.ts";
import {
  type KeyRule,
  type PermittedOperations,
  permittedOperations,
} from "./key_use.ts";
import { type FoundKey, KeyKind, VaultReader } from "./key_vault.ts";

/** What a thread needs to know; structured-cloneable, and without a key. */
export interface GuestKeySettings {
  readonly vault: SharedArrayBuffer;
  readonly counts: SharedArrayBuffer;
  readonly rules: readonly KeyRule[];
}

/** The backend whose token has keys of the store. */
export const TOKEN_BACKEND = "pkcs11";

/** A key that a session uses. */
export class KeyGrant {
  readonly name: string;
  /** The one backend that has it; absent: any may be given it. */
  readonly backend?: string;
  readonly #slot: number;
  readonly #permitted: PermittedOperations;
  readonly #usesPerSecond: number;
  readonly #counter: KeyCounter;

  constructor(
    { slot, kind, name }: FoundKey,
    permitted: PermittedOperations,
    { usesPerSecond = Infinity }: KeyRule,
    counter: KeyCounter,
  ) {
    this.name = name;
    if (kind === KeyKind.Token) this.backend = TOKEN_BACKEND;
    this.#slot = slot;
    this.#permitted = permitted;
    this.#usesPerSecond = usesPerSecond;
    this.#counter = counter;
  }

  /** Whether an operation may be done now; counts it. */
  admits(kind: OperationKind): boolean {
    const isSignature = kind === OperationKind.Sign;
    // What takes the public half only is anybody's.
    if (!isSignature && kind !== OperationKind.Decrypt) return true;
    const { sign, decrypt } = this.#permitted;
    const slot = this.#slot;
    const counter = this.#counter;
    if (!(isSignature ? sign : decrypt)) {
      counter.add(slot, KeyCount.Forbidden);
      return false;
    }
    if (
      this.#usesPerSecond < Infinity &&
      !counter.isWithin(slot, this.#usesPerSecond)
    ) {
      counter.add(slot, KeyCount.TooMany);
      return false;
    }
    counter.add(
      slot,
      isSignature ? KeyCount.Signatures : KeyCount.Decryptions,
    );
    return true;
  }
}

/** Finds keys for the sessions of one guest. */
export class GuestKeys {
  readonly #vault: VaultReader;
  readonly #counter: KeyCounter;
  readonly #rules: ReadonlyMap<string, KeyRule>;

  constructor({ vault, counts, rules }: GuestKeySettings) {
    this.#vault = new VaultReader(vault);
    this.#counter = new KeyCounter(counts);
    this.#rules = new Map(rules.map((rule) => [rule.key, rule]));
  }

  /**
   * The key for a session whose own key is a stub; undefined where there is none
   * or this guest may do nothing with it in such a session.
   */
  find(session: SessionDescription): KeyGrant | undefined {
    const part = stubPart(session);
    const found = part && this.#vault.find(publicPartName(part));
    const rule = this.#rules.get(found?.name ?? "");
    const permitted = permittedOperations(
      rule?.uses ?? [],
      session as RsaSession | EcdsaSession,
    );
    if (!found || !rule || !(permitted.sign || permitted.decrypt)) {
      return undefined;
    }
    return new KeyGrant(found, permitted, rule, this.#counter);
  }

  /**
   * The session as a backend is to open it, for the caller to wipe; undefined
   * where its key is its own.
   */
  withKey(session: SessionDescription): SessionDescription | undefined {
    const grant = this.find(session);
    const part = grant && stubPart(session);
    const secret = part && this.#vault.takeSecret(publicPartName(part));
    if (!secret) return undefined;
    const own = session as RsaSession | EcdsaSession;
    if (!grant.backend) return { ...own, key: secret };
    const tokenKey = new TextDecoder().decode(secret);
    return { ...own, key: copyKey(own.key), tokenKey };
  }
}
