/**
 * What the main thread and a queue thread tell each other; all of it is
 * structured-cloneable.
 *
 * Commands lie in a message port, and are counted in a shared word after that:
 * whoever sees the count finds the message (`thread_wake.ts`).
 *
 * @module
 */

import type { LeftChain } from "../../left_chains.ts";
import type {
  AssociationAnnouncement,
  WordsPlace,
} from "../../association_store.ts";
import type { ChannelEnd } from "../../lane/channel.ts";
import type { GuestKeySettings } from "../../keys/guest_keys.ts";
import type { RingForm } from "../../served_queue.ts";
import type { AnnouncementPlace } from "../../session/announcement_memory.ts";
import type { Failure } from "../../session/failure.ts";
import type { ThreadSettings } from "../../session/thread_sessions.ts";
import type { WorkKind } from "../../session/work_series.ts";
import type { ThreadWake } from "../../thread_wake.ts";
import type { ThrottleState } from "../../throttle.ts";
import type { WireMode } from "../../wire/mode.ts";
import type { JournalPlace } from "./journal_place.ts";
import type { MappedPlace } from "./mapped_file.ts";
import type { MemoryRange } from "./memory_table.ts";
import type { RingAddresses } from "./payloads.ts";

/** Everything but the memory that a ring needs to run. */
export interface RingStart extends Omit<RingForm, "journal" | "inflight"> {
  /** Of the front-end; where that is in the guest, the memory tells. */
  readonly addresses: RingAddresses;
  readonly mode: WireMode;
  /** Whether its driver can have security associations; default: it cannot. */
  readonly hasAssociations?: boolean;
  /** -1: the ring is looked at from time to time. */
  readonly kickFd: number;
  /** -1: nobody wants to be notified. */
  readonly callFd: number;
  /** Requests at its start that another process may have begun. */
  readonly redo: number;
  /** Where a ring is tracked for the front-end. */
  readonly inflight?: MappedPlace | undefined;
  /** Where a ring that is kept has its journal. */
  readonly journal?: JournalPlace | undefined;
}

/** Settings, but for keys, with the lanes that backends of them are on. */
export interface LanedSettings {
  readonly settings: ThreadSettings;
  readonly lanes: readonly LaneSetup[];
  /** Backends that get no new sessions. */
  readonly drained: readonly string[];
}

/** The lane of a backend, with the memory of its watch. */
export interface LaneSetup {
  readonly backend: string;
  readonly memory: SharedArrayBuffer;
}

/** Given to a queue thread when it starts. */
export interface ThreadSetup {
  readonly port: MessagePort;
  readonly wake: ThreadWake;
  /** Where it counts how it rests, indexed by `RestWord`. */
  readonly rest: SharedArrayBuffer;
  readonly spinMicroseconds: number;
  /** Where it tells which call of a backend it is in. */
  readonly guard: SharedArrayBuffer;
  /** Backends that are not to be called, and why. */
  readonly held: ReadonlyMap<string, string>;
  /** By number; guests name theirs by it. */
  readonly settings: readonly LanedSettings[];
}

/** A guest's memory, and where what is written to it is logged. */
export interface SharedMemory {
  readonly ranges: readonly MemoryRange[];
  readonly log: MappedPlace | undefined;
}

/** A guest that gets rings on a thread. */
export interface GuestStart {
  /** Number of its settings. */
  readonly settings: number;
  /** Number of the guest among all of the process. */
  readonly guest: number;
  /** What it may use of the key store; absent: there is none. */
  readonly keys: GuestKeySettings | undefined;
  /** What its rings on all threads may have; absent: as much as they like. */
  readonly throttle?: ThrottleState | undefined;
  /** Where the counter of IVs is; absent where there are no associations. */
  readonly ivCounter?: WordsPlace | undefined;
  /** Where it is counted what its sessions do there: a `WorkSeries`. */
  readonly work: SharedArrayBuffer;
  readonly memory: SharedMemory;
  /** One 32-bit word: announcements of its sessions that have been taken. */
  readonly taken: SharedArrayBuffer;
}

/** Where a data queue counts; see `Counter`. */
export interface CountersPlace {
  /**
   * Only the thread writes it, in plain stores that both processors make whole;
   * who reads meanwhile learns a figure for a log, and nothing else follows from
   * it.
   */
  readonly counters: SharedArrayBuffer;
}

