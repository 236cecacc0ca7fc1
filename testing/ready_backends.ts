/**
 * Tests that run once on every built-in backend of this machine.
 *
 * @module
 */

import { probeBackends, type ProbedBackend } from "../backends/probe.ts";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { type RealPart, testWith } from "./real_parts.ts";

/**
 * Whether a backend needs a card or a token. `tests/qat_stand_in/`,
 * `backends/qat/` and `backends/pkcs11/` have tests of their own on stand-ins.
 */
export const needsHardware = (backend: string): boolean =>
  backend === "qat" || backend === "pkcs11";

/**
 * Whether a backend found the stand-in for its hardware: once a test of this
 * process has loaded that library, its name finds it again.
 */
export const isStandIn = ({ probe }: ProbedBackend): boolean =>
  probe.version.includes("stand-in");

/** The backend `name`, or why it cannot run here. */
async function findBackend(
  name: string,
): Promise<ProbedBackend | { readonly absent: string }> {
  const [found] = await probeBackends([name]);
  if (isStandIn(found!)) return { absent: "only the stand-in is here" };
  if (found!.probe.ready) return found!;
  const missing = found!.probe.missing.map(({ what, remedy }) =>
    `${what} (${remedy})`
  );
  return { absent: missing.join("; ") };
}

/** The built-in backend `name`. */
export async function readyBackend(name: string): Promise<ProbedBackend> {
  const found = await findBackend(name);
  if ("absent" in found) {
    throw new Error(`Cannot test backend "${name}": ${found.absent}`);
  }
  return found;
}

/** The built-in backend `name` as a part that a test needs. */
export async function backendPart(name: string): Promise<RealPart> {
  const found = await findBackend(name);
  const absent = "absent" in found ? found.absent : "";
  return {
    present: absent === "",
    name,
    remedy: absent,
    isHardware: needsHardware(name),
  };
}

/**
 * Registers `name` once for each built-in backend that answers at once, which
 * `body` is told; not for those that are here and do not offer the algorithms in
 * `needs`.
 */
export async function testOnBackends(
  name: string,
  body: (backend: string) => void | Promise<void>,
  needs: readonly string[] = [],
): Promise<void> {
  for (const backend of BUILT_IN_BACKENDS) {
    const found = await findBackend(backend);
    if (!("absent" in found) && found.backend.runs === "asynchronous") continue;
    const lacks = (need: string) =>
      !("absent" in found) &&
      !found.probe.offers.some(({ algorithm }) => algorithm === need);
    if (needs.some(lacks)) continue;
    const absent = "absent" in found ? found.absent : "";
    testWith(
      {
        present: absent === "",
        name: backend,
        remedy: absent,
        isHardware: needsHardware(backend),
      },
      `${name} [${backend}]`,
      () => body(backend),
    );
  }
}
