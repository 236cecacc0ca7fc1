/**
 * The settings of devices as a queue thread has them: its backends, which all
 * guests share, and the lanes that it reaches.
 *
 * @module
 */

import type { Backend } from "../../../backends/backend.ts";
import { loadBackend } from "../../../backends/registry.ts";
import { GuestKeys } from "../../keys/guest_keys.ts";
import { type Channel, createChannel } from "../../lane/channel.ts";
import type { LaneChannels } from "../../lane/lane_channels.ts";
import { LaneThread } from "../../lane/lane_thread.ts";
import { LaneChannel } from "../../lane/shared_way.ts";
import { type FailureListener, reasonOf } from "../../session/failure.ts";
import { OpenBackends } from "../../session/open_backends.ts";
import { Placement } from "../../session/placement.ts";
import type {
  SharedBackends,
  SharedSet,
} from "../../session/shared_backends.ts";
import { ThreadBackends } from "../../session/thread_backends.ts";
import type { ThreadSettings } from "../../session/thread_sessions.ts";
import type { GuestStart, LanedSettings } from "./thread_messages.ts";

/** Guests have numbers from 1 on. */
const NO_GUEST = 0;

/** What loaded settings are made with. */
export interface LoadOptions {
  readonly shared: SharedBackends;
  /** Those of the thread, which all settings add to. */
  readonly channels: LaneChannels;
  /** Tells which processor the thread is on. */
  readonly processor: () => number;
  /** Gives the main thread its end of a channel to the lane of a backend. */
  attach(backend: string, end: Channel["lane"]): void;
  /** Hears what fails on lanes and they cannot say themselves. */
  readonly failed: FailureListener;
}

/** Settings with their backends, loaded on this thread. */
export class LoadedSettings {
  readonly settings: ThreadSettings;
  readonly placement: Placement;
  readonly shared: SharedSet;
  readonly #loaded: ReadonlyMap<string, Backend>;
  readonly #lanes: LanedSettings["lanes"];
  readonly #options: LoadOptions;
  #reviewer: ThreadBackends | undefined;
  readonly #channels = new Map<string, LaneChannel>();

  private constructor(
    { settings, lanes, drained }: LanedSettings,
    loaded: ReadonlyMap<string, Backend>,
    options: LoadOptions,
  ) {
    this.settings = settings;
    this.placement = new Placement(settings);
    for (const name of drained) this.placement.drain(name, true);
    this.shared = options.shared.of(settings.backends);
    this.#loaded = loaded;
    this.#lanes = lanes;
    this.#options = options;
  }

  /** Loads backends, or says why that is impossible. */
  static async load(
    laned: LanedSettings,
    options: LoadOptions,
  ): Promise<LoadedSettings | string> {
    try {
      const loaded = await Promise.all(
        laned.settings.backends.map(async ({ name, specifier }) =>
          [name, await loadBackend(specifier)] as const
        ),
      );
      return new LoadedSettings(laned, new Map(loaded), options);
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** The backends as one guest has them: shared, but for keys and lanes. */
  backendsOf(
    { guest, keys }: Pick<GuestStart, "guest" | "keys">,
  ): ThreadBackends {
    const loaded = this.settings.backends.map(({ name, options, onLane }) => ({
      backend: this.#loaded.get(name)!,
      options,
      ...(onLane && {
        lane: {
          takes: onLane,
          open: () => new LaneThread(this.#channel(name).guest(guest)),
        },
      }),
    }));
    return new ThreadBackends(
      new OpenBackends(loaded, this.shared.threads),
      this.shared,
      keys && new GuestKeys(keys),
    );
  }

  /** All guests of the thread share a channel. */
  #channel(backend: string): LaneChannel {
    const existing = this.#channels.get(backend);
    if (existing) return existing;
    const { memory } = this.#lanes.find((lane) => lane.backend === backend)!;
    const { sender, lane } = createChannel(memory);
    this.#options.attach(backend, lane);
    const { failed, processor } = this.#options;
    const channel = new LaneChannel(sender, backend, failed, processor);
    this.#channels.set(backend, channel);
    this.#options.channels.add(channel);
    return channel;
  }

  /** Whether a backend is down. */
  get areDown(): boolean {
    return this.shared.states.areDown;
  }

  /** Asks every failed backend again that is due; for idle threads. */
  review(): void {
    this.#reviewer ??= this.backendsOf({ guest: NO_GUEST, keys: undefined });
    this.#reviewer.review();
  }

  /** Ends the use of lanes; no ring may run. */
  close(): void {
    this.#reviewer?.close();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}
