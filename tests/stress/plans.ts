/**
 * The rings that are stressed: both formats, with and without what changes how
 * the sides tell each other, and backends that answer at once or late.
 *
 * @module
 */

import type { StressPlan } from "./stop_stress.ts";

/** A backend whose operations end late and in another order. */
const LATE = new URL("../../testing/late_backend.ts", import.meta.url).href;

const form = (
  name: string,
  backend: string,
  ...with_: ("packed" | "eventIndex" | "inOrder" | "indirect")[]
) => ({
  name,
  backend,
  packed: with_.includes("packed"),
  eventIndex: with_.includes("eventIndex"),
  inOrder: with_.includes("inOrder"),
  indirect: with_.includes("indirect"),
});

/** All plans, but for how long they run. */
export const PLANS:
  readonly (Omit<StressPlan, "milliseconds"> & { readonly name: string })[] = [
    form("split", "noble", "eventIndex", "indirect"),
    form("packed", "noble", "packed", "eventIndex"),
    form("split, late backend", LATE),
    form("packed, late backend", LATE, "packed", "indirect"),
    form("split, in order, late", LATE, "inOrder", "eventIndex"),
    form("packed, in order, late", LATE, "packed", "inOrder"),
  ];
