/**
 * Packets of this device's read by tshark: it decrypts what is inside. Version
 * 4.0 knows neither CCM nor ChaCha20, and says nothing of ICVs.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type {
  AeadAlgorithms,
  MacAlgorithms,
} from "../../driver/association_parameters.ts";
import { ipv4Packet, pattern, udpDatagram } from "../../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../../testing/ipsec_bed.ts";
import { testWithTshark } from "./parts.ts";

const SPI = 0x1001;
const TUNNEL = { source: "198.51.100.1", destination: "198.51.100.2" };
const PAYLOAD = pattern(57);

/** A suite as Wireshark's table of associations names it; some it does not have. */
function namesOf(
  suite: AeadAlgorithms | MacAlgorithms,
): readonly string[] | undefined {
  const hex = (...keys: Uint8Array[]) =>
    "0x" + keys.map((key) => key.toHex()).join("");
  if ("aead" in suite) {
    const key = hex(suite.key, suite.salt);
    return suite.aead === "gcm"
      ? ["AES-GCM with 16 octet ICV [RFC4106]", key, "NULL", ""]
      : undefined;
  }
  const macs: Readonly<Record<string, string>> = {
    "hmac-sha1": "HMAC-SHA-1-96 [RFC2404]",
    "hmac-sha256": "HMAC-SHA-256-128 [RFC4868]",
  };
  const mac = macs[suite.mac];
  if (mac === undefined) return undefined;
  const auth = [mac, hex(suite.macKey)];
  switch (suite.cipher) {
    case undefined:
      return ["NULL", "", ...auth];
    case "aes-cbc":
      return ["AES-CBC [RFC3602]", hex(suite.cipherKey!), ...auth];
    default:
      return [
        "AES-CTR [RFC3686]",
        hex(suite.cipherKey!, suite.salt!),
        ...auth,
      ];
  }
}

/** A capture of raw IP packets. */
function capture(packets: readonly Uint8Array[]): Uint8Array {
  const LINKTYPE_RAW = 101;
  const header = new DataView(new ArrayBuffer(24));
  [0xa1b2c3d4, 0x00040002, 0, 0, 65535, LINKTYPE_RAW].forEach((word, i) =>
    header.setUint32(4 * i, word, true)
  );
  const records = packets.flatMap((packet) => {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(8, packet.length, true);
    record.setUint32(12, packet.length, true);
    return [...new Uint8Array(record.buffer), ...packet];
  });
  return Uint8Array.from([...new Uint8Array(header.buffer), ...records]);
}

/** What tshark makes of packets, in the fields that a test asks for. */
async function read(
  packets: readonly Uint8Array[],
  association: readonly string[],
  fields: readonly string[],
): Promise<string[][]> {
  const folder = await Deno.makeTempDir({ prefix: "tshark-" });
  try {
    const entry = [
      "IPv4",
      TUNNEL.source,
      TUNNEL.destination,
      `0x${SPI.toString(16).padStart(8, "0")}`,
      ...association,
    ];
    await Deno.writeTextFile(
      `${folder}/esp_sa`,
      entry.map((field) => `"${field}"`).join(",") + "\n",
    );
    await Deno.writeFile(`${folder}/packets.pcap`, capture(packets));
    const { stdout, stderr, success } = await new Deno.Command("tshark", {
      args: [
        ...["-r", `${folder}/packets.pcap`, "-T", "fields"],
        ...["-o", "esp.enable_encryption_decode:TRUE"],
        ...fields.flatMap((field) => ["-e", field]),
      ],
      env: { WIRESHARK_CONFIG_DIR: folder },
    }).output();
    strictEqual(success, true, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trimEnd().split("\n")
      .map((line) => line.split("\t"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, suite] of Object.entries(SUITES)) {
  const association = namesOf(suite);
  if (!association) continue;
  testWithTshark(
    `tshark decrypts a packet of ${name}`,
    async () => {
      await using bed = await IpsecBed.start();
      await using outbound = await bed.create({
        direction: "outbound",
        spi: SPI,
        algorithms: suite,
        tunnel: TUNNEL,
      });
      const inner = ipv4Packet(udpDatagram(PAYLOAD));
      const first = await outbound.encapsulate(inner);
      const second = await outbound.encapsulate(inner);
      const fields = ["esp.spi", "esp.sequence", "esp.contained_data"];
      deepStrictEqual(
        await read([first.packet, second.packet], association, fields),
        [1, 2].map((sequence) => [`0x00001001`, `${sequence}`, inner.toHex()]),
      );
    },
  );
}
