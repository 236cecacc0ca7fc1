import { strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exists } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";

const ANALYSER = "/usr/bin/systemd-analyze";
/** Tenths of what systemd calls exposure. */
const MOST_TENTHS = 20;

testWith(
  {
    present: await exists(ANALYSER),
    name: "systemd-analyze",
    remedy: "install systemd",
  },
  "the service is exposed to 2.0 at most, by systemd's own reckoning",
  async () => {
    const unit = new URL(
      "../../contrib/vhost-device-crypto.service",
      import.meta.url,
    );
    const { code, stdout } = await new Deno.Command(ANALYSER, {
      args: [
        ...["security", "--offline=yes", "--no-pager"],
        ...[`--threshold=${MOST_TENTHS}`, fileURLToPath(unit)],
      ],
    }).output();
    strictEqual(code, 0, new TextDecoder().decode(stdout));
  },
);
