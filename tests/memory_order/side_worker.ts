/**
 * The thread of one side.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { answerAll, send } from "./messages.ts";
import { driveAll, type Looks, serveAll } from "./notifications.ts";
import type { RingsPlan } from "./sides.ts";
import { publishAll, sleepAll, type WakePlan } from "./wake_words.ts";

/** What a side has to do. */
export type Task =
  | { readonly kind: "send"; readonly plan: RingsPlan; readonly count: number }
  | {
    readonly kind: "answer";
    readonly plan: RingsPlan;
    readonly count: number;
  }
  | { readonly kind: "drive"; readonly looks: Looks; readonly rounds: number }
  | { readonly kind: "serve"; readonly looks: Looks; readonly rounds: number }
  | {
    readonly kind: "publish" | "sleep";
    readonly wakes: WakePlan;
    readonly rounds: number;
  };

/** What a side says: that its rings are made, and what came of the task. */
export type Said = { readonly ready: true } | { readonly result: unknown };

function perform(task: Task): unknown {
  switch (task.kind) {
    case "send":
      return send(
        task.plan,
        task.count,
        () => self.postMessage({ ready: true } satisfies Said),
      );
    case "answer":
      return answerAll(task.plan, task.count);
    case "drive":
      return driveAll(task.looks, task.rounds);
    case "serve":
      return serveAll(task.looks, task.rounds);
    case "publish":
      return publishAll(task.wakes, task.rounds);
    case "sleep":
      return sleepAll(task.wakes, task.rounds);
  }
}

self.onmessage = ({ data }: MessageEvent<Task>) => {
  self.postMessage({ result: perform(data) } satisfies Said);
};
