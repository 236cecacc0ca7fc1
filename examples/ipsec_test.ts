import assert from "node:assert/strict";

Deno.test("the IPsec example needs no permission and sends its packet once", async () => {
  const example = new URL("./ipsec.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", example],
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(said, /^packet {3}45[0-9a-f]+$/m);
  assert.match(said, /^ESP {6}4500[0-9a-f]+$/m);
  assert.match(
    said,
    /^received The way of a packet: tunnel, device, tunnel\.$/m,
  );
  assert.match(said, /^again {4}Cannot decapsulate.*ERR/m);
});
