/**
 * Builds operations over memory for the tests of native backends.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes as nodeRandomBytes } from "node:crypto";
import { openOperations } from "../backends/burst_operations.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import {
  type Backend,
  type BackendThread,
  type Operation,
  OperationKind,
  type OperationStatus,
} from "../backends/backend.ts";
import {
  OverlapCheck,
  PrivateResults,
  resultRoomBytes,
} from "../backends/overlap.ts";

const mayNotSkip = Deno.env.get("VHOST_CRYPTO_FORBID_SKIP") === "1";

/** Declares a test that has the backend open on a thread. */
export type BackendTest = (
  name: string,
  run: (thread: BackendThread) => void | Promise<void>,
) => void;

/** Tests of a backend; their names say so where its library is not there. */
export function testsOf(backend: Backend): BackendTest {
  const probe = backend.probe({});
  const skips = !probe.ready && !mayNotSkip;
  return (name, run) =>
    Deno.test({
      name: skips ? `${name} (skipped: ${probe.missing[0]?.what})` : name,
      ignore: skips,
      fn: async () => {
        const thread = openOperations(backend);
        try {
          await run(thread);
        } finally {
          thread.close();
        }
      },
    });
}

/** How data lies in memory. */
export const LAYOUTS = [
  "contiguous",
  "scattered",
  "in place",
  "in place, scattered",
  "overlapping",
  "overlapping, scattered",
  "byte by byte",
] as const;
export type Layout = typeof LAYOUTS[number];

export const randomBytes = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(nodeRandomBytes(length));

const random = (below: number): number => Math.floor(Math.random() * below);

/** Cuts `lengthBytes` bytes at `offset` into random ranges, gaps between. */
function scatter(region: Region, offset: number, lengthBytes: number) {
  const list = new Segments();
  const longest = [1, 7, 40, 700, 5000][random(5)]!;
  for (let done = 0, at = offset; done < lengthBytes;) {
    const bytes = Math.min(1 + random(longest), lengthBytes - done);
    list.append(region, at, bytes);
    done += bytes;
    at += bytes + 1 + random(2);
  }
  return list;
}

function contiguous(region: Region, offset: number, lengthBytes: number) {
  const list = new Segments();
  list.append(region, offset, lengthBytes);
  return list;
}

function byteByByte(region: Region, offset: number, lengthBytes: number) {
  const list = new Segments();
  for (let i = 0; i < lengthBytes; i++) list.append(region, offset + 2 * i, 1);
  return list;
}

function again(list: Segments): Segments {
  const copy = new Segments();
  copy.slice(list, 0, list.totalBytes);
  return copy;
}

/** Source and destination of a request; gaps stay as they are. */
function lay(layout: Layout, lengthBytes: number, destinationBytes: number) {
  const room = 4 * Math.max(lengthBytes, destinationBytes) + 64;
  const region = new Region(randomBytes(2 * room));
  const other = new Region(randomBytes(room));
  const odd = random(16);
  const make = layout.endsWith("scattered")
    ? scatter
    : layout === "byte by byte"
    ? byteByByte
    : contiguous;
  const source = make(region, odd, lengthBytes);
  if (layout.startsWith("in place") && lengthBytes === destinationBytes) {
    return { source, destination: again(source) };
  }
  if (layout.startsWith("overlapping")) {
    const shifted = make(region, odd + 1 + random(20), destinationBytes);
    return { source, destination: shifted };
  }
  return { source, destination: make(other, random(16), destinationBytes) };
}

/** What a request holds; lengths follow from it. */
export interface Request {
  readonly kind?: OperationKind;
  readonly iv?: Uint8Array;
  readonly source: Uint8Array;
  readonly additionalData?: Uint8Array;
  /** Default: as long as the source. */
  readonly destinationBytes?: number;
  /** What the digest's room holds before. */
  readonly digest?: Uint8Array;
  readonly digestBytes?: number;
  readonly layout?: Layout;
  readonly ranges?: Partial<
    Pick<Operation, "cipherStart" | "cipherBytes" | "hashStart" | "hashBytes">
  >;
}

export interface Answer {
  readonly status: OperationStatus;
  readonly writtenBytes: number;
  readonly destination: Uint8Array;
  readonly digest: Uint8Array;
}

/** The bytes of the destination that hold the result. */
export const resultOf = ({ destination, writtenBytes }: Answer): Uint8Array =>
  destination.slice(0, writtenBytes);

/** The operation of a request on an open session. */
export function buildOperation(session: object, request: Request): Operation {
  const { layout = "contiguous", source: data } = request;
  const scattered = layout.endsWith("scattered");
  const { source, destination } = lay(
    layout,
    data.length,
    request.destinationBytes ?? data.length,
  );
  source.write(0, data);
  const fill = (bytes: Uint8Array) => {
    const region = new Region(new Uint8Array(4 * bytes.length + 64));
    const list = (scattered ? scatter : contiguous)(region, 3, bytes.length);
    list.write(0, bytes);
    return list;
  };
  const iv = new Uint8Array(64);
  iv.set(request.iv ?? []);
  return {
    kind: request.kind ?? OperationKind.Encrypt,
    session,
    iv,
    ivWords: new Uint32Array(iv.buffer),
    ivBytes: request.iv?.length ?? 0,
    source,
    additionalData: fill(request.additionalData ?? new Uint8Array()),
    destination,
    digest: fill(request.digest ?? new Uint8Array(request.digestBytes ?? 0)),
    cipherStart: 0,
    cipherBytes: data.length,
    hashStart: 0,
    hashBytes: data.length,
    ...request.ranges,
    status: 255,
    writtenBytes: 99,
  };
}

/** Runs one request on a session that is already open. */
export function runRequest(
  thread: BackendThread,
  session: object,
  request: Request,
): Answer {
  const operation = buildOperation(session, request);
  const { source, destination, digest } = operation;
  const before = [source, destination, digest].map(imageOf);
  const emptied = destination.copy();
  runOperation(thread, operation, request.digest !== undefined);
  const answer = {
    status: operation.status,
    writtenBytes: operation.writtenBytes,
    destination: destination.copy(),
    digest: digest.copy(),
  };
  destination.write(0, emptied);
  digest.write(0, request.digest ?? new Uint8Array(digest.totalBytes));
  const after = [source, destination, digest].map(imageOf);
  const same = before.every((image, i) =>
    Buffer.compare(image, after[i]!) === 0
  );
  strictEqual(same, true, "only destination and digest are written");
  return answer;
}

/** Runs an operation as the device does. */
function runOperation(
  thread: BackendThread,
  operation: Operation,
  readsTag: boolean,
): void {
  const isEntangled = new OverlapCheck().isEntangled(operation, readsTag);
  if (!isEntangled) return thread.run([operation], 1);
  const roomBytes = resultRoomBytes(operation, readsTag);
  const memory = new Region(new Uint8Array(new ArrayBuffer(roomBytes)));
  const results = new PrivateResults(operation, memory, readsTag);
  thread.run([operation], 1);
  results.deliver();
}

/** All memory around a list. */
function imageOf(list: Segments): Uint8Array {
  return list.count === 0 ? new Uint8Array() : list.region(0).bytes.slice();
}

/** Opens a session, runs one request and closes the session. */
export function runOnce(
  thread: BackendThread,
  description: SessionDescription,
  request: Request,
): Answer {
  const session = thread.openSession(description);
  try {
    return runRequest(thread, session, request);
  } finally {
    thread.closeSession(session);
  }
}

export const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));

/** `length` bytes that count up from `first`. */
export const counting = (length: number, first = 0): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => first + i);
