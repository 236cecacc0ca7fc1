/**
 * What a driver's promise rejects with when the device answers another status
 * than OK.
 *
 * @module
 */

import { Status } from "../device/wire/status.ts";

const MEANINGS: Readonly<Record<Status, string>> = {
  [Status.Ok]: "OK",
  [Status.Error]: "ERR (the request failed)",
  [Status.BadMessage]: "BADMSG (authentication failed)",
  [Status.NotSupported]: "NOTSUPP (not supported)",
  [Status.InvalidSession]: "INVSESS (no such session)",
  [Status.NoSpace]: "NOSPC (no free session)",
  [Status.KeyRejected]: "KEY_REJECTED (the signature did not verify)",
  [Status.SoftExpiry]: "IPSEC_SA_SOFT_EXPIRY (a soft limit is reached)",
};

/** The device refused an operation. */
export class OperationError extends Error {
  /** Tells the class by name, across realms and bundles. */
  override readonly name = "OperationError";
  /** The standard's status (virtio 1.4 §5.9.9.1). */
  readonly status: Status;
  /** What was asked for, for example `encrypt with cipher.aes-cbc`. */
  readonly operation: string;

  /** `hint` is what may have led to it. */
  constructor(operation: string, status: Status, hint?: string) {
    const meaning = MEANINGS[status] ?? `unknown status ${status}`;
    const answer = `Cannot ${operation}: the device answered ${meaning}`;
    super(hint === undefined ? answer : `${answer}; ${hint}`);
    this.operation = operation;
    this.status = status;
  }
}
