import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  AEADS,
  AKCIPHERS,
  CIPHERS,
  HASHES,
  MACS,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { STATUS_HW_READY } from "../../device/wire/config_space.ts";
import { Status } from "../../device/wire/status.ts";
import { run, statusOf, withSession } from "./requests.ts";
import {
  anywhere,
  makeDevice,
  modesOf,
  type Setup,
  SETUPS,
  testOnSetups,
} from "./setups.ts";
import { insideOf } from "../../driver/driver.ts";
import { unchecked } from "../../testing/unchecked.ts";

const VIRTIO = SETUPS[0]!;

Deno.test("max_dataqueues is between 1 and 65535, or there is no device", () => {
  for (const dataQueueCount of [1, 2, 65535]) {
    const device = makeDevice(VIRTIO, { dataQueueCount });
    const view = new DataView(device.readConfig().buffer);
    strictEqual(view.getUint32(4, true), dataQueueCount);
    device.close();
  }
  for (const dataQueueCount of [0, -1, 1.5, 65536, NaN]) {
    throws(() => makeDevice(VIRTIO, { dataQueueCount }), RangeError);
  }
});

testOnSetups(
  "queues are data queues from 0, then the control queue",
  anywhere,
  async ({ driver, device }) => {
    strictEqual(driver.config.maxDataQueues, 3);
    deepStrictEqual(insideOf(driver).dataQueues.map(({ index }) => index), [
      0,
      1,
      2,
    ]);
    strictEqual(insideOf(driver).controlQueue?.index, 3);
    for (const dataQueue of [0, 1, 2]) {
      const hash = await unchecked(driver).hash({ algorithm: "sha1" }, {
        dataQueue,
      });
      strictEqual(
        (await hash.digest(new Uint8Array())).toHex(),
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
      );
      strictEqual(device.sessions.size, 1);
      await hash.close();
    }
  },
  { dataQueueCount: 3 },
);

testOnSetups(
  "status has no flag but HW_READY, and requests are served from then on",
  anywhere,
  async ({ driver }) => {
    const { status } = await driver.readConfig();
    strictEqual(status, STATUS_HW_READY);
    await using hash = await unchecked(driver).hash({ algorithm: "sha256" });
    strictEqual((await hash.digest(new Uint8Array(3))).length, 32);
  },
);

testOnSetups(
  "services and masks show what is offered, and no bit that is not defined",
  anywhere,
  ({ driver, setup }) => {
    const { config } = driver;
    const defined = (entries: readonly { number: number }[]) =>
      entries.reduce((mask, { number }) => mask | 1n << BigInt(number), 0n);
    const masks = [
      [0, config.cipherAlgorithms, CIPHERS],
      [1, BigInt(config.hashAlgorithms), HASHES],
      [2, config.macAlgorithms, MACS],
      [3, BigInt(config.aeadAlgorithms), AEADS],
      [4, BigInt(config.akcipherAlgorithms), AKCIPHERS],
    ] as const;
    for (const [service, mask, entries] of masks) {
      strictEqual(mask & ~defined(entries), 0n);
      strictEqual((config.services >> service & 1) === 1, mask !== 0n);
      // Bit 0 stands for no algorithm.
      strictEqual(mask & 1n, 0n);
    }
    // IPSEC is service 5; the draft knows no AKCIPHER either.
    strictEqual(config.services, setup.layout === "draft 9" ? 0xf : 0x1f);
    return Promise.resolve();
  },
);

const key = (lengthBytes: number) => new Uint8Array(lengthBytes).fill(0x5a);

/** The device's longest cipher key: ARC4's, or without it that of AES-XTS. */
const longestCipherKey = ({ backend }: Setup): number =>
  backend === "noble" ? 64 : 256;

function xtsKey(lengthBytes: number): Uint8Array {
  const bytes = key(lengthBytes);
  bytes.fill(1, 32);
  return bytes;
}

