/**
 * The virtio-crypto device of one guest: features, config space, sessions and
 * control queue. Where its memory and kicks come from is the transport's matter.
 *
 * @module
 */

import type { BackendOptions, Probe } from "../backends/backend.ts";
import { AdminQueue } from "./admin_queue.ts";
import type { Administration } from "./administration.ts";
import { BackendHealth, BackendReview } from "./backend_health.ts";
import { capabilities } from "./capabilities.ts";
import type { RequestNumbering } from "./control_outcome.ts";
import { ControlQueue } from "./control_queue.ts";
import { createIpsecService, type IpsecService } from "./ipsec_service.ts";
import type { RedoneRequests } from "./redone_requests.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import type { SecurityAssociations } from "./security_associations.ts";
import { type LoadedBackend, OpenBackends } from "./session/open_backends.ts";
import {
  type Fallback,
  Placement,
  type PlacementPolicy,
} from "./session/placement.ts";
import type { PlacementRule } from "./session/placement_rule.ts";
import { type AcrossReset, SessionTable } from "./session/session_table.ts";
import { GuestKeys } from "./keys/guest_keys.ts";
import type { GuestKeyAccess } from "./keys/key_store.ts";
import {
  BackendStates,
  type HealthListener,
} from "./session/backend_states.ts";
import { ThreadBackends } from "./session/thread_backends.ts";
import type { ThreadSettings } from "./session/thread_sessions.ts";
import {
  newThrottleState,
  type ThrottleLimits,
  type ThrottleState,
} from "./throttle.ts";
import { encodeConfigSpace, STATUS_HW_READY } from "./wire/config_space.ts";
import {
  F_ADMIN_VQ,
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
  featuresAreAcceptable,
  STATELESS_FEATURE,
} from "./wire/features.ts";
import { type Layout, type WireMode, wireMode } from "./wire/mode.ts";
import { IPSEC_SERVICE } from "./wire/opcodes.ts";
import { isWithheld, withhold, type Withholdable } from "./withheld.ts";

/** A loaded backend with what it found when it was probed. */
export interface DeviceBackend extends LoadedBackend {
  /** What loads it again, on a queue thread. */
  readonly specifier: string;
  readonly options: BackendOptions;
  readonly probe: Probe;
}

/** Hears of a guest's rates. */
export type ThrottleListener = (throttle: ThrottleState | undefined) => void;

/** How a backend of a device is. */
export interface BackendState {
  readonly name: string;
  /** Why it is down on some thread; undefined where it works on all. */
  readonly failure: string | undefined;
  /** How often it has failed as a whole, on whichever thread. */
  readonly failures: number;
  /** Whether new sessions stay away from it. */
  readonly isDrained: boolean;
}

/** What a device is made of. */
export interface DeviceSettings {
  /** In order of preference. */
  readonly backends: readonly DeviceBackend[];
  readonly rules: readonly PlacementRule[];
  readonly fallback: Fallback;
  /** Goes before the rules; not asked for stateless requests. */
  readonly policy?: PlacementPolicy;
  readonly dataQueueCount: number;
  readonly maximumSessions: number;
  /** Largest sum of a request's variable parts. */
  readonly maximumSizeBytes: number;
  /** Rates of the guest. Default: none. */
  readonly throttle?: ThrottleLimits | undefined;
  readonly layout: Layout;
  readonly allowWeak: boolean;
  /**
   * Whether the transport carries an administration virtqueue, and with it the
   * IPSEC service. Default: no.
   */
  readonly administration?: boolean;
  /** What is not offered though the device has it. Default: nothing. */
  readonly without?: readonly Withholdable[];
  /** Whether sessions outlive a reset by the driver. Default: drop. */
  readonly sessionsAcrossReset?: AcrossReset;
  /** Identifier of its first session; default: 1. */
  readonly firstSessionId?: number;
  /** Keys of a store that the guest may use and never has. Default: none. */
  readonly keys?: GuestKeyAccess;
}

const RING_FEATURES = F_VERSION_1 | F_INDIRECT_DESC | F_EVENT_IDX |
  F_RING_PACKED | F_IN_ORDER;

const REQUEST_FEATURES = Object.values(STATELESS_FEATURE)
  .reduce((all, one) => all | one, F_REVISION_1);

/** What health reports call the thread of the control queue. */
const CONTROL_THREAD = -1;

/** Most data queues of a device (virtio 1.4 §5.9.5.1). */
const MAXIMUM_DATA_QUEUES = 65535;

