/**
 * What each backend offers of each algorithm, or why not.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  listLengths,
  qualifiedName,
} from "../algorithms/catalogue.ts";
import { RSA_USUAL_PRIMES } from "../algorithms/rsa_primes.ts";
import type { ProbedBackend } from "../backends/probe.ts";

/** One algorithm under one backend. */
export interface Cell {
  readonly offered: boolean;
  /** Why it is not offered. */
  readonly reason?: string;
  /** Key lengths, where not all of the catalogue's. */
  readonly keyBytes?: readonly number[];
  /** RSA: the most primes of a private key. */
  readonly rsaPrimes?: number;
}

/** One algorithm under all backends. */
export interface Row {
  /** As rules name it. */
  readonly name: string;
  readonly service: string;
  readonly algorithm: string;
  readonly number: number;
  /** Key lengths in bytes as the catalogue has them. */
  readonly keyBytes: string;
  readonly weakness?: string;
  /** Whether guests get it without `--allow-weak`. */
  readonly byDefault: boolean;
  readonly backends: Readonly<Record<string, Cell>>;
}

/** Its private keys have more than two primes on some backends only. */
const RSA = "akcipher.rsa";

/** More lengths than these are shown as a range. */
const MOST_LENGTHS_LISTED = 5;

function keyLengths(algorithm: Algorithm): string {
  return "keyBytes" in algorithm
    ? lengthsText(listLengths(algorithm.keyBytes))
    : "-";
}

/** Key lengths in ascending order. */
export function lengthsText(lengths: readonly number[]): string {
  return lengths.length > MOST_LENGTHS_LISTED
    ? `${lengths[0]}..${lengths.at(-1)}`
    : lengths.join(",");
}

function cell({ probe }: ProbedBackend, algorithm: Algorithm): Cell {
  const name = qualifiedName(algorithm);
  const offer = probe.offers.find((entry) => entry.algorithm === name);
  if (offer) {
    const { keyBytes, rsaPrimes = RSA_USUAL_PRIMES } = offer;
    return {
      offered: true,
      ...(keyBytes && { keyBytes }),
      ...(name === RSA && { rsaPrimes }),
    };
  }
  const reason = probe.notOffered[name] ??
    (probe.ready ? "not implemented by this backend" : "backend not ready");
  return { offered: false, reason };
}

/** The matrix. */
export function rows(backends: readonly ProbedBackend[]): Row[] {
  return ALGORITHMS.map((algorithm) => {
    const cells = backends.map((probed) => cell(probed, algorithm));
    const { weakness } = algorithm;
    return {
      name: qualifiedName(algorithm),
      service: algorithm.service,
      algorithm: algorithm.name,
      number: algorithm.number,
      keyBytes: keyLengths(algorithm),
      ...(weakness ? { weakness } : {}),
      byDefault: !weakness && cells.some(({ offered }) => offered),
      backends: Object.fromEntries(
        backends.map(({ backend }, index) => [backend.name, cells[index]!]),
      ),
    };
  });
}
