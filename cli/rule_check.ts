/**
 * Whether rules of placement can be followed on the backends that are there.
 *
 * @module
 */

import type { ProbedBackend } from "../backends/probe.ts";
import { deadRules } from "../device/session/dead_rules.ts";
import { isWithheld, withhold } from "../device/withheld.ts";
import { usage } from "./option_values.ts";
import type { SocketOptions } from "./parse_options.ts";

/**
 * Refuses rules that name no backend of the list, and those that can never be
 * followed.
 *
 * @throws {UsageError} for the first of them
 */
export function checkRules(
  { rules, fallback, without, limits }: SocketOptions,
  backends: readonly ProbedBackend[],
  allowWeak: boolean,
): void {
  const names = backends.map(({ backend }) => backend.name);
  for (const { text, backend } of rules) {
    if (names.includes(backend)) continue;
    throw usage("place", text, `a backend out of ${names.join(", ")}`);
  }
  const withheld = withhold(without);
  const offering = backends.map(({ backend: { name }, probe }) => ({
    name,
    offers: probe.offers.filter((offer) => !isWithheld(offer, withheld)),
  }));
  const settings = { backends: offering, rules, fallback, allowWeak };
  for (const { rule, why } of deadRules(settings, limits.maxSizeBytes)) {
    throw usage("place", rule.text, `a rule that can be followed, but ${why}`);
  }
}
