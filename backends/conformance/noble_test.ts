import { deepStrictEqual } from "node:assert/strict";
import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import noble from "../noble/noble.ts";
import { conformanceTests } from "./conformance.ts";
import plain from "./plain/plain_backend.ts";

conformanceTests(noble);

Deno.test("noble offers all that the standards' modes can be made of", () => {
  const offered = noble.probe({}).offers.map(({ algorithm }) => algorithm);
  const composable = plain.probe({}).offers.map(({ algorithm }) => algorithm);
  deepStrictEqual(
    ALGORITHMS.map(qualifiedName).filter((name) => offered.includes(name)),
    composable,
  );
});
