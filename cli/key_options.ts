/**
 * The options of the key store: where its keys are, and what which socket may do
 * with them.
 *
 * @module
 */

import type { BackendOptions } from "../backends/backend.ts";
import type { OptionsBySpecifier } from "../backends/probe.ts";
import { KeyStoreError } from "../device/keys/key_source.ts";
import { keyDirectory } from "../device/keys/key_directory.ts";
import { KeyStore } from "../device/keys/key_store.ts";
import {
  KEY_RULE_FORM,
  type KeyRule,
  parseKeyRule,
  suitsAlgorithm,
} from "../device/keys/key_use.ts";
import { TOKEN_BACKEND } from "../device/keys/guest_keys.ts";
import { tokenKeys } from "../device/keys/token_source.ts";
import { scoped, usage, UsageError, type Values } from "./option_values.ts";

const TOKEN_SOURCE = /^pkcs11:/;

/** Where the keys of the store are. */
export function keySources(values: Values): readonly string[] {
  const sources = values.get("keys") ?? [];
  if (new Set(sources).size !== sources.length) {
    throw usage("keys", sources.at(-1)!, "each source only once");
  }
  const [rule] = values.get("allow-key") ?? [];
  if (sources.length === 0 && rule !== undefined) {
    throw usage("allow-key", rule, "--keys with the keys that it names");
  }
  return sources;
}

/** The rules of the socket at `path`, which go before those of all sockets. */
export function keyRules(
  values: Values,
  paths: readonly string[],
  path: string | undefined,
  base: readonly KeyRule[],
): readonly KeyRule[] {
  const own = scoped(values, "allow-key", paths, path).map(readRule);
  own.forEach(({ key }, i) => {
    const isFirst = own.findIndex((rule) => rule.key === key) === i;
    if (!isFirst) throw usage("allow-key", key, "one rule for each key");
  });
  const isReplaced = ({ key }: KeyRule) => own.some((rule) => rule.key === key);
  return [...own, ...base.filter((rule) => !isReplaced(rule))];
}

function readRule(text: string): KeyRule {
  const rule = parseKeyRule(text);
  if (!rule) throw usage("allow-key", text, KEY_RULE_FORM);
  return rule;
}

/**
 * Opens the store of those keys that are `wanted`, with its token's keys as the
 * options of `pkcs11` reach them.
 *
 * @throws {UsageError} for sources and keys that cannot be used
 */
export function openKeyStore(
  sources: readonly string[],
  wanted: ReadonlySet<string>,
  tokenOptions: BackendOptions,
): KeyStore | undefined {
  if (sources.length === 0) return undefined;
  const all = sources.map((source) =>
    TOKEN_SOURCE.test(source)
      ? tokenKeys(source, tokenOptions)
      : keyDirectory(source)
  );
  try {
    return new KeyStore(all, wanted);
  } catch (error) {
    if (error instanceof KeyStoreError || error instanceof RangeError) {
      throw new UsageError(`${error.message} (--keys)`, "keys");
    }
    throw error;
  }
}

/** Refuses a PIN that more than one process needs and one can read. */
export function requirePinFile(
  options: OptionsBySpecifier,
  manner: "--isolate" | "supervise",
): void {
  const descriptor = options[TOKEN_BACKEND]?.["pin-fd"];
  if (descriptor === undefined) return;
  throw usage(
    "pkcs11-pin-fd",
    descriptor,
    `--pkcs11-pin-file with ${manner}, since a descriptor gives its PIN once`,
  );
}

/** Refuses rules that can never permit anything on these backends. */
export function checkKeyRules(
  store: KeyStore,
  rules: readonly KeyRule[],
  backends: readonly string[],
): void {
  for (const { key, uses } of rules) {
    const found = store.describe(key);
    if (!found) {
      const names = store.names.join(", ") || "no key";
      throw usage("allow-key", key, `a key of the store, which has ${names}`);
    }
    const wrong = uses.find((use) => !suitsAlgorithm(use, found.algorithm));
    if (wrong !== undefined) {
      throw usage(
        "allow-key",
        `${key}=${wrong}`,
        `a use of ${found.algorithm === "rsa" ? "RSA" : "ECDSA"} keys`,
      );
    }
    if (found.isInToken && !backends.includes(TOKEN_BACKEND)) {
      throw usage(
        "allow-key",
        key,
        `${TOKEN_BACKEND} among the backends, since the key is in its token`,
      );
    }
  }
}
