/**
 * A queue thread whose process ends as its fault says.
 *
 * @module
 */

import {
  armFault,
  type Fault,
  FAULT_VARIABLE,
  PLAN_VARIABLE,
} from "./fault_points.ts";

const fault: Fault = JSON.parse(Deno.env.get(FAULT_VARIABLE)!);
armFault(fault, (point) =>
  Deno.writeTextFileSync(
    `${Deno.env.get(PLAN_VARIABLE)}/ends`,
    `${point}\n`,
    { append: true },
  ));
await import("../../../device/transport/vhost_user/queue_worker.ts");
