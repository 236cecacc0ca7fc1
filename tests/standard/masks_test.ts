import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  type Algorithm,
  ALGORITHMS,
  type CipherAlgorithm,
  qualifiedName,
  type Service,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { probeBackends, type ProbedBackend } from "../../backends/probe.ts";
import { Device } from "../../device/device.ts";
import { Status } from "../../device/wire/status.ts";
import { offeredBy, statusOf } from "./requests.ts";
import { anywhere, type Setup, testOnSetups } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const hasService = ({ layout }: Setup, service: Service) =>
  layout !== "draft 9" || service !== "akcipher";

testOnSetups(
  "the masks have all that the backend offers, and nothing else",
  anywhere,
  async (guest) => {
    const { setup } = guest;
    const [probed] = await probeBackends([setup.backend]);
    const offered = new Set(
      probed!.probe.offers.map(({ algorithm }) => algorithm)
        .filter((name) => hasService(setup, name.split(".")[0] as Service)),
    );
    deepStrictEqual([...offeredBy(guest)].sort(), [...offered].sort());
  },
);

const key = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => 7 * i + 1);

function legalSession(
  algorithm: Exclude<Algorithm, { service: "akcipher" }>,
): SessionDescription {
  const { name } = algorithm;
  const direction = "encrypt";
  switch (algorithm.service) {
    case "cipher":
      return {
        service: "cipher",
        algorithm: name,
        direction,
        key: key((algorithm as CipherAlgorithm).keyBytes.minimum),
      };
    case "hash":
      return {
        service: "hash",
        algorithm: name,
        resultBytes: algorithm.digestBytes,
      };
    case "mac":
      return {
        service: "mac",
        algorithm: name,
        key: key(algorithm.keyBytes.minimum),
        resultBytes: algorithm.digestBytes,
      };
    case "aead":
      return {
        service: "aead",
        algorithm: name,
        direction,
        key: key(algorithm.keyBytes.minimum),
        tagBytes: 16,
      };
  }
}

testOnSetups(
  "sessions can be had of exactly the algorithms that the masks show",
  anywhere,
  async (guest) => {
    const offered = offeredBy(guest);
    for (const algorithm of ALGORITHMS) {
      if (algorithm.service === "akcipher") continue;
      const name = qualifiedName(algorithm);
      const session = legalSession(algorithm);
      const status = await statusOf(
        unchecked(guest.driver).createSession(session).then((made) =>
          made.close()
        ),
      );
      const expected = offered.has(name) ? undefined : Status.NotSupported;
      strictEqual(status, expected, name);
    }
  },
);

/** The noble backend, offering some of what it has. */
async function offering(...names: string[]): Promise<ProbedBackend> {
  const [noble] = await probeBackends(["noble"]);
  const { probe, backend } = noble!;
  const offers = probe.offers.filter(({ algorithm }) =>
    names.includes(algorithm)
  );
  strictEqual(offers.length, names.length);
  const name = `noble-${names.join("-")}`;
  return {
    ...noble!,
    backend: { ...backend, name },
    probe: { ...probe, offers },
  };
}

Deno.test("the masks are the union of what the ready backends offer, without what is weak", async () => {
  const first = await offering("cipher.aes-cbc", "hash.sha256");
  const second = await offering(
    "hash.sha512",
    "mac.hmac-sha1",
    "cipher.des-cbc",
  );
  const third = await offering("aead.gcm");
  const missing = { ...third, probe: { ...third.probe, ready: false } };
  const masksOf = (fallback: "never" | "unsupported", allowWeak: boolean) => {
    const device = new Device({
      backends: [first, second, missing],
      rules: [],
      fallback,
      dataQueueCount: 1,
      maximumSessions: 1,
      maximumSizeBytes: 4096,
      layout: "virtio",
      allowWeak,
    });
    const view = new DataView(device.readConfig().buffer);
    device.close();
    return [8, 12, 16, 20, 24, 28, 32, 44].map((at) =>
      view.getUint32(at, true)
    );
  };
  // Services, ciphers low and high, hashes, MACs low and high, AEADs, AKCIPHERs.
  const shas = 1 << 4 | 1 << 6;
  deepStrictEqual(
    masksOf("unsupported", false),
    [0b111, 1 << 3, 0, shas, 1 << 2, 0, 0, 0],
  );
  deepStrictEqual(
    masksOf("unsupported", true),
    [0b111, 1 << 3 | 1 << 6, 0, shas, 1 << 2, 0, 0, 0],
  );
  // What only another backend than the first has cannot be had then.
  deepStrictEqual(masksOf("never", true), [
    0b11,
    1 << 3,
    0,
    1 << 4,
    0,
    0,
    0,
    0,
  ]);
});
