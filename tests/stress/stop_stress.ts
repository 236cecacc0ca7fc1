/**
 * Stops rings under load, in every way that a front-end has, and has both sides
 * count: a request that was made available before a stop is either answered or
 * still available after it, never between.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import { Counter } from "../../device/queue_counts.ts";
import {
  OFFERED_PROTOCOL_FEATURES,
  Request,
} from "../../device/transport/vhost_user/messages.ts";
import {
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../../device/wire/features.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  USER_ADDRESS,
  words,
} from "../../testing/scripted_front_end.ts";
import { createSession } from "../../testing/sessions.ts";
import {
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";
import {
  type Load,
  LoadedRing,
  RING_SIZE,
  type RingForm,
  StressFailure,
} from "./loaded_ring.ts";
import { Encryptions, session, Sessions } from "./loads.ts";

/** One run. */
export interface StressPlan extends RingForm {
  readonly backend: string;
  readonly milliseconds: number;
}

/** What a run has done, by name. */
export type StressCounts = Record<string, number>;

const CONTROL = 2;

/** Runs a plan; throws a {@linkcode StressFailure} for what is lost. */
export async function stressStops(
  plan: StressPlan,
  random: Random,
): Promise<StressCounts> {
  // Its rings share a thread, or have one each.
  const threads = 1 + random.integer(2);
  const { backend } = plan;
  await using server = await startTestServer(undefined, backend, {}, threads);
  using front = ScriptedFrontEnd.connect(server.path);
  const run = new StopStress(server, front, plan, random);
  try {
    return await run.run();
  } catch (error) {
    const told = server.log.filter((line) => !line.startsWith("debug"));
    throw new StressFailure(
      `${(error as Error).message}\n${told.slice(-20).join("\n")}`,
      { cause: error },
    );
  }
}

class StopStress {
  readonly #server: TestServer;
  readonly #front: ScriptedFrontEnd;
  readonly #plan: StressPlan;
  readonly #random: Random;
  readonly #rings: LoadedRing[] = [];
  readonly #counts: StressCounts = {};

  constructor(
    server: TestServer,
    front: ScriptedFrontEnd,
    plan: StressPlan,
    random: Random,
  ) {
    this.#server = server;
    this.#front = front;
    this.#plan = plan;
    this.#random = random;
  }

  async run(): Promise<StressCounts> {
    await this.#connect();
    this.#makeRings();
    for (const ring of this.#rings) await this.#start(ring, undefined);
    const end = performance.now() + this.#plan.milliseconds;
    const failures: unknown[] = [];
    const failed = () => failures.length > 0;
    const isOver = () => failed() || performance.now() >= end;
    // All have to be over before the memory goes.
    await Promise.all([
      this.#disturb(isOver),
      ...this.#rings.map((ring) => ring.drive(isOver, failed)),
    ].map((one) => one.catch((error) => failures.push(error))));
    if (failed()) throw failures[0];
    await this.#checkCounters();
    return this.#counts;
  }

  async #connect(): Promise<void> {
    const front = this.#front;
    const { packed, eventIndex, inOrder } = this.#plan;
    const features = F_VERSION_1 | F_INDIRECT_DESC |
      F_VHOST_USER_PROTOCOL_FEATURES | (packed ? F_RING_PACKED : 0n) |
      (eventIndex ? F_EVENT_IDX : 0n) | (inOrder ? F_IN_ORDER : 0n);
    front.send(Request.SetProtocolFeatures, longs(OFFERED_PROTOCOL_FEATURES));
    await this.#tell(Request.SetFeatures, longs(features));
    await this.#shareMemory();
  }

  #makeRings(): void {
    const id = createSession(this.#server.device, session());
    const depth = this.#plan.indirect ? 48 : 16;
    const loads: Load[] = [
      new Encryptions(id, depth),
      new Encryptions(id, depth),
      new Sessions(8),
    ];
    for (const [index, load] of loads.entries()) {
      this.#rings.push(
        new LoadedRing(this.#front, index, this.#plan, load, this.#random),
      );
    }
  }

