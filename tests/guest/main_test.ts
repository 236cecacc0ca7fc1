import { match, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../testing/files.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

Deno.test("without its parts the task that boots a guest says how to get them", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, "--backend", "noble"],
    env: { NO_COLOR: "1", VHOST_CRYPTO_GUEST_CACHE: folder.path },
  }).output();
  strictEqual(code, 2);
  match(
    new TextDecoder().decode(stderr),
    /^guest: Guests cannot be run: .*: run tests\/guest\/fetch\.sh\n$/,
  );
});
