/**
 * Points at which a device can be made to end, with kill -9, in the midst of what it
 * does: methods of its classes, wrapped in the process that the test starts. The
 * product knows nothing of it.
 *
 * @module
 */

import { DataQueue } from "../../../device/data_queue.ts";
import { OperationRunner } from "../../../device/operation_runner.ts";
import { PackedVirtqueue } from "../../../device/ring/packed_virtqueue.ts";
import { SplitVirtqueue } from "../../../device/ring/split_virtqueue.ts";
import { UndoLog } from "../../../device/ring/undo_log.ts";
import { UsedJournal } from "../../../device/ring/used_journal.ts";
import { RequestNumbers } from "../../../device/state/request_numbers.ts";
import { SessionLog } from "../../../device/state/session_log.ts";
import { KeptWords } from "../../../device/state/kept_words.ts";
import { Connection } from "../../../device/transport/vhost_user/connection.ts";
import { KeptAnswers } from "../../../device/transport/vhost_user/kept_answers.ts";
import { KeptGuest } from "../../../device/transport/vhost_user/kept_guest.ts";
import { KeptMessage } from "../../../device/transport/vhost_user/kept_message.ts";
import { Protocol } from "../../../device/transport/vhost_user/protocol.ts";
import { QueueRing } from "../../../device/transport/vhost_user/queue_ring.ts";
import { Segments } from "../../../memory/segments.ts";

/** Where a life ends: at the point's occurrence number `hits`. */
export interface Fault {
  readonly point: string;
  readonly hits: number;
}

/** No point: the life ends after a while. */
export const ANYWHERE = "anywhere";

/** A process that has ended, by its number. */
const END_PREFIX = "end-";

/** Files of one run. */
export const PLAN_VARIABLE = "VDC_TEST_FAULTS";
export const FAULT_VARIABLE = "VDC_TEST_FAULT";

type Method = (this: unknown, ...values: never[]) => unknown;
type Prototype = Record<string, unknown>;
type Site = readonly [
  prototype: object,
  method: string,
  when: "before" | "after",
  matches?: (values: readonly unknown[], result: unknown) => boolean,
];

const isSome = (_: readonly unknown[], count: unknown) => count !== 0;
/** Which half of the session log is in use: stored at the end of a compaction. */
const isHalf = ([word, value]: readonly unknown[]) =>
  word === 0 && (value === 0 || value === 1);

/** Points that rings pass, whatever they are. */
const RING_SITES: Readonly<Record<string, readonly Site[]>> = {
  "after pop": [
    [SplitVirtqueue.prototype, "take", "after", isSome],
    [PackedVirtqueue.prototype, "take", "after", isSome],
  ],
  "before a record": [[UndoLog.prototype, "add", "before"]],
  "between two records": [[UndoLog.prototype, "add", "after"]],
  "after all records": [[UndoLog.prototype, "commit", "after"]],
  "before run": [[OperationRunner.prototype, "runBurst", "before"]],
  "after a write": [[Segments.prototype, "write", "after"]],
  "after run": [[OperationRunner.prototype, "runBurst", "after"]],
  "after poll": [[OperationRunner.prototype, "poll", "after"]],
  "after stage": [
    [SplitVirtqueue.prototype, "give", "after"],
    [PackedVirtqueue.prototype, "give", "after"],
  ],
  "after commit": [[UsedJournal.prototype, "commit", "after"]],
  "before shown": [[UsedJournal.prototype, "shown", "before"]],
  "after publish": [
    [SplitVirtqueue.prototype, "publish", "after"],
    [PackedVirtqueue.prototype, "publish", "after"],
  ],
  "after records are freed": [
    [UndoLog.prototype, "free", "after"],
    [UndoLog.prototype, "clear", "after"],
  ],
  "before the call": [[QueueRing.prototype, "notify", "before"]],
  "after the call": [[QueueRing.prototype, "notify", "after"]],
  "after service": [[DataQueue.prototype, "service", "after"]],
};

