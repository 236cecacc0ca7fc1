/**
 * What the sessions of all services have in common.
 *
 * @module
 */

import type { Service } from "../algorithms/catalogue.ts";
import { showInstead } from "../algorithms/inspect.ts";
import {
  type SessionDescription,
  wipeKeys,
  withoutKeys,
} from "../algorithms/session_description.ts";
import type { OperationName, RequestTarget } from "./data_request.ts";
import type { PublicKeyRules } from "./public_key_rules.ts";
import type { RequestRules } from "./request_rules.ts";
import type { RequestRunner } from "./request_runner.ts";
import { describeTarget, type SessionControl } from "./session_control.ts";

/** Where a session is on a device. */
export interface SessionPlace {
  /** Absent: every request carries the description (stateless mode). */
  readonly sessionId?: number;
  /** Number of its data queue. */
  readonly dataQueue: number;
  /** The queue of its requests, and how they are written. */
  readonly runner: RequestRunner;
  readonly control: SessionControl;
  /** Whether the device is no longer used, so that nothing is left to destroy. */
  readonly isGone: () => boolean;
}

/** What a session is made of; the driver makes them. */
export interface SessionParts<D extends SessionDescription> {
  readonly description: D;
  readonly place: SessionPlace;
  /** Absent in tests of devices: what is wrong is sent. */
  readonly rules?: RequestRules;
  readonly publicKeyRules?: PublicKeyRules;
  /** Hears that the session is closed. */
  readonly closed: (session: Session) => void;
}

/** Where a session is; no part of the API. */
export let placeOf: (session: Session) => SessionPlace;

/** What its requests have to look like; no part of the API. */
export let rulesOf: (session: Session) => RequestRules | undefined;

/** The same of public-key sessions; no part of the API. */
export let publicKeyRulesOf: (session: Session) => PublicKeyRules | undefined;

/** Gives a session another place; no part of the API. */
export let moveTo: (session: Session, place: SessionPlace) => void;

/** A session of the device, or the parameters of stateless requests. */
export abstract class Session<
  D extends SessionDescription = SessionDescription,
> implements AsyncDisposable {
  /** With copies of the keys, which are wiped when the session is closed. */
  readonly description: D;
  readonly #closed: (session: Session) => void;
  readonly #rules: RequestRules | undefined;
  readonly #publicKeyRules: PublicKeyRules | undefined;
  #place: SessionPlace;
  #open = true;

  /** Sessions are made by a `Driver`. */
  constructor(parts: SessionParts<D>) {
    this.description = parts.description;
    this.#closed = parts.closed;
    this.#place = parts.place;
    this.#rules = parts.rules;
    this.#publicKeyRules = parts.publicKeyRules;
    showInstead(this, () => ({
      ...withoutKeys(this.description),
      id: this.id,
      state: this.#state,
    }), new.target.name);
  }

  static {
    placeOf = (session) => session.#place;
    rulesOf = (session) => session.#rules;
    publicKeyRulesOf = (session) => session.#publicKeyRules;
    moveTo = (session, place) => {
      session.#place = place;
      if (!session.#open) session.#destroy().catch(() => {});
    };
  }

  /** The device's identifier; absent in stateless mode. */
  get id(): number | undefined {
    return this.#place.sessionId;
  }

  /** False once it has been closed. */
  get isOpen(): boolean {
    return this.#open;
  }

  get #state(): string {
    if (!this.#open) return "closed";
    return this.#place.isGone() ? "the device is gone" : "open";
  }

  /** Destroys the session on the device; one that is gone has none. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    wipeKeys(this.description);
    this.#closed(this);
    await this.#destroy();
  }

  async #destroy(): Promise<void> {
    const { sessionId, control, isGone } = this.#place;
    if (sessionId === undefined || isGone()) return;
    const { service } = this.description;
    const owner: Service = service === "chain" ? "cipher" : service;
    try {
      await control.destroy(owner, sessionId);
    } catch (error) {
      if (!isGone()) throw error;
    }
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Throws where the session is closed. */
export function requireOpen(session: Session, operation: OperationName): void {
  if (session.isOpen) return;
  throw new Error(
    `Cannot ${operation}: the session of ` +
      `${describeTarget(session.description)} is closed`,
  );
}

/** What requests of the session go through; no part of the API. */
export const runnerOf = (session: Session): RequestRunner =>
  placeOf(session).runner;

/** How requests name the session; no part of the API. */
export function targetOf({ description, id }: Session): RequestTarget {
  return id === undefined ? { description } : { description, sessionId: id };
}