/** The longest legal keys, and one byte more of them. */
const limited = (
  setup: Setup,
): readonly ((extra: number) => SessionDescription)[] => [
  (extra) => ({
    service: "cipher",
    algorithm: setup.backend === "noble" ? "aes-xts" : "arc4",
    direction: "encrypt",
    key: xtsKey(longestCipherKey(setup) + extra),
  }),
  (extra) => ({
    service: "mac",
    algorithm: "hmac-sha1",
    key: key(1024 + extra),
    resultBytes: 20,
  }),
  (extra) => ({
    service: "chain",
    order: "cipher-then-hash",
    cipher: { algorithm: "aes-cbc", direction: "encrypt", key: key(16) },
    hashMode: "auth",
    hashAlgorithm: "hmac-sha1",
    authKey: key(1024 + extra),
    resultBytes: 20,
  }),
];

testOnSetups(
  "max_cipher_key_len and max_auth_key_len are shown, reached and not exceeded",
  anywhere,
  async (guest) => {
    const { driver, setup } = guest;
    if (setup.layout !== "draft 9") {
      strictEqual(driver.config.maxCipherKeyBytes, longestCipherKey(setup));
      strictEqual(driver.config.maxAuthKeyBytes, 1024);
    }
    for (const session of limited(setup)) {
      await (await unchecked(driver).createSession(session(0))).close();
      const attempt = unchecked(driver).createSession(session(1));
      strictEqual(await statusOf(attempt), Status.Error);
    }
  },
);

const hasIv = (session: SessionDescription) =>
  session.service === "chain" ||
  (session.service === "cipher" && session.algorithm !== "arc4");

testOnSetups(
  "keys beyond the limits are refused in stateless requests too",
  ({ layout }) => layout === "stateless",
  async (guest) => {
    for (const session of limited(guest.setup)) {
      for (const extra of [0, 1]) {
        const description = session(extra);
        const { service } = description;
        const outcome = await run(guest, description, undefined, {
          operation: service === "mac" ? "digest" : "encrypt",
          source: new Uint8Array(32),
          iv: new Uint8Array(hasIv(description) ? 16 : 0),
        });
        strictEqual(
          outcome.status,
          extra === 0 ? Status.Ok : Status.Error,
          `${service} with a key ${extra} too long`,
        );
      }
    }
  },
);

testOnSetups(
  "an AEAD's key is within max_cipher_key_len too",
  anywhere,
  async (guest) => {
    const refused: string[] = [];
    guest.device.sessions.observe({
      opened: () => {},
      closed: () => {},
      refused: ({ reason }) => refused.push(reason),
    });
    const longest = longestCipherKey(guest.setup);
    const attempt = unchecked(guest.driver).aead({
      algorithm: "gcm",
      key: key(longest + 1),
      direction: "encrypt",
    });
    strictEqual(await statusOf(attempt), Status.Error);
    ok(refused[0]?.includes(`at most ${longest}`), refused[0]);
  },
);

const MAX_SIZE = 8192;

testOnSetups(
  "max_size is shown, reached and not exceeded",
  anywhere,
  async (guest) => {
    const { driver, setup } = guest;
    if (setup.layout !== "draft 9") {
      strictEqual(driver.config.maxSizeBytes, MAX_SIZE);
    }
    const hash: SessionDescription = {
      service: "hash",
      algorithm: "sha256",
      resultBytes: 32,
    };
    const ctr: SessionDescription = {
      service: "cipher",
      algorithm: "aes-ctr",
      direction: "encrypt",
      key: key(16),
    };
    for (const stateless of modesOf(setup)) {
      await withSession(guest, hash, stateless, async (id) => {
        const status = async (sourceBytes: number) => {
          const source = new Uint8Array(sourceBytes);
          const input = { operation: "digest", source } as const;
          return (await run(guest, hash, id, input)).status;
        };
        strictEqual(await status(MAX_SIZE - 32), Status.Ok);
        strictEqual(await status(MAX_SIZE - 31), Status.Error);
      });
      const most = (MAX_SIZE - 16 - (stateless ? 16 : 0)) / 2;
      await withSession(guest, ctr, stateless, async (id) => {
        const status = async (sourceBytes: number) => {
          const source = new Uint8Array(sourceBytes);
          const iv = new Uint8Array(16);
          const input = { operation: "encrypt", source, iv } as const;
          return (await run(guest, ctr, id, input)).status;
        };
        strictEqual(await status(most), Status.Ok);
        strictEqual(await status(most + 1), Status.Error);
      });
    }
  },
  { maximumSizeBytes: MAX_SIZE },
);
