/**
 * Which backends a session gets, and why. Plain data in, names out: the control
 * queue and every queue thread decide alike.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  qualifiedName,
} from "../../algorithms/catalogue.ts";
import { RSA_USUAL_PRIMES } from "../../algorithms/rsa_primes.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Offer } from "../../backends/backend.ts";
import { type PlacementRule, ruleMatches } from "./placement_rule.ts";
import { type Need, needsOf } from "./session_needs.ts";

/** What one backend of this device offers; structured-cloneable. */
export interface BackendOffers {
  readonly name: string;
  readonly offers: readonly Offer[];
}

/**
 * When a session may move on from the backend that order and rules give it:
 * never, when that backend does not offer it or cannot do one of its requests,
 * or also when it fails.
 */
export type Fallback = "never" | "unsupported" | "failure";

/** All of them, from the strictest on. */
export const FALLBACKS: readonly Fallback[] = [
  "never",
  "unsupported",
  "failure",
];

/** Everything that decides placement; structured-cloneable. */
export interface PlacementSettings {
  /** In order of preference. */
  readonly backends: readonly BackendOffers[];
  readonly rules: readonly PlacementRule[];
  readonly fallback: Fallback;
  readonly allowWeak: boolean;
}

/** Lengths of a request's source. */
interface Sizes {
  readonly fromBytes: number;
  readonly belowBytes: number;
}

/** A backend for requests of some sizes. */
export interface Choice extends Sizes {
  readonly backend: string;
  /** Why this backend, in words that logs and counters share. */
  readonly reason: string;
}

/** Where the requests of a session go. */
export interface SessionPlacement {
  /** The first that fits a request's size takes it; the last fits all. */
  readonly choices: readonly Choice[];
  /** Where requests go when their backend fails, in order. */
  readonly onFailure: readonly string[];
  /** Where requests go that their backend cannot do, in order. */
  readonly onUnsupported: readonly string[];
}

/** A policy of the user's own: a backend's name, or undefined for the rules. */
export type PlacementPolicy = (
  session: SessionDescription,
  candidates: readonly string[],
) => string | undefined;

const ALL_SIZES: Sizes = { fromBytes: 0, belowBytes: Infinity };

function sizesInWords({ fromBytes, belowBytes }: Sizes): string {
  const start = fromBytes > 0 ? `of ${fromBytes} bytes and more` : "";
  const end = belowBytes < Infinity ? `of fewer than ${belowBytes} bytes` : "";
  return [start, end].filter(Boolean).join(", and ");
}

function meets(offer: Offer, need: Need): boolean {
  const { keyBytes, rsaPrimes = RSA_USUAL_PRIMES } = need;
  return rsaPrimes <= (offer.rsaPrimes ?? RSA_USUAL_PRIMES) &&
    (keyBytes === undefined || offer.keyBytes === undefined ||
      offer.keyBytes.includes(keyBytes));
}

/** A key that one backend has goes nowhere else, whatever fails. */
function placeOnOnly(
  backend: string,
  candidates: readonly string[],
): SessionPlacement | undefined {
  if (!candidates.includes(backend)) return undefined;
  const reason = "its key is in the token";
  return {
    choices: [{ backend, ...ALL_SIZES, reason }],
    onFailure: [],
    onUnsupported: [],
  };
}

/** Decides by rules, order and fallback. */
export class Placement {
  readonly #settings: PlacementSettings;
  readonly #policy: PlacementPolicy | undefined;
  readonly #offers: ReadonlyMap<string, ReadonlyMap<string, Offer>>;
  /** Those that get no new sessions. */
  readonly #drained = new Set<string>();

