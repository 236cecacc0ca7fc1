/**
 * The sessions of a guest as one queue thread knows them: announced by the
 * session table, opened on their backend at first use.
 *
 * @module
 */

import {
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import type {
  BackendOptions,
  BackendSession,
  BackendThread,
} from "../../backends/backend.ts";
import { loadBackend } from "../../backends/registry.ts";
import { OpenBackends } from "./open_backends.ts";
import { type BackendOffers, Placement } from "./placement.ts";
import { type SessionRules, sessionRules } from "./session_rules.ts";
import type { SessionAnnouncement } from "./session_table.ts";

/** A backend that every queue thread opens. */
export interface BackendSettings extends BackendOffers {
  readonly options: BackendOptions;
}

/** What a queue thread needs to know of its device; structured-cloneable. */
export interface ThreadSettings {
  /** In order of preference. */
  readonly backends: readonly BackendSettings[];
  readonly allowWeak: boolean;
  readonly maximumSizeBytes: number;
  readonly maxCipherKeyBytes: number;
  readonly maxAuthKeyBytes: number;
}

/** A session on this thread. */
export interface ThreadSession {
  readonly id: number;
  readonly description: SessionDescription;
  readonly rules: SessionRules;
  readonly thread: BackendThread;
  readonly handle: BackendSession;
  /** Operations under way; the session is closed when there are none. */
  inFlight: number;
  closing: boolean;
}

/** Sessions by identifier, opened lazily. */
export class ThreadSessions {
  readonly #backends: OpenBackends;
  readonly #placement: Placement;
  readonly #announced = new Map<number, SessionAnnouncement>();
  readonly #open = new Map<number, ThreadSession>();

  constructor(backends: OpenBackends, placement: Placement) {
    this.#backends = backends;
    this.#placement = placement;
  }

  /** Loads the backends of `settings` for the calling thread. */
  static async open(settings: ThreadSettings): Promise<ThreadSessions> {
    const loaded = await Promise.all(
      settings.backends.map(async ({ name, options }) => ({
        backend: await loadBackend(name),
        options,
      })),
    );
    return new ThreadSessions(
      new OpenBackends(loaded),
      new Placement(settings.backends, settings.allowWeak),
    );
  }

  /** Learns of a session; the description becomes this thread's own. */
  opened(announcement: SessionAnnouncement): void {
    this.#announced.set(announcement.id, announcement);
  }

  /** Forgets a session, as soon as nothing of it is under way. */
  closed(id: number): void {
    const announced = this.#announced.get(id);
    this.#announced.delete(id);
    const session = this.#open.get(id);
    this.#open.delete(id);
    if (session && session.inFlight > 0) {
      session.closing = true;
      return;
    }
    if (session) this.#close(session);
    else if (announced) wipeKeys(announced.description);
  }

  /**
   * The session `id`, opened; `undefined` where there is none. A backend that
   * cannot open it now throws.
   */
  get(id: number): ThreadSession | undefined {
    return this.#open.get(id) ?? this.#openAnnounced(id);
  }

  #openAnnounced(id: number): ThreadSession | undefined {
    const announced = this.#announced.get(id);
    if (!announced) return undefined;
    const session = this.#openSession(
      id,
      announced.description,
      announced.backend,
    );
    this.#open.set(id, session);
    return session;
  }

  #openSession(
    id: number,
    description: SessionDescription,
    backend: string,
  ): ThreadSession {
    const thread = this.#backends.thread(backend);
    return {
      id,
      description,
      rules: sessionRules(description),
      thread,
      handle: thread.openSession(description),
      inFlight: 0,
      closing: false,
    };
  }

  /**
   * Opens a session for one stateless request; `undefined` where no backend
   * offers it. It closes itself when its operation ends. A backend that refuses
   * it throws, with the keys wiped.
   */
  openOnce(description: SessionDescription): ThreadSession | undefined {
    const backend = this.#placement.choose(description);
    if (backend === undefined) return undefined;
    try {
      const session = this.#openSession(NaN, description, backend);
      session.closing = true;
      return session;
    } catch (error) {
      wipeKeys(description);
      throw error;
    }
  }

  /** Notes that an operation of `session` has ended. */
  finished(session: ThreadSession): void {
    session.inFlight--;
    if (session.closing && session.inFlight === 0) this.#close(session);
  }

  #close(session: ThreadSession): void {
    session.thread.closeSession(session.handle);
    wipeKeys(session.description);
  }

  /** Wipes all keys and closes the backends. */
  close(): void {
    for (const session of this.#open.values()) this.#close(session);
    for (const { description } of this.#announced.values()) {
      wipeKeys(description);
    }
    this.#open.clear();
    this.#announced.clear();
    this.#backends.close();
  }
}
