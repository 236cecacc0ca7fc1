/**
 * What the queue threads that serve a guest are told of its sessions and
 * associations, before the guest hears of them.
 *
 * @module
 */

import type { AssociationAnnouncement } from "../../association_store.ts";
import { writeWithoutKeys } from "../../association_objects.ts";
import type { Device } from "../../device.ts";
import { AnnouncementMemory } from "../../session/announcement_memory.ts";
import type { FailureNotes } from "../../session/failure.ts";
import { sessionName } from "../../session/session_needs.ts";
import type {
  SessionAnnouncement,
  SessionTable,
} from "../../session/session_table.ts";
import type { Log } from "./log.ts";
import type { Announcement, ThreadSeat } from "./thread_seat.ts";

/** Tells the seats of one guest, those that come later too. */
export class ThreadAnnouncements {
  readonly #device: Device;
  readonly #log: Log;
  readonly #seats: ReadonlyMap<unknown, ThreadSeat>;
  readonly #failures: FailureNotes;
  readonly #memory = new AnnouncementMemory();
  readonly #unobserve: readonly (() => void)[];

  /** `failures` hears of sessions that are refused. */
  constructor(
    { device, log }: { readonly device: Device; readonly log: Log },
    seats: ReadonlyMap<unknown, ThreadSeat>,
    failures: FailureNotes,
  ) {
    this.#device = device;
    this.#log = log;
    this.#seats = seats;
    this.#failures = failures;
    const { associations } = device;
    this.#unobserve = [
      this.#observe(device.sessions, false),
      ...associations
        ? [
          this.#observe(associations.sessions, true),
          associations.observe({
            set: (association) => this.#associationSet(association),
            removed: (isOutbound, id) =>
              this.#announce({ kind: "association removed", isOutbound, id }),
          }),
        ]
        : [],
    ];
  }

  /** Tells nobody of anything any more. */
  stop(): void {
    for (const stop of this.#unobserve) stop();
  }

  /** Wipes what nobody has taken; no thread takes anything any more. */
  wipe(): void {
    this.#memory.wipe();
  }

  /** Tells a seat of what there is already. */
  tellAll(seat: ThreadSeat): void {
    const { sessions, associations } = this.#device;
    const memory = this.#memory;
    for (const place of memory.putAll(sessions.current())) {
      seat.announce({ kind: "opened", place, own: false });
    }
    if (!associations) return;
    const own = associations.sessions.current();
    for (const place of memory.putAll(own)) {
      seat.announce({ kind: "opened", place, own: true });
    }
    for (const association of associations.current()) {
      seat.announce(this.#tellAssociation(association, 1));
    }
  }

  #tellAssociation(
    { object, words: _words, ...association }: AssociationAnnouncement,
    takers: number,
  ): Announcement {
    const place = this.#memory.putBytes(
      object.length,
      takers,
      (room) => writeWithoutKeys(object, room),
    );
    return {
      kind: "association",
      association: { ...association, object: place },
    };
  }

  /** Has the threads hear of a table's sessions; `own`: of associations. */
  #observe(table: SessionTable, own: boolean): () => void {
    const seats = this.#seats;
    return table.observe({
      get waitingAnnouncements() {
        let most = 0;
        for (const { waitingAnnouncements } of seats.values()) {
          most = Math.max(most, waitingAnnouncements);
        }
        return most;
      },
      opened: (announcement) => this.#opened(announcement, own),
      closed: (id) => {
        this.#announce({ kind: "closed", id, own });
        if (own) return;
        this.#log("debug", `session ${id} destroyed`, {
          session: `${id}`,
        });
      },
      keysChanged: () => {
        for (const seat of seats.values()) seat.keysChanged();
      },
      refused: ({ status, reason }) =>
        this.#failures.note({
          of: "session",
          reason: `status ${status}, ${reason}`,
        }),
    });
  }

  #announce(announcement: Announcement): void {
    for (const seat of this.#seats.values()) seat.announce(announcement);
  }

  #opened(announcement: SessionAnnouncement, own: boolean): void {
    if (this.#seats.size > 0) {
      const place = this.#memory.put(announcement, this.#seats.size);
      this.#announce({ kind: "opened", place, own });
    }
    if (own) return;
    const { id, placement, description } = announcement;
    const [first] = placement.choices;
    this.#log(
      "debug",
      `session ${id} created: ${sessionName(description)} on ${first?.backend}`,
      { session: `${id}`, ...(first && { backend: first.backend }) },
    );
  }

  #associationSet(announcement: AssociationAnnouncement): void {
    const { size } = this.#seats;
    if (size > 0) this.#announce(this.#tellAssociation(announcement, size));
    const { isOutbound, id } = announcement;
    const which = isOutbound ? "outbound" : "inbound";
    this.#log("debug", `${which} association ${id} set`);
  }
}
