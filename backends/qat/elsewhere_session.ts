/**
 * A session of algorithms that the hardware has, with a key or in a chain that
 * it does not have: every request goes elsewhere.
 *
 * @module
 */

import { type Operation, OperationStatus } from "../backend.ts";
import { type QatSession, SETTLED } from "./session.ts";
import { endWithout } from "./slots.ts";

export class ElsewhereSession implements QatSession {
  readonly ring = "public-key";

  admit(operation: Operation): number {
    endWithout(operation, OperationStatus.Elsewhere);
    return SETTLED;
  }

  fill(): OperationStatus {
    return OperationStatus.Elsewhere;
  }

  submit(): number {
    return 0;
  }

  finish(): OperationStatus {
    return OperationStatus.Elsewhere;
  }

  close(): void {}
}
