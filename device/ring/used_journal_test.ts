import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  ENTRY_WORDS,
  MOST_USED,
  USED_JOURNAL_BYTES,
  UsedJournal,
} from "./used_journal.ts";

const words = () => new Int32Array(USED_JOURNAL_BYTES / 4);

/** Has `count` used descriptors shown from `position` on. */
function commit(journal: UsedJournal, position: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const entry = [i | 1 + i % 3 << 16, 100 * i];
    journal.entries.set(entry, ENTRY_WORDS * journal.count++);
  }
  journal.commit(position);
}

Deno.test("what is committed and not shown is there for who comes next", () => {
  const memory = words();
  const journal = new UsedJournal(memory);
  journal.reset(0x8000_8000);
  commit(journal, 0x8000_8000, MOST_USED);
  const next = new UsedJournal(memory);
  strictEqual(next.unshown, MOST_USED);
  deepStrictEqual(
    [
      next.descriptors(41) - next.descriptors(40),
      ...next.entries.slice(80, 82),
    ],
    [2, 40 | 2 << 16, 4000],
  );
  journal.shown(0x8010_8010);
  strictEqual(new UsedJournal(memory).unshown, 0);
  strictEqual(next.position, 0x8010_8010);
});

Deno.test("what is not committed to its end is nothing, wherever the ring was reset", () => {
  const memory = words();
  const journal = new UsedJournal(memory);
  for (const position of [0, 0x8000_8000, 0x10_0010, 0x8000_8000]) {
    journal.reset(position);
    // All that a commit stores before its last word.
    memory[2] = 3;
    strictEqual(new UsedJournal(memory).unshown, 0);
    commit(journal, position, 3);
    strictEqual(new UsedJournal(memory).unshown, 3);
  }
});

Deno.test("a count that cannot be counts as nothing", () => {
  const memory = words();
  for (const count of [-1, MOST_USED + 1, 0x7fff_ffff]) {
    memory[2] = count;
    strictEqual(new UsedJournal(memory).unshown, 0);
  }
});
