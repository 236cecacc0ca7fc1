/**
 * Keys that lie in the token of backend `pkcs11` and stay there: the store has
 * their public parts, and where they are.
 *
 * @module
 */

import type { BackendOptions } from "../../backends/backend.ts";
import { messageOf } from "../../backends/error_message.ts";
import { listTokenKeys } from "../../backends/pkcs11/token_keys.ts";
import { type KeySource, KeyStoreError } from "./key_source.ts";
import { KeyKind } from "./key_vault.ts";

/** The private keys that a PKCS#11 URI means, as a source. */
export function tokenKeys(uri: string, options: BackendOptions): KeySource {
  return {
    name: uri,
    read() {
      try {
        return listTokenKeys(uri, options).map(({ name, part, uri }) => ({
          name,
          part,
          kind: KeyKind.Token,
          secret: new TextEncoder().encode(uri),
        }));
      } catch (error) {
        const reason = messageOf(error);
        throw new KeyStoreError(uri, reason);
      }
    },
  };
}
