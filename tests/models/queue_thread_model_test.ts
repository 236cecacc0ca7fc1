import { ok, strictEqual } from "node:assert/strict";
import { explore } from "./explorer.ts";
import {
  type Fault,
  QueueThreadModel,
  type Scenario,
} from "./queue_thread_model.ts";

const KICKS: Scenario = {
  requests: [2, 2],
  eventIndex: false,
  lane: false,
  commands: [],
};
const COMMANDS: Scenario = {
  ...KICKS,
  requests: [1, 1],
  commands: ["announce", "stop", "start"],
};
const LANE: Scenario = { ...KICKS, requests: [2, 1], lane: true };

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "two rings": KICKS,
  "two rings with event indices": { ...KICKS, eventIndex: true },
  "commands": COMMANDS,
  "commands and event indices": { ...COMMANDS, eventIndex: true },
  "a lane": LANE,
  "a lane, commands and event indices": {
    ...LANE,
    requests: [1, 1],
    eventIndex: true,
    commands: ["memory"],
  },
};

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`no wake-up is lost, in any order of steps: ${name}`, () => {
    const { problem, steps, states } = explore(new QueueThreadModel(scenario));
    strictEqual(problem, undefined, steps?.join("\n"));
    ok(states > 1000, `only ${states} states`);
  });
}

/** What each fault needs to show. */
const FAULTS: Readonly<Record<Fault, Scenario>> = {
  "sleeps without a last look at its rings": KICKS,
  "looks at its rings before it wishes to be kicked": KICKS,
  "sleeps without a last look at its commands": COMMANDS,
  "looks at its commands before it says that it sleeps": COMMANDS,
  "commands are counted after the look whether the thread sleeps": COMMANDS,
  "looks at what a lane has ended before it lowers its flag": LANE,
  "sleeps though it has found what a lane has ended": LANE,
  "a lane raises its flag before it counts": LANE,
  "a ring of a busy thread sleeps though a lane has its requests": LANE,
  "a kicked ring gets no turn": KICKS,
  "a ring that starts again is not looked at": COMMANDS,
};

for (const [fault, scenario] of Object.entries(FAULTS)) {
  Deno.test(`the model shows what is lost where a thread ${fault}`, () => {
    const model = new QueueThreadModel({ ...scenario, fault: fault as Fault });
    const { problem, steps } = explore(model);
    ok(problem !== undefined, "nothing is lost");
    ok(steps!.length > 0);
  });
}
