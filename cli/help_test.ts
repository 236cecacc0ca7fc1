import assert from "node:assert/strict";
import { COMMANDS } from "./commands.ts";
import { commandHelpText, helpText } from "./help.ts";
import { wrapText } from "./wrap_text.ts";

const longest = (text: string) =>
  Math.max(...text.split("\n").map((line) => line.length));

Deno.test("help is as wide as it may be, and no wider", () => {
  for (const columns of [60, 80, 100]) {
    const width = longest(helpText(columns));
    assert.ok(width <= columns, `${width} of ${columns}`);
    assert.ok(width > columns - 5, `${width} of ${columns}`);
  }
});

Deno.test("help says the same at any width", () => {
  const words = (columns: number) => helpText(columns).split(/\s+/);
  assert.deepEqual(words(60), words(100));
});

Deno.test("each command has a help of its own that fits", () => {
  for (const entry of COMMANDS) {
    const text = commandHelpText(entry, 80);
    assert.ok(longest(text) <= 80, text);
    assert.match(text, RegExp(`^usage: vhost-device-crypto ${entry.name}\\b`));
    assert.ok(text.includes("\n  --help\n"));
  }
});

Deno.test("a word that is too long stands alone on its line", () => {
  assert.equal(wrapText("a bbbbbbb c", 5, " "), " a\n bbbbbbb\n c");
});
