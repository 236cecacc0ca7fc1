/**
 * What a queue of either format is made of.
 *
 * @module
 */

import type { RingAreas } from "../../device/ring/layout.ts";
import type { RingArea } from "../../device/ring/ring_area.ts";
import type { IndirectTables } from "./indirect_tables.ts";

/** A driver's ring whose areas have been laid out. */
export interface DriverRingSetup {
  readonly size: number;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
  readonly addresses: RingAreas;
  readonly descriptor: RingArea;
  readonly driver: RingArea;
  readonly device: RingArea;
  readonly tables: IndirectTables | undefined;
}
