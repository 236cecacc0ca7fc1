import { strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testWith } from "../../testing/real_parts.ts";
import ipsecMb from "./ipsec_mb.ts";
import { TEST_LIBRARIES } from "../../testing/ipsec_mb_parts.ts";

const CHILD = fileURLToPath(
  import.meta.resolve("../../testing/ipsec_mb_guarded_pages.ts"),
);
const CONFIG = fileURLToPath(import.meta.resolve("../../deno.json"));

// The library's CMAC reads up to 15 bytes past a message (mended after 2.0.2):
// at the end of guest memory that is a crash which a guest can bring about.
for (const { path, part } of TEST_LIBRARIES) {
  testWith(part, `${part.name}: no byte past the end is touched`, async () => {
    const { offers } = ipsecMb.probe({ library: path });
    const { code, signal, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          "run",
          "--no-check",
          "--allow-ffi",
          "--allow-env",
          `--config=${CONFIG}`,
          CHILD,
          path,
          ...offers.map(({ algorithm }) => algorithm),
        ],
      },
    ).output();
    const decoder = new TextDecoder();
    const last = decoder.decode(stdout).trim().split("\n").at(-1);
    strictEqual(signal, null, `ended by ${signal} in ${last}`);
    strictEqual(code, 0, `${last}: ${decoder.decode(stderr)}`);
    strictEqual(last, offers.at(-1)!.algorithm);
  });
}
