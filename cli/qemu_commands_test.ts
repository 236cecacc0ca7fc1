import assert from "node:assert/strict";
import { cryptodevCommand, genericCommand } from "./qemu_commands.ts";

/** The words that a shell makes of `command`. */
async function shellWords(command: string): Promise<string[]> {
  const standIn = command.replace("qemu-system-x86_64", "words");
  const { code, stdout } = await new Deno.Command("sh", {
    args: ["-c", `words() { printf '%s\\n' "$@"; }\n${standIn}\n`],
  }).output();
  assert.equal(code, 0);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

function chardevOf(words: readonly string[]): string | undefined {
  return words[words.indexOf("-chardev") + 1];
}

for (const command of [genericCommand, cryptodevCommand]) {
  Deno.test(`the ${command.name} survives a shell with any path`, async () => {
    // QEMU halves doubled commas in a value.
    const cases = [
      ["/run/crypto.sock", "/run/crypto.sock"],
      ["/tmp/my guests/a.sock", "/tmp/my guests/a.sock"],
      ["/tmp/it's $HOME/`a`", "/tmp/it's $HOME/`a`"],
      ["/tmp/a,b", "/tmp/a,,b"],
    ] as const;
    for (const [path, expected] of cases) {
      const words = await shellWords(command(path, 2));
      assert.equal(chardevOf(words), `socket,id=crypto0,path=${expected}`);
      assert.ok(!words.some((word) => word.includes("#")));
    }
  });
}

Deno.test("the generic command counts the control queue", async () => {
  const words = await shellWords(genericCommand("/s", 64));
  assert.match(words.at(-1)!, /,num_vqs=65,/);
});
