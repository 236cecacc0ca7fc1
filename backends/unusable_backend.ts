/**
 * What stands for a native backend where nothing native can be called.
 *
 * @module
 */

import { NO_FOREIGN_FUNCTIONS } from "../ffi/foreign_functions.ts";
import { CONTRACT_VERSION, type OperationsBackend } from "./backend.ts";
import { BackendError } from "./contract_check.ts";

/** A backend of that name that is never ready, and says why. */
export function unusableBackend(name: string): OperationsBackend {
  return {
    contract: CONTRACT_VERSION,
    name,
    runs: "operations",
    probe: () => ({
      ready: false,
      version: "unknown",
      offers: [],
      missing: [NO_FOREIGN_FUNCTIONS],
      notOffered: {},
    }),
    open() {
      const { what, remedy } = NO_FOREIGN_FUNCTIONS;
      throw new BackendError(`Backend ${name} lacks ${what} (${remedy})`);
    },
  };
}
