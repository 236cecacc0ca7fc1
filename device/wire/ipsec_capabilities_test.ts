import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { withZeros } from "./admin_command.ts";
import {
  decodeAssociationCapabilities,
  decodeResourceCapability,
  encodeAssociationCapabilities,
  encodeResourceCapability,
  MAXIMUM_ASSOCIATION_CAPABILITY_BYTES,
} from "./ipsec_capabilities.ts";

const view = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

Deno.test("IPSEC_RESOURCE_CAP has the inbound limit first", () => {
  const bytes = encodeResourceCapability({
    inboundLimit: 0x01020304,
    outboundLimit: 5,
  });
  strictEqual(bytes.toHex(), "0403020105000000");
  deepStrictEqual(decodeResourceCapability(view(bytes)), {
    inboundLimit: 0x01020304,
    outboundLimit: 5,
  });
});

Deno.test("IPSEC_SA_CAP is a count and packed entries of 44 bytes", () => {
  const entry = {
    mode: 1,
    maxReplayWindow: 0x0102,
    options: 0x7f,
    cipherAlgorithms: 0x1122334455667788n,
    macAlgorithms: 0x8000000000000001n,
    aeadAlgorithms: 0xe,
    maxCipherKeyBytes: 32,
    maxAuthKeyBytes: 64,
  };
  const bytes = encodeAssociationCapabilities([entry, { ...entry, mode: 2 }]);
  strictEqual(bytes.length, 8 + 2 * 44);
  strictEqual(
    bytes.subarray(0, 52).toHex(),
    "0200000000000000" + "01000000" + "02010000" + "7f000000" + "00000000" +
      "8877665544332211" + "0100000000000080" + "0e000000" + "20000000" +
      "40000000",
  );
  const whole = withZeros(bytes, MAXIMUM_ASSOCIATION_CAPABILITY_BYTES);
  deepStrictEqual(decodeAssociationCapabilities(whole), [
    entry,
    { ...entry, mode: 2 },
  ]);
});

Deno.test("a count of 255 entries without a byte of them is read as zeros", () => {
  const entries = decodeAssociationCapabilities(
    withZeros(Uint8Array.of(255), MAXIMUM_ASSOCIATION_CAPABILITY_BYTES),
  );
  strictEqual(entries.length, 255);
  strictEqual(entries[254]!.mode, 0);
});
