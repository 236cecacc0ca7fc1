import assert from "node:assert/strict";
import { temporaryFolder } from "../testing/files.ts";
import { program } from "../testing/programs.ts";
import { testWith } from "../testing/real_parts.ts";
import { manPage } from "./man_page.ts";
import { SERVE_OPTIONS } from "./option_table.ts";

/** What a formatter makes of the page, and what it complains of. */
async function formatted(
  command: string,
  words: readonly string[],
): Promise<{ text: string; complaints: string }> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/vhost-device-crypto.1`;
  await Deno.writeTextFile(path, manPage());
  const { stdout, stderr } = await new Deno.Command(command, {
    args: [...words, path],
    env: { LC_ALL: "C.UTF-8", MANWIDTH: "80" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { text: decode(stdout), complaints: decode(stderr) };
}

testWith(
  program("man", "man-db"),
  "man shows the manual page without a warning, and every option in it",
  async () => {
    const { text, complaints } = await formatted("man", ["--warnings", "-l"]);
    assert.equal(complaints, "");
    for (const { name } of SERVE_OPTIONS) {
      assert.match(text, RegExp(`^ +--${name}( |$)`, "m"));
    }
    // A line that begins with a period is text, not a request.
    assert.match(text, /paths\s+such\s+as\s+\.\/my_backend\.ts/);
  },
);

testWith(
  program("mandoc"),
  "mandoc finds nothing wrong with the manual page",
  async () => {
    const words = ["-Tlint", "-Wwarning"];
    const { text, complaints } = await formatted("mandoc", words);
    assert.equal(text + complaints, "");
  },
);
