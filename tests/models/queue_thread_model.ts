/**
 * The protocol by which a queue thread sleeps and is woken, as a model: two rings
 * of two guests, their drivers, the main thread with its commands, and a lane.
 * Every access to what two threads share is a step of its own, in one order that
 * all agree on, as `Atomics` have it. Comments in the product that begin with
 * `model:` name the steps.
 *
 * @module
 */

import type { Model, Step } from "./explorer.ts";

/** What is different in a model that is to fail. */
export type Fault =
  | "sleeps without a last look at its rings"
  | "looks at its rings before it wishes to be kicked"
  | "sleeps without a last look at its commands"
  | "looks at its commands before it says that it sleeps"
  | "commands are counted after the look whether the thread sleeps"
  | "looks at what a lane has ended before it lowers its flag"
  | "sleeps though it has found what a lane has ended"
  | "a lane raises its flag before it counts"
  | "a ring of a busy thread sleeps though a lane has its requests"
  | "a kicked ring gets no turn"
  | "a ring that starts again is not looked at";

/** What happens in a run of the model. */
export interface Scenario {
  /** Requests of each driver. */
  readonly requests: readonly [number, number];
  /** Whether drivers are told by an event index when to kick. */
  readonly eventIndex: boolean;
  /** Whether the first ring's requests go to the lane. */
  readonly lane: boolean;
  /** What the main thread tells of the second ring; it waits for answers. */
  readonly commands: readonly ("announce" | "stop" | "start" | "memory")[];
  readonly fault?: Fault;
}

const RINGS = [0, 1] as const;
type Ring = typeof RINGS[number];
type Pair<T> = readonly [T, T];

const set = <T>(pair: Pair<T>, ring: Ring, value: T): Pair<T> =>
  ring === 0 ? [value, pair[1]] : [pair[0], value];

/** Where the thread is in its loop. */
type Place =
  | "commands"
  | "suppress"
  | "look"
  | "load ended"
  | "between"
  | "idle rings"
  | "rest"
  | "wish"
  | "last look"
  | "say asleep"
  | "lower flag"
  | "last ended"
  | "last commands"
  | "wait"
  | "raise flag"
  | "say awake";

interface State {
  /** Requests that drivers have made available, and the thread has taken. */
  readonly available: Pair<number>;
  readonly taken: Pair<number>;
  /** 1: wants kicks, 0: none; with an event index: the index to be told of. */
  readonly wish: Pair<number>;
  /** Edges that epoll has not reported. */
  readonly kicks: Pair<boolean>;
  readonly wake: boolean;
  readonly asleep: boolean;
  readonly sent: number;
  readonly drivers: Pair<"publish" | "look" | "kick">;
  readonly main: "put" | "count" | "look" | "wake" | "answer";
  readonly told: number;
  readonly answered: number;
  /** The lane: given, ended, found by the thread, had by the ring … */
  readonly given: number;
  readonly ended: number;
  readonly found: number;
  readonly collected: number;
  /** … whether the thread is awake to it, and where it is. */
  readonly flag: boolean;
  readonly lane: "work" | "raise" | "signal" | "count";
  /** The thread's own. */
  readonly place: Place;
  readonly ring: Ring;
  readonly awake: Pair<boolean>;
  readonly suppressed: Pair<boolean>;
  readonly runs: boolean;
  readonly received: number;
  readonly busy: boolean;
  /** Which rings were quiet in this turn. */
  readonly quiet: Pair<boolean>;
  /** Whether the rings are laid to sleep while the thread goes on. */
  readonly lays: boolean;
  readonly more: boolean;
}

const INITIAL: State = {
  available: [0, 0],
  taken: [0, 0],
  wish: [1, 1],
  kicks: [false, false],
  wake: false,
  asleep: false,
  sent: 0,
  drivers: ["publish", "publish"],
  main: "put",
  told: 0,
  answered: 0,
  given: 0,
  ended: 0,
  found: 0,
  collected: 0,
  flag: false,
  lane: "work",
  place: "commands",
  ring: 0,
  awake: [true, true],
  suppressed: [false, false],
  runs: true,
  received: 0,
  busy: false,
  quiet: [true, true],
  lays: false,
  more: false,
};

