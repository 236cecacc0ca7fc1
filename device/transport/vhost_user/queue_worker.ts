/**
 * Entry of a queue thread.
 *
 * @module
 */

import { openLibc } from "../../../ffi/libc.ts";
import { ThreadSessions } from "../../session/thread_sessions.ts";
import { QueueLoop } from "./queue_loop.ts";
import type { Report, ThreadSetup } from "./thread_messages.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<ThreadSetup>) => void) | null;
  postMessage(report: Report): void;
  close(): void;
}

const scope = self as unknown as WorkerScope;

async function serve(setup: ThreadSetup): Promise<void> {
  try {
    const sessions = await ThreadSessions.open(setup.settings);
    const report = (report: Report) => scope.postMessage(report);
    try {
      new QueueLoop(openLibc(), setup, sessions, report).run();
    } finally {
      sessions.close();
    }
    scope.postMessage({ kind: "exited" });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "failed", reason });
  }
  setup.port.close();
  scope.close();
}

scope.onmessage = (event) => void serve(event.data);
