/**
 * What a queue of either format is made of.
 *
 * @module
 */

import type { RingArea } from "../../device/ring/ring_area.ts";
import type { RingAddresses } from "./driver_queue.ts";
import type { IndirectTables } from "./indirect_tables.ts";

/** A driver's ring whose areas have been laid out. */
export interface DriverRingSetup {
  readonly size: number;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
  readonly addresses: RingAddresses;
  readonly descriptor: RingArea;
  readonly driver: RingArea;
  readonly device: RingArea;
  readonly tables: IndirectTables | undefined;
}
