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

/** Serves until the exit command; `begun` hears by what. */
async function serve(
  { port, wake, rest, spinMicroseconds, settings }: ThreadSetup,
  shared: SharedBackends,
  begun: (loop: QueueLoop) => void,
): Promise<void> {
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
  begun(loop);
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
  let loop: QueueLoop | undefined;
  const guard = new CallGuard(setup.guard, () => {
    try {
      shared.close();
      // Only now nobody writes to it any more.
      loop?.reportLeft();
      endForeignCalls();
    } finally {
      scope.postMessage({ kind: "parked" });
    }
  });
  const shared = new SharedBackends(guard);
  for (const [name, reason] of setup.held) shared.hold(name, reason);
  let last: Report = { kind: "exited" };
  try {
    await serve(setup, shared, (begun) => loop = begun);
  } catch (error) {
    const reason = messageOf(error);
    last = { kind: "ended", reason };
  }
  // They write nothing more from now on, so that memory may go.
  shared.close();
  scope.postMessage(last);
  setup.port.close();
  scope.close();
}

scope.onmessage = (event) => void run(event.data);
