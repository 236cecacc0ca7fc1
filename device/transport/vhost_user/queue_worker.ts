/**
 * Entry of a queue thread.
 *
 * @module
 */

import { openLibc } from "../../../ffi/libc.ts";
import { endForeignCalls } from "../../../ffi/libc_foreign.ts";
import { createChannel } from "../../lane/channel.ts";
import { LaneThread } from "../../lane/lane_thread.ts";
import { LaneChannel } from "../../lane/shared_way.ts";
import { FailureNotes } from "../../session/failure.ts";
import { ThreadSessions } from "../../session/thread_sessions.ts";
import { QueueLoop } from "./queue_loop.ts";
import type { Report, ThreadSetup } from "./thread_messages.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<ThreadSetup>) => void) | null;
  postMessage(report: Report, transfer?: Transferable[]): void;
  close(): void;
}

const scope = self as unknown as WorkerScope;

async function serve(setup: ThreadSetup): Promise<void> {
  const report = (report: Report) => scope.postMessage(report);
  const down = new Set<string>();
  let loop: QueueLoop | undefined;
  const lanes: LaneChannel[] = [];
  const noted =
    new FailureNotes((failure) => report({ kind: "failure", failure })).note;
  const openLane = (backend: string) => {
    const { memory } = setup.lanes.find((lane) => lane.backend === backend)!;
    const { sender, lane: end } = createChannel(memory);
    scope.postMessage({ kind: "lane", backend, end }, [
      end.port,
      end.bell,
    ]);
    const channel = new LaneChannel(sender, backend, noted);
    lanes.push(channel);
    return new LaneThread(channel.guest(setup.guest));
  };
  try {
    const sessions = await ThreadSessions.open(
      setup.settings,
      openLane,
      (backend, failure) => {
        if (failure === undefined) down.delete(backend);
        else down.add(backend);
        report({ kind: "health", backend, failure });
      },
      noted,
      () => loop?.takeAnnouncements(),
    );
    try {
      loop = new QueueLoop(openLibc(), setup, sessions, down, report);
      loop.run();
    } finally {
      sessions.close();
      endForeignCalls();
    }
    report({ kind: "exited" });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report({ kind: "failed", reason });
  }
  for (const lane of lanes) lane.close();
  setup.port.close();
  scope.close();
}

scope.onmessage = (event) => void serve(event.data);
