import { ok } from "node:assert/strict";
import { Random } from "../../conformance/random.ts";
import { PLANS } from "./plans.ts";
import { stressStops } from "./stop_stress.ts";

const MILLISECONDS = 1000;

for (const { name, ...plan } of PLANS) {
  Deno.test(`a stop loses no request, and answers none twice: ${name}`, async () => {
    const counts = await stressStops(
      { ...plan, milliseconds: MILLISECONDS },
      new Random(1),
    );
    for (const what of ["stops", "answers of ring 0", "answers of ring 2"]) {
      ok((counts[what] ?? 0) > 0, `${what}: ${counts[what]}`);
    }
  });
}
