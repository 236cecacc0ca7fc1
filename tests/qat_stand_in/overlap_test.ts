import { strictEqual } from "node:assert/strict";
import { probeBackends } from "../../backends/probe.ts";
import { Machine } from "../../testing/machine.ts";
import {
  checkKinds,
  checkPieces,
  checkResultsOverEachOther,
  checkShifts,
} from "../../testing/overlap_kinds.ts";
import { checkDraft9Overlaps } from "../../testing/overlap_draft9.ts";
import { testWith } from "../../testing/real_parts.ts";
import { StandIn } from "./control.ts";
import { standIn } from "./parts.ts";

const part = standIn();

testWith(
  part,
  "requests whose buffers overlap are answered as if they lay apart",
  async () => {
    using standIn = new StandIn(part.libraries, { LATENCY_US: 20 });
    const [backend] = await probeBackends(["qat"], {
      qat: { ...part.libraries },
    });
    {
      using machine = await Machine.start({ backend: backend! });
      checkShifts(machine);
      checkKinds(machine);
      checkPieces(machine);
      checkResultsOverEachOther(machine);
    }
    {
      using machine = await Machine.start({
        backend: backend!,
        layout: "draft-9",
      });
      checkDraft9Overlaps(machine);
    }
    strictEqual(standIn.violations, 0);
  },
);
