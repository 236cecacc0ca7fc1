/**
 * Options: keys that guests use and never have.
 *
 * @module
 */

import { KEY_RULE_FORM } from "../../device/keys/key_use.ts";
import type { OptionEntry } from "./option_entry.ts";

export const KEY_OPTIONS = [
  {
    name: "keys",
    value: "SOURCE",
    completes: "folder",
    repeatable: true,
    help:
      "keys that guests may use and never have: a directory of PEM files, or private keys of the token of pkcs11 by a PKCS#11 URI; SIGURG has them read anew",
  },
  {
    name: "allow-key",
    value: "RULE",
    repeatable: true,
    help: `what a guest may do with a key of --keys: ${KEY_RULE_FORM}`,
  },
] as const satisfies readonly OptionEntry[];
