/**
 * What is killed: a device on each backend that is here.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { backendPart } from "../../../testing/ready_backends.ts";
import type { RealPart } from "../../../testing/real_parts.ts";
import { standIn } from "../../qat_stand_in/parts.ts";
import type { KillPlan } from "./kill_stress.ts";

/** A plan, but for how often, and what it needs. */
export interface BackendPlan extends Omit<KillPlan, "kills"> {
  readonly part: RealPart;
}

const HERE: RealPart = { present: true, name: "", remedy: "" };

const pathOf = (file: string) =>
  fileURLToPath(new URL(`../../../${file}`, import.meta.url));

const plan = (
  name: string,
  backend: string,
  part: RealPart,
  environment: Readonly<Record<string, string>> = {},
): BackendPlan => ({
  name,
  words: ["--backend", backend],
  environment,
  part,
});

/** A plan for each backend, those on a lane, a plugin and a card's stand-in. */
export async function backendPlans(): Promise<BackendPlan[]> {
  const builtIn = ["noble", "openssl", "ipsec-mb", "libgcrypt", "webcrypto"];
  const parts = await Promise.all(builtIn.map(backendPart));
  const card = standIn();
  return [
    ...builtIn.map((name, i) => plan(name, name, parts[i]!)),
    plan("a plugin", pathOf("examples/custom_backend.ts"), HERE),
    plan("a late backend", pathOf("testing/late_backend.ts"), HERE),
    plan("qat on its stand-in", "qat", card, {
      VHOST_CRYPTO_QAT_LIBRARY: card.libraries.library,
      VHOST_CRYPTO_USDM_LIBRARY: card.libraries.usdm,
      QAT_STAND_IN_LATENCY_US: "200",
      QAT_STAND_IN_ORDER: "shuffle",
    }),
  ];
}