/** The model of a scenario. */
export class QueueThreadModel implements Model<State> {
  readonly initial: State;
  readonly #scenario: Scenario;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.initial = scenario.eventIndex ? { ...INITIAL, wish: [0, 0] } : INITIAL;
  }

  steps(state: State): Step<State>[] {
    return [
      ...RINGS.flatMap((ring) => this.#driver(state, ring)),
      ...this.#main(state),
      ...this.#lane(state),
      ...this.#thread(state),
    ];
  }

  problem(state: State): string | undefined {
    for (const ring of RINGS) {
      const isServed = ring === 0 || state.runs;
      if (isServed && state.taken[ring] !== state.available[ring]) {
        return `ring ${ring} has requests, and nobody serves it`;
      }
    }
    if (state.received !== state.sent) return "a command is not taken";
    if (state.told !== this.#scenario.commands.length) {
      return "a command is not answered";
    }
    if (state.collected !== state.given) {
      return "what a lane has ended is not answered";
    }
    return undefined;
  }

  #has(fault: Fault): boolean {
    return this.#scenario.fault === fault;
  }

  #driver(state: State, ring: Ring): Step<State>[] {
    const at = (place: State["drivers"][Ring], rest: Partial<State> = {}) => ({
      ...state,
      ...rest,
      drivers: set(state.drivers, ring, place),
    });
    const name = (step: string) => `driver ${ring}: ${step}`;
    switch (state.drivers[ring]) {
      case "publish": {
        const count = state.available[ring];
        if (count === this.#scenario.requests[ring]) return [];
        const available = set(state.available, ring, count + 1);
        return [[name("publish"), at("look", { available })]];
      }
      case "look": {
        const wish = state.wish[ring];
        const isWished = this.#scenario.eventIndex
          ? wish === state.available[ring] - 1
          : wish === 1;
        return [[name("look"), at(isWished ? "kick" : "publish")]];
      }
      case "kick": {
        const kicks = set(state.kicks, ring, true);
        return [[name("kick"), at("publish", { kicks })]];
      }
    }
  }

  #main(state: State): Step<State>[] {
    const { commands } = this.#scenario;
    if (state.told === commands.length) return [];
    const late = this.#has(
      "commands are counted after the look whether the thread sleeps",
    );
    const counted = { ...state, sent: state.sent + 1 };
    switch (state.main) {
      case "put":
        return [["main: put", { ...state, main: late ? "look" : "count" }]];
      case "count":
        return [["main: count", {
          ...counted,
          main: late ? "answer" : "look",
        }]];
      case "look": {
        const next = late ? "count" : "answer";
        return [["main: look", {
          ...state,
          main: state.asleep ? "wake" : next,
        }]];
      }
      case "wake": {
        const main = late ? "count" : "answer";
        return [["main: wake", { ...state, main, wake: true }]];
      }
      case "answer": {
        const isAsked = commands[state.told] !== "announce";
        if (isAsked && state.answered <= state.told) return [];
        return [["main: go on", {
          ...state,
          main: "put",
          told: state.told + 1,
        }]];
      }
    }
  }

  #lane(state: State): Step<State>[] {
    const isEarly = this.#has("a lane raises its flag before it counts");
    const after = isEarly ? "count" : "work";
    const ended = state.ended + 1;
    switch (state.lane) {
      case "work":
        if (state.ended === state.given) return [];
        return isEarly
          ? [["lane: begin", { ...state, lane: "raise" }]]
          : [["lane: count", { ...state, ended, lane: "raise" }]];
      case "raise": {
        const lane = state.flag ? after : "signal";
        return [["lane: raise", { ...state, flag: true, lane }]];
      }
      case "signal":
        return [["lane: signal", { ...state, lane: after, wake: true }]];
      case "count":
        return [["lane: count late", { ...state, ended, lane: "work" }]];
    }
  }

  #thread(state: State): Step<State>[] {
    const to = (place: Place, rest: Partial<State> = {}): Step<State>[] => [[
      `thread: ${state.place} ${state.ring}`,
      { ...state, ...rest, place },
    ]];
    const { ring } = state;
    switch (state.place) {
      case "commands":
        return this.#takeCommand(state);
      case "suppress": {
        if (!this.#isTurn(state)) return this.#nextRing(state);
        const suppressed = set(state.suppressed, ring, true);
        if (state.suppressed[ring] || this.#scenario.eventIndex) {
          return this.#look({ ...state, suppressed });
        }
        return to("look", { suppressed, wish: set(state.wish, ring, 0) });
      }
      case "look":
        return this.#look(state);
      case "load ended":
        return this.#nextRing({ ...state, ...this.#collect(state) });
      case "between":
        return this.#between(state);
      case "idle rings":
        return this.#layIdle(state);
      case "rest":
        return this.#rest(state);
      case "wish":
        return this.#wish(state);
      case "last look":
        return this.#lastLook(state);
      case "say asleep":
        return to(
          this.#has("looks at its commands before it says that it sleeps")
            ? "wait"
            : this.#laneLooks[0]!,
          { asleep: true },
        );
      case "lower flag":
        return to(this.#afterLooking(state.place), { flag: false });
      case "last ended": {
        const { ended } = state;
        const finds = ended > state.found;
        const goesOn = finds &&
          !this.#has("sleeps though it has found what a lane has ended");
        return to(
          goesOn ? "raise flag" : this.#afterLooking(state.place),
          { found: ended },
        );
      }
      case "last commands": {
        const isEarly = this.#has(
          "looks at its commands before it says that it sleeps",
        );
        const hasNews = state.sent > state.received &&
          !this.#has("sleeps without a last look at its commands");
        if (hasNews) return to(this.#waking);
        return to(isEarly ? "say asleep" : "wait");
      }
      case "wait": {
        const { kicks, wake } = state;
        if (!wake && !kicks[0] && !kicks[1]) return [];
        return to(this.#waking, this.#takeEdges(state));
      }
      case "raise flag":
        return to("say awake", { flag: true });
      case "say awake":
        return this.#begin({ ...state, asleep: false });
    }
  }

  /** What a thread does about its lanes when it has said that it sleeps. */
  get #laneLooks(): readonly Place[] {
    if (!this.#scenario.lane) return ["last commands"];
    return this.#has("looks at what a lane has ended before it lowers its flag")
      ? ["last ended", "lower flag", "last commands"]
      : ["lower flag", "last ended", "last commands"];
  }

  #afterLooking(place: Place): Place {
    const looks = this.#laneLooks;
    return looks[looks.indexOf(place) + 1]!;
  }

  get #waking(): Place {
    return this.#scenario.lane ? "raise flag" : "say awake";
  }

  #begin(state: State): Step<State>[] {
    return [["thread: turn", {
      ...state,
      place: "commands",
      ring: 0,
      busy: false,
      quiet: [true, true],
      lays: false,
      more: false,
    }]];
  }

  #takeCommand(state: State): Step<State>[] {
    if (state.sent === state.received) {
      return [["thread: first ring", { ...state, place: "suppress", ring: 0 }]];
    }
    const command = this.#scenario.commands[state.received]!;
    const received = state.received + 1;
    const answered = command === "announce" ? state.answered : received;
    const after = { ...state, received, answered };
    const wakes = !this.#has("a ring that starts again is not looked at");
    switch (command) {
      case "announce":
        return [["thread: announce", after]];
      case "stop":
        return [["thread: stop", {
          ...after,
          runs: false,
          awake: set(state.awake, 1, false),
        }]];
      case "start":
      case "memory":
        // The ring is opened anew, which leaves the driver's wish as it is.
        return [[`thread: ${command}`, {
          ...after,
          runs: true,
          awake: set(state.awake, 1, wakes || state.awake[1]),
          suppressed: set(state.suppressed, 1, false),
        }]];
    }
  }

  #isTurn({ ring, awake, runs }: State): boolean {
    return awake[ring] && (ring === 0 || runs);
  }

  /** Whether the ring waits for the lane. */
  #waits(state: State, ring: Ring): boolean {
    return this.#scenario.lane && ring === 0 && state.given > state.collected;
  }

  #look(state: State): Step<State>[] {
    const { ring } = state;
    const finds = state.available[ring] > state.taken[ring];
    const given = finds && ring === 0 && this.#scenario.lane
      ? state.given + 1
      : state.given;
    const after: State = finds
      ? {
        ...state,
        taken: set(state.taken, ring, state.taken[ring] + 1),
        given,
        busy: true,
        quiet: set(state.quiet, ring, false),
      }
      : state;
    if (this.#waits(after, ring)) {
      return [[`thread: look ${ring}`, { ...after, place: "load ended" }]];
    }
    return this.#nextRing(after);
  }

  #collect(state: State): Partial<State> {
    return state.ended > state.collected
      ? { found: state.ended, collected: state.ended, busy: true }
      : {};
  }

  #nextRing(state: State): Step<State>[] {
    return [[`thread: turn of ${state.ring} ends`, {
      ...state,
      place: "between",
    }]];
  }

  /** It may look for kicks after a ring that was busy; for commands it does. */
  #between(state: State): Step<State>[] {
    const go = (after: State): State =>
      after.ring === 0
        ? { ...after, ring: 1, place: "suppress" }
        : { ...after, ring: 0, place: after.busy ? "idle rings" : "rest" };
    const found: Step<State>[] = [["thread: go on", go(state)]];
    if (!state.quiet[state.ring]) {
      const edges = { ...state, ...this.#takeEdges(state) };
      found.push(["thread: look for kicks", go(edges)]);
    }
    return found;
  }

  #takeEdges(state: State): Partial<State> {
    const wakes = !this.#has("a kicked ring gets no turn");
    return {
      awake: [
        state.awake[0] || (wakes && state.kicks[0]),
        state.awake[1] || (wakes && state.runs && state.kicks[1]),
      ],
      kicks: [false, false],
      wake: false,
    };
  }

  /** Rings that were quiet may be laid to sleep while others are busy. */
  #layIdle(state: State): Step<State>[] {
    return [
      ...this.#begin(state),
      ["thread: lay to sleep", {
        ...state,
        ring: 0,
        place: "wish",
        lays: true,
      }],
    ];
  }

  /** Nothing to do: it may look again, and for kicks, or go to sleep. */
  #rest(state: State): Step<State>[] {
    const edges = { ...state, ...this.#takeEdges(state) };
    const sleep = { ring: 0, place: "wish", lays: false } as const;
    return [
      ...this.#begin(state),
      ...this.#begin(edges),
      ["thread: goes to sleep", { ...state, ...sleep }],
    ];
  }

  #isLaid(state: State): boolean {
    const { ring, lays, quiet } = state;
    if (!this.#isTurn(state)) return false;
    if (!lays) return true;
    const stays = this.#waits(state, ring) && !this.#has(
      "a ring of a busy thread sleeps though a lane has its requests",
    );
    return quiet[ring] && !stays;
  }

  #wish(state: State): Step<State>[] {
    const { ring } = state;
    if (!this.#isLaid(state)) return this.#afterLook(state, false);
    if (this.#has("looks at its rings before it wishes to be kicked")) {
      const more = state.available[ring] > state.taken[ring];
      return [["thread: look, not wished", {
        ...state,
        place: "last look",
        more: state.more || more,
        quiet: set(state.quiet, ring, !more),
      }]];
    }
    return [[`thread: wish ${ring}`, {
      ...state,
      ...this.#wished(state),
      place: "last look",
    }]];
  }

  #wished({ ring, wish, taken, suppressed }: State): Partial<State> {
    const value = this.#scenario.eventIndex ? taken[ring] : 1;
    return {
      wish: set(wish, ring, value),
      suppressed: set(suppressed, ring, false),
    };
  }

  #lastLook(state: State): Step<State>[] {
    const { ring } = state;
    if (this.#has("looks at its rings before it wishes to be kicked")) {
      const finds = !state.quiet[ring];
      return this.#afterLook({ ...state, ...this.#wished(state) }, !finds);
    }
    const finds = state.available[ring] > state.taken[ring] &&
      !this.#has("sleeps without a last look at its rings");
    return this.#afterLook({ ...state, more: state.more || finds }, !finds);
  }

  #afterLook(state: State, sleeps: boolean): Step<State>[] {
    const { ring, lays } = state;
    const stays = this.#waits(state, ring) && (!lays || !this.#has(
      "a ring of a busy thread sleeps though a lane has its requests",
    ));
    const awake = sleeps && !stays
      ? set(state.awake, ring, false)
      : state.awake;
    const after = { ...state, awake };
    if (ring === 0) {
      return [["thread: next look", { ...after, ring: 1, place: "wish" }]];
    }
    if (lays || state.more) return this.#begin(after);
    const place = this.#has(
        "looks at its commands before it says that it sleeps",
      )
      ? "last commands"
      : "say asleep";
    return [["thread: sleeps", { ...after, ring: 0, place }]];
  }
}