/** Commands that a thread answers once it has carried them out. */
export type AnsweredCommand =
  | { readonly kind: "stop"; readonly index: number }
  | { readonly kind: "call"; readonly index: number; readonly fd: number }
  | { readonly kind: "memory"; readonly memory: SharedMemory }
  /** Memory was added; nothing else has changed. */
  | { readonly kind: "grow"; readonly range: MemoryRange }
  /** The guest has no ring here any more; nothing of it is kept. */
  | { readonly kind: "leave" };

/** An association: its object, without keys, lies where sessions are announced. */
export interface TellAssociation
  extends Omit<AssociationAnnouncement, "object" | "words"> {
  readonly object: AnnouncementPlace;
}

/** Commands for one guest. */
export type GuestCommand =
  | { readonly kind: "join"; readonly start: GuestStart }
  | {
    readonly kind: "opened";
    readonly place: AnnouncementPlace;
    /** Whether it is an association's, which no request can name. */
    readonly own: boolean;
  }
  | { readonly kind: "closed"; readonly id: number; readonly own: boolean }
  | { readonly kind: "association"; readonly association: TellAssociation }
  | {
    readonly kind: "association removed";
    readonly isOutbound: boolean;
    readonly id: number;
  }
  /** Sessions whose key the store no longer has are to end. */
  | { readonly kind: "keys" }
  /** Its rings have these rates from now on. */
  | { readonly kind: "throttle"; readonly throttle: ThrottleState | undefined }
  | {
    readonly kind: "start";
    readonly index: number;
    readonly ring: RingStart & CountersPlace;
  }
  | { readonly kind: "look"; readonly index: number }
  /** Chains of the ring that another thread had, which nobody touches any more. */
  | {
    readonly kind: "fail left";
    readonly index: number;
    readonly chains: readonly LeftChain[];
  }
  | AnsweredCommand & { readonly sequence: number };

/** Settings that guests may name by their number from then on. */
export interface SettingsCommand extends LanedSettings {
  readonly kind: "settings";
  readonly number: number;
}

/** A thread that blocks has no event loop, and the runtime may need that. */
export interface PauseCommand {
  readonly kind: "pause";
}

/** Commands of the main thread. */
export type Command =
  | GuestCommand & { readonly guest: number }
  | SettingsCommand
  /** A backend is not to be called, or may be again. */
  | {
    readonly kind: "hold";
    readonly backend: string;
    readonly reason: string | undefined;
  }
  /** A backend gets no new sessions, or gets them again. */
  | {
    readonly kind: "drain";
    readonly backend: string;
    readonly isDrained: boolean;
  }
  /** The thread is to let its runtime do what waits for it. */
  | PauseCommand
  | { readonly kind: "exit" };

/** Reports that are for one guest. */
export type GuestReport =
  | {
    readonly kind: "done";
    readonly sequence: number;
    /** Where the ring stands; 0 where it is about none. */
    readonly base: number;
  }
  | {
    readonly kind: "broken";
    readonly index: number;
    readonly reason: string;
  }
  | {
    readonly kind: "health";
    readonly backend: string;
    /** Why the backend stopped working; undefined: it works again. */
    readonly failure: string | undefined;
  }
  /** From now on this kind of work is counted at this index. */
  | { readonly kind: "work"; readonly index: number; readonly work: WorkKind }
  /** Requests of a ring wait for the guest's limits, for the first time. */
  | { readonly kind: "throttled"; readonly index: number }
  /** The thread has been given up, and these chains are not answered. */
  | {
    readonly kind: "left";
    readonly index: number;
    readonly chains: readonly LeftChain[];
  }
  /** A request or a session failed. */
  | { readonly kind: "failure"; readonly failure: Failure }
  /** The guest cannot be served here any longer. */
  | { readonly kind: "failed"; readonly reason: string };

/** Reports of a queue thread. */
export type Report =
  | GuestReport & { readonly guest: number }
  /** The thread uses the lane of a backend from now on: its end of the channel. */
  | {
    readonly kind: "lane";
    readonly settings: number;
    readonly backend: string;
    readonly end: ChannelEnd;
  }
  /** A lane failed, of whatever guests. */
  | { readonly kind: "lane failure"; readonly failure: Failure }
  /** The thread has ended by itself, and with it all of its rings. */
  | { readonly kind: "ended"; readonly reason: string }
  /** It has been given up, and touches nothing more. */
  | { readonly kind: "parked" }
  | { readonly kind: "exited" };
