import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { MOST_USED, USED_JOURNAL_BYTES, UsedJournal } from "./used_journal.ts";

const words = () => new Int32Array(USED_JOURNAL_BYTES / 4);

Deno.test("what is committed and not shown is there for who comes next", () => {
  const memory = words();
  const journal = new UsedJournal(memory);
  journal.reset(0x8000_8000);
  for (let i = 0; i < MOST_USED; i++) journal.add(i, 1 + i % 3, 100 * i);
  strictEqual(new UsedJournal(memory).unshown, 0);
  journal.commit(0x8000_8000);
  const next = new UsedJournal(memory);
  strictEqual(next.unshown, MOST_USED);
  deepStrictEqual(
    [next.id(40), next.descriptors(40), next.writtenBytes(40)],
    [40, 2, 4000],
  );
  journal.shown(0x8010_8010);
  strictEqual(new UsedJournal(memory).unshown, 0);
  strictEqual(next.position, 0x8010_8010);
  ok(journal.count === 0);
});

Deno.test("a count that cannot be counts as nothing", () => {
  const memory = words();
  for (const count of [-1, MOST_USED + 1, 0x7fff_ffff]) {
    memory[2] = count;
    strictEqual(new UsedJournal(memory).unshown, 0);
  }
});
