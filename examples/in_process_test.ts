import assert from "node:assert/strict";

Deno.test("the in-process example needs no permission and decrypts its text", async () => {
  const example = new URL("./in_process.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", example],
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(said, /^AES-256-GCM {2}[0-9a-f]+$/m);
  assert.match(said, /^decrypted {4}The way of a request: ring/m);
  assert.match(said, /^SHA-256 {6}[0-9a-f]{64}$/m);
});
