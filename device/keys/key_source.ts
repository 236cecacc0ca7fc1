/**
 * What keys come from.
 *
 * @module
 */

import type { PublicPart } from "../../algorithms/key_stub.ts";
import type { KeyKind } from "./key_vault.ts";

/** A key out of a source. */
export interface StoredKey {
  readonly name: string;
  readonly part: PublicPart;
  readonly kind: KeyKind;
  /** See {@linkcode KeyKind}; for whoever has read it to wipe. */
  readonly secret: Uint8Array;
}

/** Where keys are read from, at the start and at each reload. */
export interface KeySource {
  /** As a person named it. */
  readonly name: string;
  /** @internal Throws {@linkcode KeyStoreError} for what cannot be used. */
  read(): StoredKey[];
}

/** A source or a key that cannot be used. */
export class KeyStoreError extends Error {
  /** Tells it from other errors in a text. */
  override readonly name = "KeyStoreError";

  /** `what` names the file, directory or token; `reason` says what is wrong. */
  constructor(what: string, reason: string) {
    super(`Cannot use keys of "${what}": ${reason}`);
  }
}
