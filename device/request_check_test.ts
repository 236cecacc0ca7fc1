import { strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { checkRequest } from "./request_check.ts";
import { sessionRules } from "./session/session_rules.ts";
import { DataRequest } from "./wire/data_request.ts";
import { DataOpcode, ServiceNumber } from "./wire/opcodes.ts";
import { Status } from "./wire/status.ts";

const aead = (
  algorithm: string,
  direction: "encrypt" | "decrypt",
  keyBytes: number,
): SessionDescription => ({
  service: "aead",
  algorithm,
  direction,
  key: new Uint8Array(keyBytes),
  tagBytes: 16,
});

function aeadRequest(
  direction: "encrypt" | "decrypt",
  ivBytes: number,
  sourceBytes: number,
): DataRequest {
  const request = new DataRequest();
  request.service = ServiceNumber.Aead;
  request.opcode = direction === "encrypt"
    ? DataOpcode.AeadEncrypt
    : DataOpcode.AeadDecrypt;
  request.ivBytes = ivBytes;
  request.sourceBytes = sourceBytes;
  request.digestBytes = 16;
  return request;
}

Deno.test("a tag counts as data only where it does not end the source", () => {
  for (
    const [direction, tagEndsSource, longest] of [
      ["encrypt", true, 65535],
      ["encrypt", false, 65535],
      ["decrypt", true, 65535 + 16],
      ["decrypt", false, 65535],
    ] as const
  ) {
    const rules = sessionRules(aead("ccm", direction, 16));
    const status = (sourceBytes: number) =>
      checkRequest(
        aeadRequest(direction, 13, sourceBytes),
        rules,
        tagEndsSource,
      );
    strictEqual(status(longest), Status.Ok, `${direction} ${tagEndsSource}`);
    strictEqual(status(longest + 1), Status.Error);
  }
});

Deno.test("the limits of GCM and ChaCha20-Poly1305 hold for every request", () => {
  for (
    const [algorithm, longest] of [
      ["gcm", 2 ** 36 - 32],
      ["chacha20-poly1305", 2 ** 38 - 64],
    ] as const
  ) {
    const rules = sessionRules(aead(algorithm, "encrypt", 32));
    const status = (sourceBytes: number) =>
      checkRequest(aeadRequest("encrypt", 12, sourceBytes), rules, true);
    strictEqual(status(longest), Status.Ok, algorithm);
    strictEqual(status(longest + 1), Status.Error, algorithm);
  }
});
