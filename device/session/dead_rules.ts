/**
 * Rules of placement that nothing can ever meet: mistakes of whoever wrote them.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  listLengths,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { type Choice, Placement, type PlacementSettings } from "./placement.ts";
import { type PlacementRule, ruleMatches } from "./placement_rule.ts";

/** A rule that is never followed. */
export interface DeadRule {
  readonly rule: PlacementRule;
  /** Why, in words. */
  readonly why: string;
}

/** Of longer lists of key lengths, those that somebody names are tried. */
const FEW_LENGTHS = 8;

/**
 * The rules of `settings` that no session is placed by, where requests have at
 * most `maximumBytes`. Rules of backends that offer nothing are left alone: those
 * may be missing here only.
 */
export function deadRules(
  settings: PlacementSettings,
  maximumBytes: number,
): DeadRule[] {
  const sessions = [...someSessions(namedLengths(settings))];
  return settings.rules.flatMap((rule, index) => {
    const why = whyDead(settings, index, maximumBytes, sessions);
    return why === undefined ? [] : [{ rule, why }];
  });
}

function whyDead(
  { rules, ...settings }: PlacementSettings,
  index: number,
  maximumBytes: number,
  sessions: readonly SessionDescription[],
): string | undefined {
  const rule = rules[index]!;
  const { backend, belowBytes, fromBytes, keyBits, service, text } = rule;
  const before = rules.slice(0, index);
  const own = settings.backends.find(({ name }) => name === backend);
  if (!own || own.offers.length === 0) return undefined;
  if (before.some((other) => other.text === text)) return "it is there twice";
  if (belowBytes === 0) return "no request has fewer than 0 bytes";
  if (fromBytes > maximumBytes) {
    return `no request may have more than ${maximumBytes} bytes`;
  }
  if (keyBits !== undefined && (service === "hash" || service === "akcipher")) {
    return `keys of ${service} are not told by their length`;
  }
  const matching = sessions.filter((session) => ruleMatches(rule, session));
  if (matching.length === 0) return "no algorithm has keys of that length";
  const alone = new Placement({ ...settings, rules: [rule] });
  const possible = matching.filter((session) => isUsed(alone, session, text));
  if (possible.length === 0) return `${backend} does not offer that here`;
  const placement = new Placement({ ...settings, rules: [...before, rule] });
  const isFollowed = possible.some((session) =>
    isUsed(placement, session, text)
  );
  return isFollowed ? undefined : "the rules before it leave nothing for it";
}

/** Whether the rule of this text places some request of `session`. */
function isUsed(
  placement: Placement,
  session: SessionDescription,
  text: string,
): boolean {
  const choices = placement.place(session)?.choices ?? [];
  const at = choices.findIndex(({ reason }) => reason === `rule ${text}`);
  return at >= 0 && leavesSome(choices.slice(0, at), choices[at]!);
}

/** Whether a size of `choice` is in none of `before`, which are asked first. */
function leavesSome(before: readonly Choice[], choice: Choice): boolean {
  let bytes = choice.fromBytes;
  while (bytes < choice.belowBytes) {
    const taker = before.find(({ fromBytes, belowBytes }) =>
      fromBytes <= bytes && bytes < belowBytes
    );
    if (!taker) return true;
    bytes = taker.belowBytes;
  }
  return false;
}

/** Key lengths in bytes that rules or offers name. */
function namedLengths(
  { rules, backends }: PlacementSettings,
): ReadonlySet<number> {
  return new Set([
    ...rules.flatMap(({ keyBits }) => keyBits === undefined ? [] : keyBits / 8),
    ...backends.flatMap(({ offers }) =>
      offers.flatMap(({ keyBytes }) => keyBytes ?? [])
    ),
  ]);
}

/** Lengths of keys by which sessions of `algorithm` may be placed differently. */
function lengthsOf(
  algorithm: Algorithm,
  named: ReadonlySet<number>,
): readonly number[] {
  if (!("keyBytes" in algorithm)) return [0];
  const all = listLengths(algorithm.keyBytes);
  return all.length <= FEW_LENGTHS
    ? all
    : all.filter((length, i) => i === 0 || named.has(length));
}

/** Sessions of every algorithm, alone and in chains. */
function* someSessions(
  named: ReadonlySet<number>,
): Generator<SessionDescription> {
  for (const algorithm of ALGORITHMS) {
    for (const length of lengthsOf(algorithm, named)) {
      yield sessionOf(algorithm, new Uint8Array(length));
    }
  }
  for (const cipher of ALGORITHMS) {
    if (cipher.service !== "cipher") continue;
    for (const length of lengthsOf(cipher, named)) {
      yield* chainsOf(cipher.name, new Uint8Array(length), named);
    }
  }
}

function* chainsOf(
  name: string,
  key: Uint8Array,
  named: ReadonlySet<number>,
): Generator<SessionDescription> {
  for (const algorithm of ALGORITHMS) {
    if (algorithm.service !== "hash" && algorithm.service !== "mac") continue;
    for (const length of lengthsOf(algorithm, named)) {
      yield {
        service: "chain",
        order: "cipher-then-hash",
        cipher: { algorithm: name, key, direction: "encrypt" },
        hashMode: algorithm.service === "hash" ? "plain" : "auth",
        hashAlgorithm: algorithm.name,
        authKey: new Uint8Array(length),
        resultBytes: algorithm.digestBytes,
      };
    }
  }
}

function sessionOf(
  algorithm: Algorithm,
  key: Uint8Array,
): SessionDescription {
  const direction = "encrypt";
  switch (algorithm.service) {
    case "cipher":
      return { service: "cipher", algorithm: algorithm.name, key, direction };
    case "aead": {
      const tagBytes = 16;
      const { name } = algorithm;
      return { service: "aead", algorithm: name, key, direction, tagBytes };
    }
    case "hash": {
      const { name, digestBytes: resultBytes } = algorithm;
      return { service: "hash", algorithm: name, resultBytes };
    }
    case "mac": {
      const { name, digestBytes: resultBytes } = algorithm;
      return { service: "mac", algorithm: name, key, resultBytes };
    }
    case "akcipher":
      return algorithm.name === "rsa"
        ? {
          service: "akcipher",
          algorithm: "rsa",
          keyType: "public",
          key,
          padding: "raw",
          hash: "none",
        }
        : {
          service: "akcipher",
          algorithm: "ecdsa",
          keyType: "public",
          key,
          curve: "p256",
        };
  }
}
