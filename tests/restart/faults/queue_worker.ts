/**
 * A queue thread whose process ends as its fault says.
 *
 * @module
 */

import {
  armFault,
  type Fault,
  FAULT_VARIABLE,
  noteEnd,
  PLAN_VARIABLE,
} from "./fault_points.ts";

const fault: Fault = JSON.parse(Deno.env.get(FAULT_VARIABLE)!);
const folder = Deno.env.get(PLAN_VARIABLE)!;
armFault(fault, (point) => noteEnd(folder, point));
await import("../../../device/transport/vhost_user/queue_worker.ts");
