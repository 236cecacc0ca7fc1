import { notStrictEqual, strictEqual } from "node:assert/strict";
import { QatDevice } from "../../backends/qat/device.ts";
import {
  openCipherSession,
  performOp,
} from "../../backends/qat/cipher_session.ts";
import { RetiredSessions } from "../../backends/qat/retired_sessions.ts";
import type { SessionContext } from "../../backends/qat/session.ts";
import { SlotPool } from "../../backends/qat/slots.ts";
import { OperationStatus } from "../../backends/backend.ts";
import { writeFlatBuffer } from "../../ffi/qat.ts";
import { nativeCompletion } from "../../ffi/qat_completion.ts";
import { CPA } from "../../ffi/qat_layout.ts";
import { testWith } from "../../testing/real_parts.ts";
import { Bed, countOf } from "./bed.ts";
import { StandIn } from "./control.ts";
import { realLibraries, standIn } from "./parts.ts";

const part = standIn();
const { libraries } = part;

/** Lets `use` have a slot that is filled and could be submitted. */
function withSlot(
  use: (
    slot: NonNullable<ReturnType<SlotPool["take"]>>,
    context: SessionContext,
    standIn: StandIn,
  ) => void,
): void {
  using bed = new Bed(libraries, { LATENCY_US: 60_000_000 });
  const device = new QatDevice({ ...libraries });
  const context: SessionContext = {
    symbols: device.qat.symbols,
    usdm: device.usdm,
    symmetric: device.symmetric[0]!.handle,
    publicKey: null,
    callback: nativeCompletion()!.pointer,
    retired: new RetiredSessions(),
  };
  const session = openCipherSession(context, {
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16),
  });
  const slot = new SlotPool(device.usdm).take(64)!;
  const [job] = bed.encryptions(session, 1);
  session.fill(job!.operation, slot);
  use(slot, context, bed.standIn);
  device.close();
}

testWith(part, "the stand-in sees memory in flight that is used again", () => {
  withSlot((slot, context, standIn) => {
    strictEqual(performOp(context, slot), CPA.CPA_STATUS_SUCCESS);
    strictEqual(standIn.violations, 0);
    performOp(context, slot);
    strictEqual(standIn.violations, 1);
  });
});

testWith(
  part,
  "the stand-in refuses data that hardware could not reach",
  () => {
    withSlot((slot, context, standIn) => {
      const unpinned = new Uint8Array(64);
      const address = Number(
        Deno.UnsafePointer.value(Deno.UnsafePointer.of(unpinned)),
      );
      // The list of the data comes before that of the first result.
      writeFlatBuffer(slot.view, slot.firstResultAt - 16, address, 64);
      notStrictEqual(performOp(context, slot), CPA.CPA_STATUS_SUCCESS);
      strictEqual(standIn.violations, 1);
    });
  },
);

testWith(
  part,
  "a file tells the stand-in of another process what to do",
  async () => {
    const file = await Deno.makeTempFile();
    try {
      using bed = new Bed(libraries, { CONTROL: file });
      const session = bed.open();
      bed.run(bed.encryptions(session, 1));
      await Deno.writeTextFile(file, "fail 2\nlatency-us 0\n");
      await new Promise((resolve) => setTimeout(resolve, 5));
      const jobs = bed.encryptions(session, 5);
      bed.run(jobs);
      strictEqual(countOf(jobs, OperationStatus.Unavailable), 2);
      strictEqual(countOf(jobs, OperationStatus.Ok), 3);
    } finally {
      await Deno.remove(file);
    }
  },
);

const real = realLibraries();
const both = { ...part, present: part.present && real.present };

testWith(
  both,
  "with the real libusdm the stand-in takes every pointer for pinned",
  async () => {
    // In a process of its own: both libusdms have the same soname.
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const main = new URL(
      "../../conformance/main.ts",
      import.meta.url,
    ).pathname;
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: ["run", "-A", "--config", config, main, "qat"],
        env: {
          VHOST_CRYPTO_QAT_LIBRARY: libraries.library,
          VHOST_CRYPTO_USDM_LIBRARY: real.libraries.usdm,
        },
      },
    ).output();
    const text = new TextDecoder().decode(stdout);
    strictEqual(success, true, text);
    strictEqual(/not in pinned/.test(new TextDecoder().decode(stderr)), false);
  },
);
