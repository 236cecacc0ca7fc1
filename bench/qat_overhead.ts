/**
 * What our side of a QAT request costs: the stand-in with a null operation does
 * nothing with a request but take it and call back, so that what remains is the
 * bounce through pinned memory, the FFI calls and the look for completions.
 *
 * `deno run -A bench/qat_overhead.ts`. It shows nothing about hardware.
 *
 * @module
 */

import {
  type Operation,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import qat from "../backends/qat/qat.ts";
import { QatDevice } from "../backends/qat/device.ts";
import {
  openCipherSession,
  performOp,
} from "../backends/qat/cipher_session.ts";
import { RetiredSessions } from "../backends/qat/retired_sessions.ts";
import type { SessionContext } from "../backends/qat/session.ts";
import { SlotPool } from "../backends/qat/slots.ts";
import { nativeCompletion } from "../ffi/qat_completion.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { StandIn } from "../tests/qat_stand_in/control.ts";
import { standIn } from "../tests/qat_stand_in/parts.ts";

const SIZES = [64, 1024, 4096];
const BURSTS = [1, 8, 32];
const ROUNDS = 5;
const REQUESTS_PER_ROUND = 64_000;

const DESCRIPTION = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: new Uint8Array(16),
} as const;

function makeOperation(session: object, lengthBytes: number): Operation {
  const region = new Region(new Uint8Array(2 * lengthBytes));
  const source = new Segments();
  const destination = new Segments();
  source.append(region, 0, lengthBytes);
  destination.append(region, lengthBytes, lengthBytes);
  const iv = new Uint8Array(16);
  return {
    kind: OperationKind.Encrypt,
    session,
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes: 16,
    source,
    additionalData: new Segments(),
    destination,
    digest: new Segments(),
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
    status: OperationStatus.Pending,
    writtenBytes: 0,
  };
}

/** The fastest of some rounds, in nanoseconds for each request. */
function measure(burst: number, runBurst: () => void): number {
  let best = Infinity;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < REQUESTS_PER_ROUND; i += burst) runBurst();
    const ns = (performance.now() - start) * 1e6 / REQUESTS_PER_ROUND;
    best = Math.min(best, ns);
  }
  return best;
}

/** The whole way through the backend. */
function measureBackend(
  libraries: Record<string, string>,
  lengthBytes: number,
  burst: number,
): number {
  const thread = qat.open(libraries);
  const session = thread.openSession(DESCRIPTION);
  const operations = Array.from(
    { length: burst },
    () => makeOperation(session, lengthBytes),
  );
  const ns = measure(burst, () => {
    thread.run(operations, burst);
    while (
      operations.some(({ status }) => status === OperationStatus.Pending)
    ) {
      thread.poll!();
    }
  });
  thread.close();
  return ns;
}

/** The library's calls alone, with descriptors that are ready. */
function measureLibrary(
  libraries: Record<string, string>,
  lengthBytes: number,
  burst: number,
): number {
  const device = new QatDevice(libraries);
  const handle = device.symmetric[0]!.handle;
  const context: SessionContext = {
    symbols: device.qat.symbols,
    usdm: device.usdm,
    symmetric: handle,
    publicKey: null,
    callback: nativeCompletion()!.pointer,
    retired: new RetiredSessions(),
  };
  const session = openCipherSession(context, DESCRIPTION);
  const slots = new SlotPool(device.usdm);
  const filled = Array.from({ length: burst }, () => {
    const slot = slots.take(lengthBytes)!;
    session.fill(makeOperation(session, lengthBytes), slot);
    return slot;
  });
  const ns = measure(burst, () => {
    for (const slot of filled) performOp(context, slot);
    device.qat.symbols.icp_sal_CyPollInstance(handle, 0);
  });
  session.close();
  slots.close();
  device.close();
  return ns;
}

const part = standIn();
if (!part.present) {
  console.error(`${part.name} is missing: ${part.remedy}`);
  Deno.exit(1);
}
using _standIn = new StandIn(part.libraries, { NULL: 1 });
const libraries = { ...part.libraries };
console.log("AES-CBC, a null operation of the stand-in, ns for each request");
console.log("bytes  burst  whole  library calls  our side");
for (const lengthBytes of SIZES) {
  for (const burst of BURSTS) {
    const whole = measureBackend(libraries, lengthBytes, burst);
    const library = measureLibrary(libraries, lengthBytes, burst);
    const columns = [lengthBytes, burst, whole, library, whole - library];
    const widths = [5, 5, 5, 13, 8];
    console.log(
      columns.map((value, i) => value.toFixed(0).padStart(widths[i]!))
        .join("  "),
    );
  }
}
