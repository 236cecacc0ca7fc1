/**
 * What became of a message.
 *
 * @module
 */

/** A message that was not carried out. */
export class Refused {
  readonly reason: string;
  /** Whether a front-end that wants no answer is better dropped. */
  readonly fatal: boolean;

  constructor(reason: string, fatal = true) {
    this.reason = reason;
    this.fatal = fatal;
  }
}

/** A reply that brings a descriptor along, which stays whose it is. */
export class ReplyWithDescriptor {
  readonly payload: Uint8Array;
  readonly fd: number;

  constructor(payload: Uint8Array, fd: number) {
    this.payload = payload;
    this.fd = fd;
  }
}

/** The reply of a message that has one; nothing for success. */
export type Outcome = Uint8Array | ReplyWithDescriptor | Refused | undefined;
