import { deepStrictEqual } from "node:assert/strict";
import { ALGORITHMS, qualifiedName } from "../algorithms/catalogue.ts";
import noble from "../backends/noble/noble.ts";
import { conformanceTests } from "./conformance.ts";
import plain from "./plain/plain_backend.ts";

conformanceTests(noble);

/** There is no maintained pure TypeScript implementation of it. */
const MISSING = "cipher.arc4";

Deno.test("noble offers all that the standards' modes can be made of", () => {
  const offered = noble.probe({}).offers.map(({ algorithm }) => algorithm);
  const composable = plain.probe({}).offers.map(({ algorithm }) => algorithm);
  deepStrictEqual(
    ALGORITHMS.map(qualifiedName).filter((name) => offered.includes(name)),
    composable.filter((name) => name !== MISSING),
  );
});
