import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  strictEqual,
} from "node:assert/strict";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  BROWSER,
  CHROMIUM,
  NODE,
  outputOf,
  PLAYWRIGHT,
} from "../package/parts.ts";

const SECRET = "0123456789abcdef";
const GUESTS = 200;
const WATCH = new URL("./watch.js", import.meta.url).pathname;

/** A port that nobody has now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

interface Seen {
  readonly state: string;
  readonly guests: number;
  readonly shown: number;
  readonly backends: readonly string[];
  readonly legends: readonly string[];
  readonly injected: number;
  readonly log: string;
  readonly ground: string;
}

testWith(
  BROWSER,
  "the page shows 200 guests as they work, dark and light, and its console says nothing",
  async () => {
    await using folder = await temporaryFolder();
    const token = `${folder.path}/token`;
    await Deno.writeTextFile(token, SECRET);
    const address = `127.0.0.1:${freePort()}`;
    // What a page that made markup of names would show as an image.
    const sockets = `${folder.path}/guest-%i-<img src=x>`;
    await using device = await ServeProcess.start(
      `guest-${GUESTS - 1}-`,
      ...["--socket-path", sockets, "--guests", `${GUESTS}`],
      ...["--backend", "noble,webcrypto", "--http", address],
      ...["--http-token-file", token],
    );
    await device.said("HTTP at");
    let isDone = false;
    const work = async (index: number) => {
      await using driver = await attach(sockets.replace("%i", `${index}`));
      while (!isDone) await encryptSomething(driver);
    };
    const working = Promise.all([7, 8].map(work));
    try {
      const { seen, light, dark, complaints } = JSON.parse(
        await outputOf(NODE.path, [
          ...[WATCH, PLAYWRIGHT, CHROMIUM, `http://${address}/`, SECRET, "0"],
        ]),
      ) as {
        seen: readonly string[];
        light: Seen;
        dark: Seen;
        complaints: readonly string[];
      };
      deepStrictEqual(complaints, []);
      ok(new Set(seen).size > 1, `it stands still at ${seen}`);
      strictEqual(light.state, "ready");
      deepStrictEqual([light.guests, light.shown], [GUESTS, GUESTS]);
      match(light.backends[0]!, /noble\tworks\t.*\tcipher\.aes-cbc\torder/);
      ok(light.legends.includes("noble"), `${light.legends}`);
      match(light.log, /placement: cipher\.aes-cbc/);
      strictEqual(light.injected, 0);
      // 7, and 70 to 79.
      strictEqual(dark.shown, 11);
      notStrictEqual(dark.ground, light.ground);
    } finally {
      isDone = true;
      await working;
    }
  },
);
