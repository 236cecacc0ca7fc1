import { deepEqual, equal } from "node:assert/strict";
import {
  F_AEAD_STATELESS_MODE,
  F_HASH_STATELESS_MODE,
  F_REVISION_1,
  F_VERSION_1,
} from "./features.ts";
import { wireMode } from "./mode.ts";

Deno.test("without REVISION_1 nothing is stateless", () => {
  const mode = wireMode("virtio", F_VERSION_1 | F_HASH_STATELESS_MODE);
  equal(mode.revision1, false);
  equal(mode.stateless.size, 0);
});

Deno.test("stateless mode is negotiated service by service", () => {
  const features = F_VERSION_1 | F_REVISION_1 | F_HASH_STATELESS_MODE |
    F_AEAD_STATELESS_MODE;
  const mode = wireMode("virtio", features);
  equal(mode.revision1, true);
  deepEqual([...mode.stateless], ["hash", "aead"]);
});

Deno.test("draft 9 has none of the crypto device's features", () => {
  deepEqual(wireMode("draft-9", 0x3fn | F_VERSION_1), {
    layout: "draft-9",
    revision1: false,
    stateless: new Set(),
    statelessMask: 0,
  });
});
