/**
 * Rules of placement: which sessions, and which sizes of their requests, go to a
 * backend that is not the first in the order.
 *
 * @module
 */

import {
  algorithmByName,
  type Service,
  SERVICES,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { needsOf } from "./session_needs.ts";

/** One rule; what is absent matches everything. */
export interface PlacementRule {
  /** The rule as it was written; logs and counters show it. */
  readonly text: string;
  readonly service?: Service;
  /** With a service. A chain matches by its cipher or by its hash. */
  readonly algorithm?: string;
  readonly keyBits?: number;
  /** The rule is for requests whose source has at least this many bytes … */
  readonly fromBytes: number;
  /** … and fewer than this. */
  readonly belowBytes: number;
  readonly backend: string;
}

const RULE =
  /^(?:\*|([a-z]+)(?:\.([a-z0-9-]+))?)(?:\/(\d{1,5}))?(?:(<|>=)(\d{1,12}))?=([^=]+)$/;

/** How a rule is written, for messages. */
export const RULE_FORM =
  "SERVICE[.ALGORITHM][/KEYBITS][<BYTES or >=BYTES]=BACKEND, for example cipher.aes-cbc<2048=noble";

/**
 * Reads a rule such as `cipher.aes-cbc/256<2048=openssl` or `*>=65536=noble`;
 * `undefined` where it is none, or names what the catalogue does not have.
 *
 * ```ts
 * const rule = parsePlacementRule("cipher.aes-cbc<2048=noble");
 * if (rule?.backend !== "noble" || rule.belowBytes !== 2048) throw rule;
 * ```
 */
export function parsePlacementRule(text: string): PlacementRule | undefined {
  const match = RULE.exec(text);
  if (!match) return undefined;
  const [, serviceName, algorithm, keyBits, comparison, bytes, backend] = match;
  const service = SERVICES.find((name) => name === serviceName);
  if (serviceName !== undefined && !service) return undefined;
  if (algorithm !== undefined && !algorithmByName(service!, algorithm)) {
    return undefined;
  }
  const limit = Number(bytes ?? 0);
  return {
    text,
    ...(service ? { service } : {}),
    ...(algorithm !== undefined ? { algorithm } : {}),
    ...(keyBits !== undefined ? { keyBits: Number(keyBits) } : {}),
    fromBytes: comparison === ">=" ? limit : 0,
    belowBytes: comparison === "<" ? limit : Infinity,
    backend: backend!,
  };
}

/** Whether `rule` is about sessions like `session`. */
export function ruleMatches(
  rule: PlacementRule,
  session: SessionDescription,
): boolean {
  return needsOf(session).some(({ algorithm, keyBytes }) => {
    const [service, name] = splitName(algorithm);
    return (rule.service === undefined || rule.service === service) &&
      (rule.algorithm === undefined || rule.algorithm === name) &&
      (rule.keyBits === undefined ||
        (keyBytes !== undefined && rule.keyBits === keyBytes * 8));
  });
}

function splitName(qualified: string): [string, string] {
  const dot = qualified.indexOf(".");
  return [qualified.slice(0, dot), qualified.slice(dot + 1)];
}