  /** Carries out one disturbance after another. */
  async #disturb(isOver: () => boolean): Promise<void> {
    const disturbances = {
      stops: (ring: LoadedRing) => this.#stopAndGoOn(ring),
      disablings: (ring: LoadedRing) => this.#disableAndEnable(ring),
      "call changes": (ring: LoadedRing) => this.#changeCall(ring),
      "kick changes": (ring: LoadedRing) => this.#changeKick(ring),
      "repeated addresses": (ring: LoadedRing) => this.#repeatAddresses(ring),
      "memory tables": () => this.#shareMemory(),
      "regions away": () => this.#removeMemory(),
    };
    const names = Object.keys(disturbances) as (keyof typeof disturbances)[];
    while (!isOver()) {
      const name = this.#random.oneIn(2) ? "stops" : this.#random.pick(names);
      await disturbances[name](this.#random.pick(this.#rings));
      this.#counts[name] = (this.#counts[name] ?? 0) + 1;
      await this.#pause();
    }
  }

  async #stopAndGoOn(ring: LoadedRing): Promise<void> {
    const { index } = ring;
    const reply = await this.#front.ask(Request.GetVringBase, words(index, 0));
    ring.running = false;
    const base = new DataView(reply.buffer).getUint32(4, true);
    ring.checkStopped(base);
    this.#checkCounter(ring);
    await this.#pause();
    ring.checkUntouched();
    await this.#start(ring, base);
  }

  async #disableAndEnable(ring: LoadedRing): Promise<void> {
    const { index } = ring;
    await this.#tell(Request.SetVringEnable, words(index, 0));
    ring.running = false;
    ring.takeAll();
    this.#checkCounter(ring);
    await this.#pause();
    ring.checkUntouched();
    ring.running = true;
    await this.#tell(Request.SetVringEnable, words(index, 1));
  }

  async #changeCall(ring: LoadedRing): Promise<void> {
    const old = ring.callFd;
    ring.callFd = this.#front.eventfd();
    await this.#tell(Request.SetVringCall, longs(ring.index), [ring.callFd]);
    this.#front.close(old);
  }

  async #changeKick(ring: LoadedRing): Promise<void> {
    const old = ring.kickFd;
    ring.kickFd = this.#front.eventfd();
    await this.#tell(Request.SetVringKick, longs(ring.index), [ring.kickFd]);
    this.#front.close(old);
  }

  async #repeatAddresses(ring: LoadedRing): Promise<void> {
    const addresses = this.#front.ringAddresses(ring.index, ring);
    await this.#tell(Request.SetVringAddr, addresses);
  }

  async #shareMemory(): Promise<void> {
    const { memoryFd } = this.#front;
    const table = this.#front.memoryTable();
    await this.#tell(Request.SetMemTable, table, [memoryFd]);
  }

  /** Every request's memory is away for a moment, and every ring's. */
  async #removeMemory(): Promise<void> {
    const region = longs(0, GUEST_ADDRESS, MEMORY_BYTES, USER_ADDRESS, 0);
    await this.#tell(Request.RemMemReg, region);
    await this.#pause();
    await this.#tell(Request.AddMemReg, region, [this.#front.memoryFd]);
  }

  async #start(ring: LoadedRing, base: number | undefined): Promise<void> {
    const front = this.#front;
    const { index, callFd, kickFd } = ring;
    front.send(Request.SetVringNum, words(index, RING_SIZE));
    if (base !== undefined) {
      front.send(Request.SetVringBase, words(index, base));
    }
    front.send(Request.SetVringAddr, front.ringAddresses(index, ring));
    front.send(Request.SetVringCall, longs(index), [callFd]);
    front.send(Request.SetVringKick, longs(index), [kickFd]);
    ring.running = true;
    await this.#tell(Request.SetVringEnable, words(index, 1));
  }

  async #tell(
    request: Request,
    payload: Uint8Array,
    fds: readonly number[] = [],
  ): Promise<void> {
    const refused = await this.#front.tell(request, payload, fds);
    if (refused !== 0) throw new StressFailure(`request ${request} is refused`);
  }

  /** What the device has counted is what the driver has. */
  #checkCounter(ring: LoadedRing): void {
    const counters = this.#server.counters.get(ring.index);
    const counted = counters?.[Counter.Requests];
    if (ring.index === CONTROL || counted === ring.answered) return;
    throw new StressFailure(
      `ring ${ring.index}: the device has counted ${counted} requests, its ` +
        `driver ${ring.answered} answers`,
    );
  }

  async #checkCounters(): Promise<void> {
    for (const ring of this.#rings) {
      await this.#stopAndGoOn(ring);
      if (ring.submitted !== ring.answered) {
        throw new StressFailure(
          `ring ${ring.index}: ${ring.submitted} requests, ` +
            `${ring.answered} answers`,
        );
      }
      this.#counts[`answers of ring ${ring.index}`] = ring.answered;
    }
  }

  #pause(): Promise<void> {
    const milliseconds = this.#random.integer(4);
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }
}
