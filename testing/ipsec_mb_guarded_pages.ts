/**
 * A child of `backends/ipsec_mb/guarded_pages_test.ts`: runs one algorithm over memory that ends
 * where no memory is, so that a byte too far ends the process.
 *
 * @module
 */

import {
  type Algorithm,
  algorithmByName,
  listLengths,
} from "../algorithms/catalogue.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { openLibc } from "../ffi/libc.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import { openOperations } from "../backends/burst_operations.ts";
import ipsecMb from "../backends/ipsec_mb/ipsec_mb.ts";

const REGION_BYTES = 128 * 1024;
const LONG = [511, 1000, 1023, 1025, 2047, 4097, 8191, 16383, 65535, 100001];
const LENGTHS = [...Array.from({ length: 140 }, (_, n) => n), ...LONG];

/** A region after whose last byte an access raises SIGBUS. */
function guardedRegion(): Region {
  const libc = openLibc();
  const fd = libc.memfdCreate("guarded", REGION_BYTES);
  const mapping = libc.map(fd, 0, 2 * REGION_BYTES);
  if (typeof mapping === "number") throw new Error(libc.describe(mapping));
  const address = Deno.UnsafePointer.create(BigInt(mapping.address))!;
  const bytes = Deno.UnsafePointerView.getArrayBuffer(address, REGION_BYTES);
  return new Region(new Uint8Array(bytes), mapping.address);
}

const source = guardedRegion();
const destination = guardedRegion();
const additionalData = guardedRegion();
const digest = guardedRegion();

function atEnd(region: Region, lengthBytes: number): Segments {
  const list = new Segments();
  list.append(region, REGION_BYTES - lengthBytes, lengthBytes);
  return list;
}

function* descriptions(algorithm: Algorithm): Generator<SessionDescription> {
  const { service, name } = algorithm;
  const directions = ["encrypt", "decrypt"] as const;
  if (service === "hash") {
    yield { service, algorithm: name, resultBytes: algorithm.digestBytes };
    return;
  }
  if (service === "akcipher") return;
  const lengths = service === "mac" && algorithm.hash !== undefined
    ? [20, 200]
    : listLengths(algorithm.keyBytes);
  for (const keyBytes of lengths) {
    const key = crypto.getRandomValues(new Uint8Array(keyBytes));
    if (service === "mac") {
      const resultBytes = algorithm.digestBytes;
      yield { service, algorithm: name, key, resultBytes };
      continue;
    }
    for (const direction of directions) {
      yield service === "cipher"
        ? { service, algorithm: name, direction, key }
        : { service, algorithm: name, direction, key, tagBytes: 16 };
    }
  }
}

function makeOperation(
  session: BackendSession,
  description: SessionDescription,
  ivBytes: number,
  lengthBytes: number,
  inPlace: boolean,
): Operation {
  const direction = "direction" in description
    ? description.direction
    : undefined;
  const kind = direction === undefined
    ? OperationKind.Digest
    : direction === "encrypt"
    ? OperationKind.Encrypt
    : OperationKind.Decrypt;
  const iv = crypto.getRandomValues(new Uint8Array(32));
  return {
    kind,
    session,
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes,
    source: atEnd(source, lengthBytes),
    destination: atEnd(inPlace ? source : destination, lengthBytes),
    additionalData: atEnd(additionalData, lengthBytes % 61),
    digest: atEnd(
      digest,
      "resultBytes" in description ? description.resultBytes : 16,
    ),
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
    status: OperationStatus.Pending,
    writtenBytes: 0,
  };
}

function runAll(thread: BackendThread, algorithm: Algorithm): void {
  const ivBytes = algorithm.service === "cipher"
    ? algorithm.ivBytes
    : algorithm.service === "aead"
    ? 12
    : 0;
  for (const description of descriptions(algorithm)) {
    const session = thread.openSession(description);
    for (const lengthBytes of LENGTHS) {
      for (const [inPlace, count] of [[true, 1], [false, 17]] as const) {
        const operations = Array.from(
          { length: count },
          () =>
            makeOperation(session, description, ivBytes, lengthBytes, inPlace),
        );
        thread.run(operations, count);
        if (operations.some(({ status }) => status === 255)) Deno.exit(3);
      }
    }
    thread.closeSession(session);
  }
}

/** Arguments: the library, then qualified names of algorithms. */
export function main(args: readonly string[]): void {
  const [library, ...names] = args;
  const thread = openOperations(ipsecMb, { library: library! });
  for (const qualified of names) {
    const [service, name] = qualified.split(".") as [
      Algorithm["service"],
      string,
    ];
    // The last line tells which one it was.
    console.log(qualified);
    runAll(thread, algorithmByName(service, name)!);
  }
  thread.close();
}

if (import.meta.main) main(Deno.args);
