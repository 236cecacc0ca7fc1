import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  type BackendThread,
  type BurstThread,
  CONTRACT_VERSION,
  OperationStatus,
} from "../../backends/backend.ts";
import { RequestBurst } from "../../backends/request_burst.ts";
import { aesCbc } from "../../testing/sessions.ts";
import { BackendStates } from "./backend_states.ts";
import { OpenBackends } from "./open_backends.ts";
import { ThreadBackends } from "./thread_backends.ts";

const NO_BURST = new RequestBurst(1);
const NO_SLOTS = new Int32Array(0);
const SESSION = aesCbc(new Uint8Array(16));

/** Backends of one thread, with a clock of the test's own. */
class Bed {
  now = 1000;
  readonly told: string[] = [];
  readonly asked: number[] = [];
  /** What `health()` of the backend says. */
  health: string | undefined = undefined;
  readonly backends: ThreadBackends;

  constructor(overrides: Partial<BackendThread> = {}) {
    const thread: BackendThread = {
      openSession: () => ({}),
      closeSession() {},
      run() {},
      health: () => {
        this.asked.push(this.now);
        return this.health;
      },
      close() {},
      ...overrides,
    };
    const backend = {
      contract: CONTRACT_VERSION,
      name: "mine",
      probe: () => {
        throw new Error("not asked");
      },
      open: () => thread,
    };
    const states = new BackendStates(() => this.now);
    states.observe((_, failure) => this.told.push(failure ?? "works"));
    const open = new OpenBackends([{ backend, options: {} }]);
    this.backends = new ThreadBackends(open, { states });
  }

  /** The backend, opened. */
  get thread(): BurstThread {
    return this.backends.threadFor("mine", SESSION);
  }

  works(): boolean {
    return this.backends.works("mine");
  }
}

Deno.test("a backend that fails is told of once, with its first reason, and asked after a second", () => {
  const bed = new Bed();
  bed.health = "still gone";
  bed.backends.backendFailed("mine", "first");
  const { epoch } = bed.backends;
  bed.now += 900;
  bed.backends.backendFailed("mine", "second");
  strictEqual(bed.backends.epoch, epoch);
  deepStrictEqual(bed.told, ["first"]);
  strictEqual(bed.works(), false);
  deepStrictEqual(bed.asked, []);
  bed.now += 100;
  // The second report has not put it off.
  strictEqual(bed.works(), false);
  deepStrictEqual(bed.asked, [2000]);
  bed.now += 999;
  bed.backends.review();
  deepStrictEqual(bed.asked, [2000]);
  bed.now += 1;
  bed.health = undefined;
  bed.backends.review();
  deepStrictEqual(bed.asked, [2000, 3000]);
  deepStrictEqual(bed.told, ["first", "works"]);
  strictEqual(bed.works(), true);
});

Deno.test("a backend that fails again soon is asked half as often, down to once a minute", () => {
  const bed = new Bed();
  const downMs: number[] = [];
  const failAndRecover = () => {
    bed.backends.backendFailed("mine", "gone");
    const since = bed.now;
    while (!bed.works()) bed.now += 250;
    downMs.push(bed.now - since);
  };
  for (let i = 0; i < 8; i++) {
    failAndRecover();
    bed.now += 59_000;
  }
  deepStrictEqual(
    downMs,
    [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000],
  );
  bed.now += 1000;
  failAndRecover();
  strictEqual(downMs.at(-1), 1000);
});

Deno.test("each recovery is another generation, and failures and recoveries change the epoch", () => {
  const bed = new Bed();
  const { backends } = bed;
  strictEqual(backends.generation("mine"), 0);
  const epochs = [backends.epoch];
  for (let i = 1; i <= 3; i++) {
    backends.backendFailed("mine", "gone");
    epochs.push(backends.epoch);
    strictEqual(backends.generation("mine"), i - 1);
    bed.now += 100_000;
    strictEqual(bed.works(), true);
    epochs.push(backends.epoch);
    strictEqual(backends.generation("mine"), i);
  }
  strictEqual(new Set(epochs).size, 7);
});

Deno.test("a backend that is down is not asked for sessions", () => {
  let opened = 0;
  const bed = new Bed({
    openSession: () => {
      opened++;
      return {};
    },
  });
  strictEqual(bed.backends.tryOpening("mine", SESSION), undefined);
  strictEqual(opened, 1);
  bed.backends.backendFailed("mine", "gone");
  strictEqual(bed.backends.tryOpening("mine", SESSION), "gone");
  strictEqual(opened, 1);
});

Deno.test("a session that cannot be closed again is refused, and the backend goes on", () => {
  const bed = new Bed({
    closeSession() {
      throw new Error("stuck");
    },
  });
  strictEqual(
    bed.backends.tryOpening("mine", SESSION),
    "it cannot be closed: stuck",
  );
  strictEqual(bed.works(), true);
  bed.backends.backendFailed("mine", "gone");
  strictEqual(bed.backends.closeSession("mine", bed.thread, 0), undefined);
});

Deno.test("run() and poll() tell what becomes of operations that are left", () => {
  const thrown = () => {
    throw new Error("gone");
  };
  const throws = new Bed({ run: thrown, poll: thrown });
  const thread = throws.thread;
  strictEqual(
    throws.backends.run("mine", thread, NO_BURST, NO_SLOTS, 0),
    OperationStatus.Unavailable,
  );
  strictEqual(
    throws.backends.poll("mine", thread),
    OperationStatus.Unavailable,
  );
  deepStrictEqual(throws.told, ["gone"]);
  const works = new Bed({ poll: () => 3 });
  const good = works.thread;
  strictEqual(
    works.backends.run("mine", good, NO_BURST, NO_SLOTS, 0),
    undefined,
  );
  strictEqual(works.backends.poll("mine", good), undefined);
  deepStrictEqual(works.told, []);
});
