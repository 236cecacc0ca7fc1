import { deepEqual, equal } from "node:assert/strict";
import {
  type ConfigSpace,
  decodeConfigSpace,
  encodeConfigSpace,
  STATUS_HW_READY,
} from "./config_space.ts";
import { structure } from "../../testing/wire_samples.ts";

const config: ConfigSpace = {
  status: STATUS_HW_READY,
  maxDataQueues: 3,
  services: 0x1f,
  cipherAlgorithms: 0x0123_4567_0000_7ffen,
  hashAlgorithms: 0x1ffe,
  macAlgorithms: 1n << 54n | 0x7en,
  aeadAlgorithms: 0xe,
  akcipherAlgorithms: 0x6,
  maxCipherKeyBytes: 64,
  maxAuthKeyBytes: 512,
  maxSizeBytes: 0x5_0000_0001,
};

Deno.test("the configuration space has virtio 1.4's offsets", () => {
  const expected = structure(56, {
    0: 1,
    4: 3,
    8: 0x1f,
    12: 0x7ffe,
    16: 0x01234567,
    20: 0x1ffe,
    24: 0x7e,
    28: 1 << 22,
    32: 0xe,
    36: 64,
    40: 512,
    44: 0x6,
    48: 1,
    52: 5,
  });
  deepEqual(encodeConfigSpace(config, "virtio"), expected);
  deepEqual(decodeConfigSpace(expected, "virtio"), config);
});

Deno.test("the configuration space has draft 9's offsets", () => {
  const expected = structure(48, {
    0: 1,
    4: 3,
    8: 0xf,
    12: 0x7ffe,
    16: 0x01234567,
    20: 0x1ffe,
    24: 0x7e,
    28: 1 << 22,
    40: 0xe,
  });
  deepEqual(encodeConfigSpace(config, "draft-9"), expected);
  const decoded = decodeConfigSpace(expected, "draft-9");
  deepEqual(decoded.cipherAlgorithms, config.cipherAlgorithms);
  deepEqual(decoded.macAlgorithms, config.macAlgorithms);
  equal(decoded.aeadAlgorithms, 0xe);
  equal(decoded.akcipherAlgorithms, 0);
  equal(decoded.maxCipherKeyBytes, 0xffffffff);
});

Deno.test("a driver survives the size limit that means no limit", () => {
  const bytes = structure(56, { 48: 0xffffffff, 52: 0xffffffff });
  equal(decodeConfigSpace(bytes, "virtio").maxSizeBytes, 2 ** 64);
});
