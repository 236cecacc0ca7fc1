/**
 * Entry of a queue thread.
 *
 * @module
 */

import { setImmediate, setTimeout } from "node:timers";
import { messageOf } from "../../../backends/error_message.ts";
import { openLibc } from "../../../ffi/libc.ts";
import { EdgeEpoll } from "../../../ffi/libc_epoll.ts";
import { openProcessor } from "../../../ffi/libc_processor.ts";
import { endForeignCalls } from "../../../ffi/libc_foreign.ts";
import { CallGuard } from "../../session/call_guard.ts";
import { LaneChannels } from "../../lane/lane_channels.ts";
import { FailureNotes } from "../../session/failure.ts";
import { SharedBackends } from "../../session/shared_backends.ts";
import { KickWatch } from "./kick_watch.ts";
import { LoadedSettings } from "./loaded_settings.ts";
import { QueueLoop } from "./queue_loop.ts";
import { ThreadCommands } from "./thread_commands.ts";
import type { LanedSettings, Report, ThreadSetup } from "./thread_messages.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<ThreadSetup>) => void) | null;
  postMessage(report: Report, transfer?: Transferable[]): void;
  close(): void;
}

const RUNTIME_TURNS = 4;

const scope = self as unknown as WorkerScope;

/** Serves until the exit command. */
async function serve(setup: ThreadSetup): Promise<void> {
  const { port, wake, rest, spinMicroseconds, settings } = setup;
  const libc = openLibc();
  const epoll = EdgeEpoll.open(libc);
  if (typeof epoll === "number") {
    throw new Error(`Cannot wait for kicks: ${libc.describe(epoll)}`);
  }
  const kicks = new KickWatch(epoll, wake.fd);
  const words = new Int32Array(wake.words);
  const channels = new LaneChannels();
  const processor = openProcessor();
  const loop = new QueueLoop({
    libc,
    kicks,
    channels,
    commands: new ThreadCommands(port, words),
    words,
    rest: new Float64Array(rest),
    spinMicroseconds,
    report: (report) => scope.postMessage(report),
    hold: (backend, reason) => shared.hold(backend, reason),
  });
  const shared = shareBackends(setup, loop);
  // Backends that are closed write nothing more, so that memory may go.
  using _closing = { [Symbol.dispose]: () => shared.close() };
  const { note } = new FailureNotes((failure) =>
    scope.postMessage({ kind: "lane failure", failure })
  );
  const add = async (number: number, laned: LanedSettings) =>
    loop.addSettings(
      number,
      await LoadedSettings.load(laned, {
        shared,
        channels,
        processor,
        attach: (backend, end) =>
          scope.postMessage(
            { kind: "lane", settings: number, backend, end },
            [end.port, end.bell],
          ),
        failed: note,
      }),
    );
  try {
    for (const [number, laned] of settings.entries()) await add(number, laned);
    for (;;) {
      const wanted = loop.run();
      if (!wanted) break;
      const done = wanted.kind === "pause"
        ? runtimeTurns()
        : add(wanted.number, wanted);
      await whileServing(loop, done);
    }
  } finally {
    loop.close();
    kicks.close();
    endForeignCalls();
  }
}

/** The backends; `loop` tells what is left when a call of one is given up. */
function shareBackends(
  { guard, held }: ThreadSetup,
  loop: QueueLoop,
): SharedBackends {
  const givenUp = () => {
    try {
      shared.close();
      // Only now nobody writes to it any more.
      loop.reportLeft();
      endForeignCalls();
    } finally {
      scope.postMessage({ kind: "parked" });
    }
  };
  const shared = new SharedBackends(new CallGuard(guard, givenUp));
  for (const [name, reason] of held) shared.hold(name, reason);
  return shared;
}

/** What waits for the runtime may need several turns of its event loop. */
async function runtimeTurns(): Promise<void> {
  for (let i = 0; i < RUNTIME_TURNS; i++) {
    await new Promise<void>((resolve) => void setTimeout(resolve, 0));
  }
}

/** Gives rings turns until `loaded` is settled. */
async function whileServing(
  loop: QueueLoop,
  loaded: Promise<void>,
): Promise<void> {
  let isOver = false;
  const over = loaded.finally(() => isOver = true);
  while (!isOver) {
    loop.turn();
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  await over;
}

async function run(setup: ThreadSetup): Promise<void> {
  let last: Report = { kind: "exited" };
  try {
    await serve(setup);
  } catch (error) {
    last = { kind: "ended", reason: messageOf(error) };
  }
  scope.postMessage(last);
  setup.port.close();
  scope.close();
}

scope.onmessage = (event) => void run(event.data);
