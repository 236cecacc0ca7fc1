/**
 * What `probe` says of the IPSEC service: which suites of ESP a device in process
 * has of each backend.
 *
 * @module
 */

import {
  AEADS,
  type Algorithm,
  ALGORITHMS,
  CIPHERS,
  MACS,
  qualifiedName,
} from "../algorithms/catalogue.ts";
import type { ProbedBackend } from "../backends/probe.ts";
import { ipsecCapabilities } from "../device/ipsec_service.ts";

/** The algorithms of a backend that ESP can use, by name. */
export interface IpsecSuites {
  readonly aeads: readonly string[];
  /** Each goes with each of the MACs but `gmac-aes`, which goes with none. */
  readonly ciphers: readonly string[];
  readonly macs: readonly string[];
}

const namesIn = (mask: bigint, algorithms: readonly Algorithm[]): string[] =>
  algorithms.filter(({ number }) => (mask >> BigInt(number) & 1n) !== 0n)
    .map(({ name }) => name);

/** What ESP has of a backend; undefined where that is nothing. */
export function ipsecSuites(
  { backend, probe }: ProbedBackend,
): IpsecSuites | undefined {
  // A command is answered at once, which opening a session on a lane is not.
  const isOnLane = backend.runs === "asynchronous" ||
    backend.runs === "blocking";
  if (!probe.ready || isOnLane) return undefined;
  const offered = new Set(probe.offers.map(({ algorithm }) => algorithm));
  const [capability] = ipsecCapabilities(
    ALGORITHMS.filter((one) => offered.has(qualifiedName(one))),
  );
  return capability && {
    aeads: namesIn(BigInt(capability.aeadAlgorithms), AEADS),
    ciphers: namesIn(capability.cipherAlgorithms, CIPHERS),
    macs: namesIn(capability.macAlgorithms, MACS),
  };
}

/** A few lines for people, of paragraphs that `hanging` makes. */
export function ipsecLines(
  backends: readonly ProbedBackend[],
  hanging: (text: string) => string,
): string {
  const lines = backends.flatMap((probed) => {
    const suites = ipsecSuites(probed);
    if (!suites) return [];
    const { aeads, ciphers, macs } = suites;
    const parts = [
      ...(aeads.length > 0 ? [aeads.join(", ")] : []),
      ...(macs.length > 0
        ? [`${["NULL", ...ciphers].join(", ")} with ${macs.join(", ")}`]
        : []),
    ];
    return [hanging(`${probed.backend.name}: ${parts.join("; ")}`)];
  });
  return lines.length > 0
    ? `\nIPSEC, in process only, as ESP with:\n${lines.join("\n")}`
    : "";
}
