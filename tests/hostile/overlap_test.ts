import {
  F_AEAD_STATELESS_MODE,
  F_CIPHER_STATELESS_MODE,
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Machine } from "../../testing/machine.ts";
import {
  checkKinds,
  checkPieces,
  checkResultsOverEachOther,
  checkShifts,
} from "../../testing/overlap_kinds.ts";
import { checkDraft9Overlaps } from "../../testing/overlap_draft9.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";

const FORMATS = [
  F_VERSION_1 | F_INDIRECT_DESC,
  // The stateless structures have associated data before the source.
  F_VERSION_1 | F_RING_PACKED | F_REVISION_1 | F_CIPHER_STATELESS_MODE |
  F_AEAD_STATELESS_MODE,
];

const CHECKS = [
  ["a destination up to 64 bytes before or behind its source", checkShifts],
  ["inputs under outputs, and outputs under each other", checkKinds],
  ["buffers in pieces that share bytes", checkPieces],
  [
    "a destination over itself holds what comes last",
    checkResultsOverEachOther,
  ],
] as const;

for (const [name, check] of CHECKS) {
  await testOnBackends(name, async (backend) => {
    for (const features of FORMATS) {
      using machine = await Machine.start({ backend, features });
      check(machine);
    }
  });
}

await testOnBackends(
  "buffers that the 2016 draft's addresses lay over each other",
  async (backend) => {
    using machine = await Machine.start({ backend, layout: "draft-9" });
    checkDraft9Overlaps(machine);
  },
);
