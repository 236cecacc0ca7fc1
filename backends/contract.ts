/**
 * All that the author of a backend needs: the contract, the catalogue whose
 * terms it speaks, and guest memory as a backend sees it.
 *
 * @module
 */

export * from "../algorithms/catalogue.ts";
export * from "../algorithms/public_key.ts";
export * from "../algorithms/session_description.ts";
export * from "./backend.ts";
export * from "./request_burst.ts";
export { SlotOperation } from "./slot_operation.ts";
export * from "./overlap.ts";
export type { RangeLists } from "../memory/range_lists.ts";
export { Region } from "../memory/region.ts";
export { Segments } from "../memory/segments.ts";
