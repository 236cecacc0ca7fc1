/** Whole ESP packets that others have published. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { AeadAlgorithms } from "../../driver/association_parameters.ts";
import { ipv4Packet } from "../../testing/ip_packets.ts";
import { IpsecBed } from "../../testing/ipsec_bed.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";

const bytes = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));

/** Behind a header of 20 bytes. */
const espOf = (packet: Uint8Array) => packet.subarray(20).toHex();

await testOnBackends(
  "ChaCha20-Poly1305: the ESP packet of RFC 7634, appendix A",
  async (backend) => {
    const algorithms: AeadAlgorithms = {
      aead: "chacha20-poly1305",
      key: bytes(
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
      ),
      salt: bytes("a0a1a2a3"),
    };
    const source = bytes(`
      45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10
      0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223
      2425262728292a2b2c2d2e2f3031323334353637`);
    const esp = bytes(`
      0102030400000005 1011121314151617
      24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6
      14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3
      cbec163fac469b502773f6fb94e664da9165b82829f641e0
      76aaa8266b7fb0f7b11b369907e1ad43`);
    await using bed = await IpsecBed.start({ backend });
    const common = { spi: 0x01020304, algorithms };
    await using outbound = await bed.create({
      direction: "outbound",
      ...common,
      tunnel: { source: "203.0.113.153", destination: "203.0.113.5" },
    });
    bed.setSequence(outbound, 4n);
    bed.setIv(0x1011121314151617n);
    const { packet } = await outbound.encapsulate(source);
    strictEqual(espOf(packet), esp.toHex());
    await using inbound = await bed.create({
      direction: "inbound",
      mode: "tunnel",
      ...common,
    });
    const received = ipv4Packet(esp, { protocol: 50 });
    deepStrictEqual((await inbound.decapsulate(received)).packet, source);
  },
  ["aead.chacha20-poly1305"],
);

await testOnBackends(
  "GCM: an ESP packet of draft-mcgrew-gcm-test",
  async (backend) => {
    const algorithms: AeadAlgorithms = {
      aead: "gcm",
      key: bytes("feffe9928665731c6d6a8f9467308308"),
      salt: bytes("cafebabe"),
    };
    const payload = bytes(`
      4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d00100
      0001000000000000037369700963796265726369747902646b0000010001`);
    const esp = bytes(`
      0000a5f80000000a facedbaddecaf888
      deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c
      3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1
      83b70d3aa8bc6ee4c309e9d85a41ad4a`);
    // Its next header is 1, which a tunnel does not have.
    const source = ipv4Packet(payload, { protocol: 1 });
    await using bed = await IpsecBed.start({ backend });
    const common = { spi: 0xa5f8, algorithms };
    await using outbound = await bed.create({
      direction: "outbound",
      ...common,
    });
    bed.setSequence(outbound, 9n);
    bed.setIv(0xfacedbaddecaf888n);
    const { packet } = await outbound.encapsulate(source);
    strictEqual(espOf(packet), esp.toHex());
    await using inbound = await bed.create({
      direction: "inbound",
      mode: "transport",
      ...common,
    });
    deepStrictEqual((await inbound.decapsulate(packet)).packet, source);
  },
  ["aead.gcm"],
);

await testOnBackends(
  "AES-CBC: the transport mode packet of RFC 3602, case 5",
  async (backend) => {
    const cipherKey = bytes("90d382b410eeba7ad938c46cec1a82bf");
    const macKey = new Uint8Array(20).fill(7);
    const covered = bytes(`
      00004321 00000001 e96e8c08ab465763fd098d45dd3ff893
      f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856
      a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874a
      a269add047ad2d5913ac19b7cfbad4a6`);
    // The RFC has no ICV; this device takes none without.
    const icv = createHmac("sha1", macKey).update(covered).digest();
    const source = bytes(`
      4500005408f200004001f9fec0a87b03c0a87b64
      08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f1011121314151617
      18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637`);
    await using bed = await IpsecBed.start({ backend });
    await using inbound = await bed.create({
      direction: "inbound",
      mode: "transport",
      spi: 0x4321,
      algorithms: { cipher: "aes-cbc", cipherKey, mac: "hmac-sha1", macKey },
    });
    const received = ipv4Packet(
      Uint8Array.from([...covered, ...icv.subarray(0, 12)]),
      {
        protocol: 50,
        source: "192.168.123.3",
        destination: "192.168.123.100",
        id: 0x08f2,
      },
    );
    deepStrictEqual((await inbound.decapsulate(received)).packet, source);
  },
);