/** Points that messages and control requests pass. */
const CONTROL_SITES: Readonly<Record<string, readonly Site[]>> = {
  "before a message is written down": [
    [KeptMessage.prototype, "taking", "before"],
  ],
  "before a message is taken": [[KeptMessage.prototype, "taking", "after"]],
  "after a message is taken": [[KeptMessage.prototype, "taken", "before"]],
  "before a message is handled": [[Protocol.prototype, "handle", "before"]],
  "before a record is saved": [[KeptGuest.prototype, "save", "before"]],
  "between two stores": [[KeptWords.prototype, "set", "after"]],
  "after a record is saved": [[KeptGuest.prototype, "save", "after"]],
  "before an answer is sent": [
    [Connection.prototype, "send", "before"],
    [KeptAnswers.prototype, "send", "before"],
  ],
  "before an answer leaves": [[KeptAnswers.prototype, "begin", "before"]],
  "after an answer may leave": [[KeptAnswers.prototype, "begin", "after"]],
  "after an answer is sent": [[KeptAnswers.prototype, "end", "before"]],
  "after an answer is known to be sent": [
    [KeptAnswers.prototype, "end", "after"],
  ],
  "before a control request": [[RequestNumbers.prototype, "take", "before"]],
  "after a control request": [[RequestNumbers.prototype, "take", "after"]],
  "after a session is added": [[SessionLog.prototype, "add", "after"]],
  "after a session is removed": [[SessionLog.prototype, "remove", "after"]],
  "mid-compaction": [[KeptWords.prototype, "set", "before", isHalf]],
  "after compaction": [[KeptWords.prototype, "set", "after", isHalf]],
};

const SITES = { ...RING_SITES, ...CONTROL_SITES };

export const RING_POINTS = Object.keys(RING_SITES);
export const CONTROL_POINTS = Object.keys(CONTROL_SITES);

/**
 * Notes in `folder` where this process ends, once and as one step: two threads may
 * strike at a time, and one end the process while the other one is here.
 */
export function noteEnd(folder: string, point: string): void {
  const draft = `${folder}/${crypto.randomUUID()}`;
  Deno.writeTextFileSync(draft, point);
  try {
    Deno.linkSync(draft, `${folder}/${END_PREFIX}${Deno.pid}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** How many processes have ended at each point, by the notes in `folder`. */
export function countEnds(folder: string): Record<string, number> {
  const ends: Record<string, number> = {};
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.startsWith(END_PREFIX)) continue;
    const point = Deno.readTextFileSync(`${folder}/${name}`);
    ends[point] = (ends[point] ?? 0) + 1;
  }
  return ends;
}

/** Has this thread end its process as `fault` says; `note` hears it just before. */
export function armFault(
  { point, hits }: Fault,
  note: (point: string) => void,
): void {
  let left = hits;
  const strike = () => {
    if (--left > 0) return;
    note(point);
    Deno.kill(Deno.pid, "SIGKILL");
  };
  for (const site of SITES[point] ?? []) wrap(site, strike);
}

/** Calls `then` once so many guests have gone on: each is saved then. */
export function whenAllGoOn(guests: number, then: () => void): void {
  const seen = new Set<unknown>();
  const prototype = KeptGuest.prototype as unknown as Prototype;
  const save = prototype.save as Method;
  prototype.save = function (this: unknown, ...values: never[]) {
    const before = seen.size;
    seen.add(this);
    if (seen.size === guests && before < guests) then();
    return save.apply(this, values);
  };
}

function wrap([owner, name, when, matches]: Site, strike: () => void): void {
  const prototype = owner as Prototype;
  const method = prototype[name] as Method;
  prototype[name] = function (this: unknown, ...values: never[]) {
    if (when === "before" && (matches?.(values, undefined) ?? true)) strike();
    const result = method.apply(this, values);
    if (when === "after" && (matches?.(values, result) ?? true)) strike();
    return result;
  };
}
