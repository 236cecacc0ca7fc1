/**
 * `probe`: which algorithms each backend offers on this machine, or why not.
 *
 * @module
 */

import { probeBackends, type ProbedBackend } from "../backends/probe.ts";
import { ipsecSuites } from "./probe_ipsec.ts";
import { formatMatrix } from "./probe_text.ts";
import { rows } from "./probe_rows.ts";
import { outputColumns } from "./wrap_text.ts";
import { parseProbeOptions } from "./parse_options.ts";
import { probeNamed, requireOptions } from "./socket_device.ts";

/** The matrix for programs. */
export function matrixAsJson(backends: readonly ProbedBackend[]): string {
  return JSON.stringify(
    {
      backends: backends.map((probed) => ({
        name: probed.backend.name,
        ready: probed.probe.ready,
        version: probed.probe.version,
        ...(probed.probe.library ? { library: probed.probe.library } : {}),
        missing: probed.probe.missing,
        ipsec: ipsecSuites(probed) ?? null,
      })),
      algorithms: rows(backends).map(({ name: _, ...row }) => row),
    },
    null,
    2,
  );
}

/**
 * Runs `probe [--json] [--backend LIST] [OPTION of a backend]...`.
 *
 * @throws {UsageError} for words and options that cannot be used
 */
export async function probeCommand(
  words: readonly string[],
  print: (text: string) => void,
): Promise<void> {
  const { json, backends: named, backendOptions } = parseProbeOptions(words);
  const backends = named
    ? await probeNamed(named, backendOptions)
    : await probeBackends(undefined, backendOptions);
  requireOptions(backends);
  print(
    json
      ? `${matrixAsJson(backends)}\n`
      : formatMatrix(backends, outputColumns()),
  );
}