/** One guest's device. */
export class Device {
  readonly dataQueueCount: number;
  /** Features for a driver; a transport may add its own. */
  readonly offeredFeatures: bigint;
  /** What a transport does not add either. */
  readonly withheldFeatures: bigint;
  readonly sessions: SessionTable;
  #throttle: ThrottleState | undefined;
  readonly #throttleObservers = new Set<ThrottleListener>();
  readonly threadSettings: ThreadSettings;
  readonly #ipsec: IpsecService | undefined;
  /** The backends as the thread of the control queue has opened them. */
  readonly backends: ThreadBackends;
  /** Called when the config space has changed. */
  onConfigChange: (() => void) | undefined;
  /** Hears that a backend of {@linkcode backends} failed or works again. */
  onBackendHealth: HealthListener | undefined;
  readonly #settings: DeviceSettings;
  readonly #capabilities: ReturnType<typeof capabilities>;
  readonly #health: BackendHealth;
  readonly #placement: Placement;
  readonly #unobserveKeys: (() => void) | undefined;
  readonly #review = new BackendReview(() => this.backends.review());
  #needsReset = false;
  #acceptedFeatures = 0n;
  #mode: WireMode;

  constructor(settings: DeviceSettings) {
    requireQueueCount(settings.dataQueueCount);
    this.#settings = settings;
    this.dataQueueCount = settings.dataQueueCount;
    this.#throttle = settings.throttle && newThrottleState(settings.throttle);
    const withheld = withhold(settings.without ?? []);
    this.withheldFeatures = withheld.features;
    const features = settings.layout === "draft-9"
      ? RING_FEATURES
      : RING_FEATURES | REQUEST_FEATURES;
    const ready = settings.backends.filter(({ probe }) => probe.ready);
    const offers = ready.map((
      { backend, specifier, options, probe, lane },
    ) => ({
      name: backend.name,
      specifier,
      onLane: lane?.takes,
      offers: probe.offers.filter((offer) => !isWithheld(offer, withheld)),
      options,
    }));
    const { rules, fallback, allowWeak } = settings;
    const placementSettings = { backends: offers, rules, fallback, allowWeak };
    const placement = new Placement(placementSettings, settings.policy);
    this.#placement = placement;
    this.#capabilities = capabilities(placement.offered());
    this.#health = new BackendHealth(
      placement.reachable(),
      () => this.onConfigChange?.(),
    );
    const states = new BackendStates();
    states.observe((backend, failure) => this.#ownHealth(backend, failure));
    this.backends = new ThreadBackends(
      new OpenBackends(ready),
      { states },
      settings.keys && new GuestKeys(settings.keys.settings),
    );
    this.sessions = new SessionTable(
      placement,
      this.backends,
      settings.maximumSessions,
      settings.sessionsAcrossReset,
      settings.firstSessionId,
    );
    this.#unobserveKeys = settings.keys?.observe(() =>
      this.sessions.keysChanged()
    );
    this.#ipsec = settings.administration && settings.layout === "virtio"
      ? createIpsecService(
        { ...placementSettings, maximumAssociations: settings.maximumSessions },
        this.backends,
        settings.policy,
      )
      : undefined;
    this.offeredFeatures = (this.#ipsec ? features | F_ADMIN_VQ : features) &
      ~withheld.features;
    this.threadSettings = {
      ...placementSettings,
      backends: offers,
      maximumSizeBytes: settings.maximumSizeBytes,
      services: this.#capabilities.services,
      maxCipherKeyBytes: this.#capabilities.maxCipherKeyBytes,
      maxAuthKeyBytes: this.#capabilities.maxAuthKeyBytes,
      ...(settings.keys && { keys: settings.keys.settings }),
    };
    this.#mode = wireMode(settings.layout, 0n);
  }

  /** What all data queues share of the guest's rates; undefined without any. */
  get throttle(): ThrottleState | undefined {
    return this.#throttle;
  }

