import { strictEqual } from "node:assert/strict";
import { journalOfStart } from "./journal_place.ts";

Deno.test("only a ring that goes on has written down all that it began", () => {
  for (const isComplete of [false, true]) {
    const place = {
      address: 64,
      undo: { address: 128, lengthBytes: 4096, isComplete },
    };
    strictEqual(journalOfStart(place, true).undo!.isComplete, isComplete);
    strictEqual(journalOfStart(place, false).undo!.isComplete, false);
  }
});
