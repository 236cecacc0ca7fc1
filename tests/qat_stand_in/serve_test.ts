import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { connectVhostUser, Driver } from "../../mod.ts";
import { testWith } from "../../testing/real_parts.ts";
import { type Libraries, realLibraries, standIn } from "./parts.ts";

const part = standIn();
const real = realLibraries();
const KEY = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);
const IV = new Uint8Array(16).fill(3);
const MEMORY_BYTES = 8 * 1024 * 1024;

/** `serve` on a libqat, until it is disposed of. */
class Device implements AsyncDisposable {
  readonly socketPath: string;
  readonly controlPath: string;
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  readonly #said: Promise<string>;

  private constructor(
    folder: string,
    { library, usdm }: Libraries,
    args: readonly string[],
  ) {
    this.#folder = folder;
    this.socketPath = `${folder}/crypto.sock`;
    this.controlPath = `${folder}/control`;
    const program = new URL("../../cli/main.ts", import.meta.url).href;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", program, "serve", "--socket-path", this.socketPath],
        ...args,
      ],
      env: {
        VHOST_CRYPTO_QAT_LIBRARY: library,
        VHOST_CRYPTO_USDM_LIBRARY: usdm,
        QAT_STAND_IN_CONTROL: this.controlPath,
        QAT_STAND_IN_LATENCY_US: "200",
        QAT_STAND_IN_ORDER: "shuffle",
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#said = new Response(this.#process.stderr).text();
  }

  static async start(
    libraries: Libraries,
    args: readonly string[],
  ): Promise<Device> {
    const folder = await Deno.makeTempDir({ prefix: "qat-serve-" });
    const device = new Device(folder, libraries, args);
    const end = performance.now() + 20_000;
    while (performance.now() < end) {
      if (await Deno.lstat(device.socketPath).catch(() => undefined)) {
        return device;
      }
      await pause(20);
    }
    await device[Symbol.asyncDispose]();
    throw new Error(`The device does not listen: ${await device.#said}`);
  }

  /** Faults for the stand-in, by a file that appears whole. */
  async command(line: string): Promise<void> {
    await Deno.writeTextFile(`${this.controlPath}.new`, `${line}\n`);
    await Deno.rename(`${this.controlPath}.new`, this.controlPath);
  }

  /** Stops the process; what it has said. */
  async stop(): Promise<string> {
    try {
      this.#process.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
    return await this.#said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Keeps ciphers and codes going, and counts answers that are wrong. */
class Load {
  readonly #driver: Driver;
  answers = 0;
  readonly wrong: string[] = [];

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  async run(forMs: number): Promise<void> {
    const end = performance.now() + forMs;
    await Promise.all(
      Array.from({ length: 16 }, (_, i) => this.#one(i, end)),
    );
  }

  async #one(index: number, end: number): Promise<void> {
    const isCipher = index % 2 === 0;
    const session = isCipher
      ? await this.#driver.cipher({
        algorithm: "aes-cbc",
        key: KEY,
        direction: "encrypt",
      })
      : await this.#driver.mac({ algorithm: "hmac-sha256", key: KEY });
    for (let round = 0; performance.now() < end; round++) {
      const data = new Uint8Array(16 * (1 + (round * 31 + index) % 120))
        .fill(round);
      const answer =
        await ("run" in session ? session.run(data, IV) : session.digest(data))
          .catch((error) => `${error}`);
      const given = typeof answer === "string" ? answer : answer.toHex();
      this.answers++;
      if (given !== expected(isCipher, data)) this.wrong.push(given);
    }
    await session.close();
  }
}

function expected(isCipher: boolean, data: Uint8Array): string {
  if (!isCipher) return createHmac("sha256", KEY).update(data).digest("hex");
  const cipher = createCipheriv("aes-256-cbc", KEY, IV).setAutoPadding(false);
  return cipher.update(data).toString("hex");
}

testWith(
  part,
  "serve goes through a failure and a recovery of the hardware in the middle of a load, every answer right",
  async () => {
    const args = ["--backend", "qat,noble", "--fallback", "failure"];
    await using device = await Device.start(part.libraries, [
      ...args,
      ...["--queues", "2"],
    ]);
    {
      const link = await connectVhostUser(device.socketPath, {
        memoryBytes: MEMORY_BYTES,
      });
      await using driver = await Driver.start(link);
      const load = new Load(driver);
      const running = load.run(6000);
      await pause(1000);
      await device.command("lose 2");
      await pause(500);
      await device.command("fatal 1");
      await pause(1500);
      await device.command("restart 1");
      await running;
      deepStrictEqual(load.wrong, []);
      ok(load.answers > 500, `${load.answers} answers`);
    }
    const said = await device.stop();
    strictEqual(/used for another|not in pinned/.test(said), false, said);
    match(said, /qat/);
  },
);

testWith(
  real,
  "serve on the real library without a card says what is missing and serves on the next backend",
  async () => {
    await using device = await Device.start(real.libraries, [
      ...["--backend", "qat,noble", "--fallback", "unsupported"],
    ]);
    {
      const link = await connectVhostUser(device.socketPath, {
        memoryBytes: MEMORY_BYTES,
      });
      await using driver = await Driver.start(link);
      const load = new Load(driver);
      await load.run(300);
      deepStrictEqual(load.wrong, []);
    }
    match(
      await device.stop(),
      /warn: backend qat lacks .*(QAT|QuickAssist|vfio)/,
    );
  },
);
