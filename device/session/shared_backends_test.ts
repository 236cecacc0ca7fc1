import { notStrictEqual, strictEqual } from "node:assert/strict";
import {
  type Backend,
  type BackendThread,
  CONTRACT_VERSION,
} from "../../backends/backend.ts";
import { OpenBackends } from "./open_backends.ts";
import { SharedBackends } from "./shared_backends.ts";
import { ThreadBackends } from "./thread_backends.ts";

const HASH = { service: "hash", algorithm: "sha256", resultBytes: 32 } as const;

/** A backend that counts, and the guests of a thread that have it. */
function bed() {
  const counts = { opened: 0, closed: 0 };
  const thread = (): BackendThread => ({
    openSession: () => ({}),
    closeSession() {},
    run() {},
    close: () => void counts.closed++,
  });
  const backend: Backend = {
    contract: CONTRACT_VERSION,
    name: "mine",
    probe: () => {
      throw new Error("not asked");
    },
    open: () => {
      counts.opened++;
      return thread();
    },
  };
  const shared = new SharedBackends();
  const guest = (options: Record<string, string> = {}) => {
    const set = shared.of([{ name: "mine", specifier: "./mine.ts", options }]);
    const open = new OpenBackends([{ backend, options }], set.threads);
    return new ThreadBackends(open, set);
  };
  return { shared, guest, counts };
}

Deno.test("guests of a thread have their backends opened once, and numbers of their own there", () => {
  const { shared, guest, counts } = bed();
  const [first, second] = [guest(), guest()];
  const number = first.openSession("mine", HASH);
  notStrictEqual(second.openSession("mine", HASH), number);
  strictEqual(counts.opened, 1);
  first.close();
  strictEqual(counts.closed, 0);
  shared.close();
  strictEqual(counts.closed, 1);
});

Deno.test("other options are another backend", () => {
  const { guest, counts } = bed();
  guest().openSession("mine", HASH);
  guest({ mode: "other" }).openSession("mine", HASH);
  strictEqual(counts.opened, 2);
});

Deno.test("a backend fails for all guests of a thread, and late ones hear of it", () => {
  const { shared, guest } = bed();
  const [first, second] = [guest(), guest()];
  first.backendFailed("mine", "out of order");
  strictEqual(second.works("mine"), false);
  const heard: (string | undefined)[] = [];
  const { states } = shared.of([
    { name: "mine", specifier: "./mine.ts", options: {} },
  ]);
  states.observe((_, failure) => heard.push(failure));
  strictEqual(heard.join(), "out of order");
});

Deno.test("a backend that hangs is closed, and its sessions of all guests with it", () => {
  const { guest, counts } = bed();
  const [first, second] = [guest(), guest()];
  const number = second.openSession("mine", HASH) as number;
  const thread = second.threadFor("mine", HASH);
  first.closeHung("mine", thread, "it has not ended");
  strictEqual(counts.closed, 1);
  strictEqual(second.has("mine", thread), false);
  strictEqual(second.isDown("mine"), true);
  strictEqual(second.closeSession("mine", thread, number), undefined);
});
