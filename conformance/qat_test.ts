import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Settings, StandIn } from "../tests/qat_stand_in/control.ts";
import { standIn } from "../tests/qat_stand_in/parts.ts";
import { testWith } from "../testing/real_parts.ts";
import qat from "../backends/qat/qat.ts";
import { CHECK_NAMES, checkBackend, formatReport } from "./conformance.ts";

const part = standIn();

/** Runs parts of the kit on the stand-in; what was offered of them. */
function conforms(settings: Settings, names: readonly string[]): string[] {
  using standIn = new StandIn(part.libraries, settings);
  const offered: string[] = [];
  for (const only of names) {
    const report = checkBackend(qat, {
      backendOptions: { ...part.libraries },
      only,
    });
    const [entry] = report.algorithms;
    if (entry!.outcome === "not offered") continue;
    offered.push(only);
    if (!report.passed) throw new Error(formatReport(report));
  }
  strictEqual(standIn.violations, 0);
  strictEqual(standIn.blocks, 0);
  return offered;
}

testWith(part, 'backend "qat" conforms on the stand-in of generation 4', () => {
  const offered = conforms({}, CHECK_NAMES);
  strictEqual(offered.length, 29);
});

const SOME = ["contract", "chain", "burst", "cipher.aes-ctr", "mac.cmac-aes"];

testWith(
  part,
  'backend "qat" conforms on generation 5, late and out of order',
  () => {
    const settings = { GENERATION: "gen5", ORDER: "shuffle", LATENCY_US: 50 };
    deepStrictEqual(conforms(settings, SOME), SOME);
  },
);

testWith(
  part,
  'backend "qat" conforms on generation 6, which has no chains',
  () => {
    const settings = { GENERATION: "gen6", RING: 16, ASYM_RING: 4 };
    const names = [...SOME, "aead.gcm", "aead.ccm", "akcipher.ecdsa"];
    deepStrictEqual(conforms(settings, names), [
      "contract",
      "burst",
      "cipher.aes-ctr",
      "aead.gcm",
      "akcipher.ecdsa",
    ]);
  },
);
