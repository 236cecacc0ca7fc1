/**
 * Tests that run once on every built-in backend of this machine.
 *
 * @module
 */

import { probeBackends, type ProbedBackend } from "../../backends/probe.ts";
import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import { testWith } from "../real_parts.ts";

/**
 * Backends that need a card, which no package brings: their tests here stay
 * ignored without one, also where skipping is forbidden. `tests/qat_stand_in/`
 * and `backends/qat/` have tests of their own on a stand-in.
 */
const NEEDS_HARDWARE: readonly string[] = ["qat"];

/** The backend `name`, or why it cannot run here. */
async function findBackend(
  name: string,
): Promise<ProbedBackend | { readonly absent: string }> {
  const [found] = await probeBackends([name]);
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

/**
 * Registers `name` once for each built-in backend, which `body` is told; not for
 * those that are here and do not offer the algorithms in `needs`.
 */
export async function testOnBackends(
  name: string,
  body: (backend: string) => void | Promise<void>,
  needs: readonly string[] = [],
): Promise<void> {
  for (const backend of BUILT_IN_BACKENDS) {
    const found = await findBackend(backend);
    const lacks = (need: string) =>
      !("absent" in found) &&
      !found.probe.offers.some(({ algorithm }) => algorithm === need);
    if (needs.some(lacks)) continue;
    const absent = "absent" in found ? found.absent : "";
    const title = `${name} [${backend}]`;
    if (absent !== "" && NEEDS_HARDWARE.includes(backend)) {
      Deno.test.ignore(`${title} (needs hardware: ${absent})`, () => {});
      continue;
    }
    testWith(
      { present: absent === "", name: backend, remedy: absent },
      title,
      () => body(backend),
    );
  }
}