  constructor(settings: PlacementSettings, policy?: PlacementPolicy) {
    this.#settings = settings;
    this.#policy = policy;
    const weak = new Set(
      settings.allowWeak
        ? []
        : ALGORITHMS.filter((entry) => entry.weakness).map(qualifiedName),
    );
    this.#offers = new Map(settings.backends.map(({ name, offers }) => [
      name,
      new Map(
        offers.filter((offer) => !weak.has(offer.algorithm))
          .map((offer) => [offer.algorithm, offer]),
      ),
    ]));
  }

  /** Keeps new sessions away from a backend, or no longer. */
  drain(backend: string, isDrained: boolean): void {
    if (isDrained) this.#drained.add(backend);
    else this.#drained.delete(backend);
  }

  /** Whether new sessions stay away from a backend. */
  isDrained(backend: string): boolean {
    return this.#drained.has(backend);
  }

  /**
   * Where `session` goes, or undefined where nobody may have it.
   *
   * @param only the one backend that has its key
   */
  place(
    session: SessionDescription,
    only?: string,
  ): SessionPlacement | undefined {
    const candidates = [...this.#offers.keys()].filter((name) =>
      !this.#drained.has(name) && this.#offersAll(name, session)
    );
    if (only !== undefined) return placeOnOnly(only, candidates);
    const choices = this.#choices(session, candidates);
    if (choices.length === 0) return undefined;
    const { fallback } = this.#settings;
    return {
      choices,
      onFailure: fallback === "failure" ? candidates : [],
      onUnsupported: fallback === "never" ? [] : candidates,
    };
  }

  #choices(
    session: SessionDescription,
    candidates: readonly string[],
  ): Choice[] {
    const wished = this.#policy?.(session, candidates);
    if (wished !== undefined && candidates.includes(wished)) {
      return [{ backend: wished, ...ALL_SIZES, reason: "policy" }];
    }
    const choices: Choice[] = [];
    for (const rule of this.#settings.rules) {
      if (!ruleMatches(rule, session)) continue;
      const { backend, fromBytes, belowBytes, text } = rule;
      if (candidates.includes(backend)) {
        choices.push({
          backend,
          fromBytes,
          belowBytes,
          reason: `rule ${text}`,
        });
        if (fromBytes === 0 && belowBytes === Infinity) return choices;
      } else if (this.#settings.fallback === "never") return [];
    }
    const others = this.#byOrder(session, candidates);
    return others.length > 0 ? [...choices, ...others] : [];
  }

  /**
   * The candidates for the sizes that they are good at, up to the first that is
   * good at all; the last takes what is left.
   */
  #byOrder(
    session: SessionDescription,
    candidates: readonly string[],
  ): Choice[] {
    const first = this.#settings.backends[0]?.name;
    const mayMove = this.#settings.fallback !== "never";
    const usable = mayMove
      ? candidates
      : candidates.filter((name, i) => i === 0 && name === first);
    let reason = usable[0] === first ? "order" : this.#whyNot(first);
    const choices: Choice[] = [];
    for (const [i, backend] of usable.entries()) {
      const isLast = i === usable.length - 1;
      const sizes = isLast ? ALL_SIZES : this.#goodSizes(backend, session);
      if (sizes.fromBytes >= sizes.belowBytes) continue;
      choices.push({ backend, ...sizes, reason });
      if (sizes.fromBytes === 0 && sizes.belowBytes === Infinity) break;
      reason = `${backend} is for requests ${sizesInWords(sizes)}`;
    }
    return choices;
  }

  #whyNot(backend: string | undefined): string {
    return backend !== undefined && this.isDrained(backend)
      ? `${backend} is drained`
      : `${backend} does not offer it`;
  }

  /** What `backend` says of each algorithm of `session`, taken together. */
  #goodSizes(backend: string, session: SessionDescription): Sizes {
    const offers = needsOf(session).map(({ algorithm }) =>
      this.#offers.get(backend)!.get(algorithm)!
    );
    return {
      fromBytes: Math.max(...offers.map(({ fromBytes = 0 }) => fromBytes)),
      belowBytes: Math.min(
        ...offers.map(({ belowBytes = Infinity }) => belowBytes),
      ),
    };
  }

  #offersAll(backend: string, session: SessionDescription): boolean {
    const offers = this.#offers.get(backend)!;
    return needsOf(session).every((need) => {
      const offer = offers.get(need.algorithm);
      return offer !== undefined && meets(offer, need);
    });
  }

  /** The backends that some session can get. */
  reachable(): string[] {
    const all = [...this.#offers.keys()];
    const { fallback, backends, rules } = this.#settings;
    if (fallback !== "never") return all;
    const named = new Set([
      backends[0]?.name,
      ...rules.map(({ backend }) => backend),
    ]);
    return all.filter((name) => named.has(name));
  }

  /**
   * The algorithms that some session can have: the union of what the backends
   * offer, or what the first and those of rules offer if nothing falls back.
   */
  offered(): Algorithm[] {
    const offers = this.reachable().map((name) => this.#offers.get(name)!);
    return ALGORITHMS.filter((entry) =>
      offers.some((entries) => entries.has(qualifiedName(entry)))
    );
  }
}