  /** Gives the guest other rates, or none; its buckets are empty then. */
  changeThrottle(limits: ThrottleLimits | undefined): void {
    this.#throttle = limits && newThrottleState(limits);
    for (const observer of this.#throttleObservers) observer(this.#throttle);
  }

  /** Tells `listener` of rates that change; returns how to stop it. */
  observeThrottle(listener: ThrottleListener): () => void {
    this.#throttleObservers.add(listener);
    return () => this.#throttleObservers.delete(listener);
  }

  /** Keeps new sessions away from a backend, or no longer. */
  drain(backend: string, isDrained: boolean): void {
    this.#placement.drain(backend, isDrained);
  }

  get layout(): Layout {
    return this.#settings.layout;
  }

  get acceptedFeatures(): bigint {
    return this.#acceptedFeatures;
  }

  /** The request layouts that the accepted features stand for. */
  get mode(): WireMode {
    return this.#mode;
  }

  /** Takes the driver's choice; false, and nothing taken, where it is illegal. */
  acceptFeatures(features: bigint): boolean {
    if (!featuresAreAcceptable(this.offeredFeatures, features)) return false;
    this.#acceptedFeatures = features;
    this.#mode = wireMode(this.#settings.layout, features);
    return true;
  }

  /** The whole config space as it is now. */
  readConfig(): Uint8Array<ArrayBuffer> {
    const { services } = this.#capabilities;
    return encodeConfigSpace({
      ...this.#capabilities,
      services: this.#offersIpsec ? services | 1 << IPSEC_SERVICE : services,
      status: this.#health.ready ? STATUS_HW_READY : 0,
      maxDataQueues: this.dataQueueCount,
      maxSizeBytes: this.#settings.maximumSizeBytes,
    }, this.#settings.layout);
  }

  /** Who does without the administration virtqueue has no associations. */
  get #offersIpsec(): boolean {
    const shown = this.#acceptedFeatures || this.offeredFeatures;
    return (shown & F_ADMIN_VQ) !== 0n;
  }

  /** What IPSEC requests go through; undefined where there are none. */
  get associations(): SecurityAssociations | undefined {
    return this.#ipsec?.associations;
  }

  /** Index of the administration virtqueue; undefined where there is none. */
  get adminQueueIndex(): number | undefined {
    return (this.#acceptedFeatures & F_ADMIN_VQ) === 0n
      ? undefined
      : this.dataQueueCount + 1;
  }

  /** Queues of all kinds that a driver may set up. */
  get queueCount(): number {
    const own = (this.offeredFeatures & F_ADMIN_VQ) === 0n ? 1 : 2;
    return this.dataQueueCount + own;
  }

  /** What commands have come to; undefined where there are none. */
  get administration(): Administration | undefined {
    return this.#ipsec?.administration;
  }

  /** The administration queue over a ring that the driver has set up. */
  createAdminQueue(
    virtqueue: Virtqueue,
    numbers?: RequestNumbering,
    redone?: RedoneRequests,
  ): AdminQueue {
    const { administration } = this.#ipsec!;
    return new AdminQueue(virtqueue, administration, numbers, redone);
  }

  /** The control queue over a ring that the driver has set up. */
  createControlQueue(
    virtqueue: Virtqueue,
    memory: GuestMemory,
    numbers?: RequestNumbering,
    redone?: RedoneRequests,
  ): ControlQueue {
    return new ControlQueue(virtqueue, {
      memory,
      sessions: this.sessions,
      mode: this.#mode,
      limits: this.threadSettings,
      numbers,
      redone,
    });
  }

  /** Whether some backend works that sessions can get. */
  get isReady(): boolean {
    return this.#health.ready;
  }

  /** The backends that sessions are placed on, and how they are. */
  get backendStates(): readonly BackendState[] {
    return this.threadSettings.backends.map(({ name }) => ({
      name,
      failure: this.#health.failure(name),
      failures: this.#health.failureCount(name),
      isDrained: this.#placement.isDrained(name),
    }));
  }

  /** Whether a ring is broken, which only a reset of the device repairs. */
  get needsReset(): boolean {
    return this.#needsReset;
  }

  /** Notes that a ring can no longer be served (virtio 1.4 §2.1.2). */
  ringBroken(): void {
    if (this.#needsReset) return;
    this.#needsReset = true;
    this.onConfigChange?.();
  }

  /** Notes that all rings start anew. */
  ringsRenewed(): void {
    this.#needsReset = false;
  }

  /**
   * Notes that a backend stopped working on a queue thread (why), or works there
   * again (undefined). HW_READY is clear while no backend is usable.
   */
  backendHealth(
    thread: number,
    backend: string,
    failure: string | undefined,
  ): void {
    this.#health.report(thread, backend, failure);
  }

  /** Notes that a queue thread has ended, with its view of the backends. */
  threadEnded(thread: number): void {
    this.#health.forget(thread);
  }

  #ownHealth(backend: string, failure: string | undefined): void {
    this.backendHealth(CONTROL_THREAD, backend, failure);
    this.onBackendHealth?.(backend, failure);
    this.#review.noted(backend, failure);
  }

  /** Back to the state before a driver: no sessions, no keys, no features. */
  reset(): void {
    this.sessions.clear();
    this.awaitDriver();
  }

  /** Ends what a driver has agreed on by commands, and its associations. */
  resetAdministration(): void {
    this.#ipsec?.administration.reset();
  }

  /** Back to the state before a driver, but for sessions. */
  awaitDriver(): void {
    this.resetAdministration();
    this.#needsReset = false;
    this.#acceptedFeatures = 0n;
    this.#mode = wireMode(this.#settings.layout, 0n);
  }

  /** Resets, and closes the backends. */
  close(): void {
    this.#unobserveKeys?.();
    this.reset();
    this.backends.close();
    this.#review.end();
  }
}

function requireQueueCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MAXIMUM_DATA_QUEUES) {
    return;
  }
  throw new RangeError(
    `Cannot make a device of ${count} data queues: ` +
      `expected 1 to ${MAXIMUM_DATA_QUEUES}`,
  );
}
