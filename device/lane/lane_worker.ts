/**
 * Entry of a lane's thread. Its event loop goes on: a message wakes it for what was
 * sent.
 *
 * @module
 */

import { type Libc, openLibc } from "../../ffi/libc.ts";
import { openProcessor } from "../../ffi/libc_processor.ts";
import { loadBackend } from "../../backends/registry.ts";
import { takeRecord } from "../session/announcement_memory.ts";
import { FailureNotes, reasonOf } from "../session/failure.ts";
import { ChannelServer } from "./channel_server.ts";
import { CallWatch } from "../../backends/call_watch.ts";
import type { LaneCommand, LaneReport } from "./lane_messages.ts";
import { Lookout } from "./lookout.ts";
import { asynchronousThread } from "./opened_backend.ts";
import { limitsOf, Scheduler } from "./scheduler.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<LaneCommand>) => void) | null;
  postMessage(report: LaneReport): void;
  close(): void;
}

const scope = self as unknown as WorkerScope;
const report = (report: LaneReport) => scope.postMessage(report);

type Start = Extract<LaneCommand, { kind: "start" }>;

const notes = new FailureNotes((failure) =>
  report({ kind: "failure", failure })
);

/** What the thread serves. */
class LaneServer {
  readonly #libc: Libc = openLibc();
  readonly #processor = openProcessor();
  readonly #scheduler: Scheduler;
  readonly #lookout = new Lookout(() => this.#scheduler.isBusy);
  readonly #channels = new Map<number, ChannelServer>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  static async start({ backend, memory }: Start): Promise<LaneServer> {
    const { name, specifier, options } = backend;
    const loaded = await loadBackend(specifier);
    const watch = new CallWatch(memory);
    const thread = asynchronousThread(loaded, options, notes.note, watch);
    const scheduler = new Scheduler(name, thread, limitsOf(loaded), notes.note);
    return new LaneServer(scheduler);
  }

  hear(command: Exclude<LaneCommand, Start>): void {
    switch (command.kind) {
      case "attach": {
        const { channel, end, wakeFd } = command;
        const server = new ChannelServer(
          end,
          this.#scheduler,
          this.#lookout,
          this.#processor,
          () => this.#libc.signal(wakeFd),
        );
        this.#channels.set(channel, server);
        return;
      }
      case "detach":
        this.#channels.get(command.channel)?.detach();
        this.#channels.delete(command.channel);
        return report({ kind: "detached", channel: command.channel });
      case "try": {
        const { description } = takeRecord(command.place);
        const { question } = command;
        void this.#scheduler.tryOpening(description).then((refusal) =>
          report({ kind: "tried", question, refusal })
        );
        return;
      }
      case "close":
        void this.#close();
    }
  }

  async #close(): Promise<void> {
    await this.#scheduler.closeAll();
    report({ kind: "closed" });
    scope.close();
  }
}

let server: Promise<LaneServer> | undefined;

/** In the order in which they come. */
scope.onmessage = ({ data }) => {
  if (data.kind === "start") server = LaneServer.start(data);
  else void server!.then((started) => started.hear(data));
};

/** What a plugin throws where nobody catches it does not end the thread. */
function tellUncaught(error: unknown): void {
  notes.note({ of: "backend", reason: `nobody caught: ${reasonOf(error)}` });
}

self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tellUncaught(event.reason);
});
self.addEventListener("error", (event) => {
  event.preventDefault();
  tellUncaught(event.error);
});
