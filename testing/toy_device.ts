/**
 * A device of toy algorithms for the driver's own tests: it decodes requests as
 * a device does, and what it computes depends on every byte that it was given.
 *
 * @module
 */

import { algorithmByName } from "../algorithms/catalogue.ts";
import {
  keysOf,
  type SessionDescription,
} from "../algorithms/session_description.ts";
import { DescriptorChain, popChain } from "../device/ring/chain.ts";
import { GuestMemory } from "../device/ring/guest_memory.ts";
import { createVirtqueue } from "../device/ring/create_virtqueue.ts";
import { startOf } from "../device/ring/ring_start.ts";
import type { Virtqueue } from "../device/ring/virtqueue.ts";
import {
  encodeConfigSpace,
  STATUS_HW_READY,
} from "../device/wire/config_space.ts";
import {
  createFrom,
  createOutcome,
  decodeControlRequest,
  destroyOutcome,
} from "../device/wire/control_request.ts";
import { layOutDataRequest } from "../device/wire/data_layout.ts";
import { DataRequest, decodeDataRequest } from "../device/wire/data_request.ts";
import {
  decodeDraft9Control,
  DRAFT_9_REQUEST_BYTES,
  writeDraft9Created,
  writeDraft9Status,
} from "../device/wire/draft9.ts";
import {
  decodeDraft9Data,
  Draft9DataRequest,
  draft9SessionId,
} from "../device/wire/draft9_data.ts";
import {
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_REVISION_1,
  F_RING_PACKED,
  F_VERSION_1,
  featuresAreAcceptable,
  STATELESS_FEATURE,
} from "../device/wire/features.ts";
import { type Layout, wireMode } from "../device/wire/mode.ts";
import { decodeSession, isRefusal } from "../device/wire/session_parameters.ts";
import { Status } from "../device/wire/status.ts";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import type { DeviceLink, QueueAddresses } from "../driver/link.ts";

const GUEST_ADDRESS = 0x2_0000_0000;
const LIMITS = { services: 0x1f, maxCipherKeyBytes: 64, maxAuthKeyBytes: 1024 };

const ALL_FEATURES = Object.values(STATELESS_FEATURE).reduce(
  (all, one) => all | one,
  F_VERSION_1 | F_INDIRECT_DESC | F_EVENT_IDX | F_RING_PACKED | F_IN_ORDER |
    F_REVISION_1,
);

/** What a toy operation is given. */
interface ToyInput {
  readonly description: SessionDescription;
  readonly iv: Uint8Array;
  readonly source: Uint8Array;
  readonly additionalData: Uint8Array;
}

/** One byte that depends on all bytes of the inputs and their order. */
function toySum(...inputs: readonly Uint8Array[]): number {
  let sum = 1;
  for (const input of inputs) {
    for (const byte of input) sum = (sum * 31 + byte) % 251;
  }
  return sum;
}

/** The toy cipher: a fixed byte over the source, the same in both directions. */
export function toyCipher(input: ToyInput): Uint8Array<ArrayBuffer> {
  const mask = toySum(...keysOf(input.description), input.iv);
  return Uint8Array.from(input.source, (byte) => byte ^ mask);
}

/** The toy digest of `input`, whose source is given as it was enciphered. */
export function toyDigest(
  input: ToyInput,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  const { description, iv, source, additionalData } = input;
  const keys = keysOf(description);
  const sum = toySum(...keys, iv, source, additionalData);
  return new Uint8Array(lengthBytes).fill(sum);
}

/** A device in this process. */
export class ToyDevice implements DeviceLink {
  readonly memory: Region;
  readonly memoryGuestAddress = GUEST_ADDRESS;
  readonly sessions = new Map<number, SessionDescription>();
  /** Descriptors of the chains seen, by queue. */
  readonly chainLengths: number[] = [];
  /** Answers with this status whatever is asked of the data queues. */
  forcedStatus: Status | undefined;
  offeredFeatures = ALL_FEATURES;
  configStatus = STATUS_HW_READY;
  /** Answers NOTSUPP to every creation of a session. */
  refusesSessions = false;
  closed = false;
  kicks = 0;
  readonly #layout: Layout;
  readonly #guestMemory = new GuestMemory();
  readonly #queues: Virtqueue[] = [];
  readonly #notified: (() => void)[] = [];
  #features = 0n;
  #nextId = 7;

  constructor(layout: Layout = "virtio", memoryBytes = 1 << 20) {
    this.#layout = layout;
    this.memory = new Region(new Uint8Array(memoryBytes));
    this.#guestMemory.add({
      guestAddress: GUEST_ADDRESS,
      userAddress: GUEST_ADDRESS,
      lengthBytes: memoryBytes,
      region: this.memory,
    });
  }

  acceptFeatures(features: bigint): Promise<void> {
    if (!featuresAreAcceptable(this.offeredFeatures, features)) {
      return Promise.reject(new RangeError("features refused"));
    }
    this.#features = features;
    return Promise.resolve();
  }

  readConfig(): Promise<Uint8Array> {
    return Promise.resolve(encodeConfigSpace({
      status: this.configStatus,
      maxDataQueues: 1,
      cipherAlgorithms: 0xfffen,
      hashAlgorithms: 0xfffe,
      macAlgorithms: 0xfffen,
      aeadAlgorithms: 0xe,
      akcipherAlgorithms: 0x6,
      ...LIMITS,
      maxSizeBytes: 1 << 20,
    }, this.#layout));
  }

  startQueue(index: number, addresses: QueueAddresses): Promise<void> {
    const has = (feature: bigint) => (this.#features & feature) !== 0n;
    const queue = createVirtqueue({
      ...addresses,
      memory: this.#guestMemory,
      base: startOf(has(F_RING_PACKED)),
      packed: has(F_RING_PACKED),
      eventIndex: has(F_EVENT_IDX),
      inOrder: has(F_IN_ORDER),
    });
    if ("error" in queue) return Promise.reject(new Error(queue.error));
    this.#queues[index] = queue;
    return Promise.resolve();
  }

  kick(index: number): void {
    this.kicks++;
    // Later, as a device in another process would.
    queueMicrotask(() => this.#serve(index));
  }

  onNotification(index: number, notified: () => void): void {
    this.#notified[index] = notified;
  }

  onConfigChange(): void {}

  reset(): Promise<void> {
    this.sessions.clear();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #serve(index: number): void {
    const queue = this.#queues[index]!;
    const chain = new DescriptorChain();
    do {
      while (popChain(queue, chain)) {
        this.chainLengths[index] = chain.descriptorCount;
        const writtenBytes = this.#layout === "draft-9"
          ? this.#serveDraft9(index, chain.writable)
          : this.#serveVirtio(index, chain);
        queue.push(chain.slot, writtenBytes);
      }
      if (queue.publish()) this.#notified[index]?.();
    } while (queue.enableNotifications());
    if (queue.broken !== undefined) throw new Error(queue.broken);
  }

  #serveVirtio(index: number, chain: DescriptorChain): number {
    const bytes = chain.readable.copy();
    if (index === 0) return this.#data(bytes, chain.writable);
    const mode = wireMode("virtio", this.#features);
    const request = decodeControlRequest(bytes, mode, LIMITS);
    let outcome: Uint8Array<ArrayBuffer>;
    if (this.refusesSessions) {
      outcome = createOutcome(Status.NotSupported, 0);
    } else if (request.kind === "create") {
      outcome = createOutcome(Status.Ok, this.#open(request.description));
    } else if (request.kind === "destroy") {
      const known = this.sessions.delete(request.sessionId);
      outcome = destroyOutcome(known ? Status.Ok : Status.Error);
    } else outcome = createOutcome(request.status, 0);
    chain.writable.write(0, outcome);
    return outcome.length;
  }

  #open(description: SessionDescription): number {
    this.sessions.set(this.#nextId, description);
    return this.#nextId++;
  }

  #data(bytes: Uint8Array<ArrayBuffer>, writable: Segments): number {
    const request = new DataRequest();
    const mode = wireMode("virtio", this.#features);
    const view = new DataView(bytes.buffer);
    let status = decodeDataRequest(view, bytes.length, mode, request);
    const description = status === Status.Ok
      ? this.#descriptionOf(request, bytes)
      : undefined;
    if (!description) status = Status.InvalidSession;
    else {
      layOutDataRequest(request, ivFieldBytes(description));
      status = this.forcedStatus ?? Status.Ok;
    }
    const verify = request.opcode === 0x403;
    const tagged = description?.service === "aead" && (request.opcode & 1) === 1
      ? request.digestBytes
      : 0;
    let writtenBytes = 1;
    if (description && status === Status.Ok && !verify) {
      const part = (at: number, length: number) =>
        bytes.subarray(at, at + length);
      const sourceBytes = request.sourceBytes - tagged;
      const result = run({
        description,
        iv: part(request.ivAt, request.ivBytes),
        source: part(request.sourceAt, sourceBytes),
        additionalData: part(
          request.additionalDataAt,
          request.additionalDataBytes,
        ),
      }, request.digestBytes);
      if (request.destinationBytes > 0) writable.write(0, result.data);
      if (tagged === 0) writable.write(request.digestAt, result.digest);
      else if (
        toySum(result.digest) !== toySum(part(request.digestAt, tagged))
      ) status = Status.BadMessage;
      // Room for a longer result is not written to (AKCIPHER).
      writtenBytes += Math.min(
        request.destinationBytes,
        result.data.length + (tagged === 0 ? request.digestBytes : 0),
      ) + (description.service === "chain" ? request.digestBytes : 0);
    }
    writable.fill(writable.totalBytes - 1, 1, status);
    return writtenBytes;
  }

  #descriptionOf(
    request: DataRequest,
    bytes: Uint8Array,
  ): SessionDescription | undefined {
    if (request.sessionMode) return this.sessions.get(request.sessionId);
    const description = decodeSession(
      request,
      bytes.subarray(request.keyAt, request.keyAt + request.keyBytes),
      bytes.subarray(
        request.authKeyAt,
        request.authKeyAt + request.authKeyBytes,
      ),
    );
    return isRefusal(description) ? undefined : description;
  }

  #serveDraft9(index: number, writable: Segments): number {
    const bytes = writable.copy();
    const view = new DataView(bytes.buffer);
    if (index === 1) this.#draft9Control(view);
    else this.#draft9Data(view);
    writable.write(0, bytes);
    return DRAFT_9_REQUEST_BYTES;
  }

  #draft9Control(view: DataView): void {
    const request = decodeDraft9Control(view, DRAFT_9_REQUEST_BYTES, LIMITS);
    if (request.kind === "create") {
      const { parameters } = request;
      const made = createFrom(
        parameters,
        this.#read(request.keyAddress, parameters.keyBytes).copy(),
        this.#read(request.authKeyAddress, parameters.authKeyBytes).copy(),
      );
      if (made.kind !== "create") throw new Error(made.reason);
      const id = this.#open(made.description);
      writeDraft9Created(view, request, Status.Ok, id);
    } else if (request.kind === "destroy") {
      const known = this.sessions.delete(request.sessionId);
      const status = known ? Status.Ok : Status.Error;
      writeDraft9Status(view, request.statusAt, status);
    }
  }

  #draft9Data(view: DataView): void {
    const request = new Draft9DataRequest();
    const description = this.sessions.get(draft9SessionId(view));
    decodeDraft9Data(
      view,
      DRAFT_9_REQUEST_BYTES,
      description?.service,
      request,
    );
    if (!description) {
      return writeDraft9Status(view, request.statusAt, Status.InvalidSession);
    }
    const shift = ivFieldBytes(description) === 0 ? 0 : 1;
    const digestBytes = "resultBytes" in description
      ? description.resultBytes
      : description.service === "aead"
      ? description.tagBytes
      : 0;
    const result = run({
      description,
      iv: this.#read(request.ivAddress + shift, request.ivBytes).copy(),
      source: this.#read(request.sourceAddress, request.sourceBytes).copy(),
      additionalData: this.#read(
        request.additionalDataAddress,
        request.additionalDataBytes,
      ).copy(),
    }, digestBytes);
    if (request.destinationBytes > 0) {
      this.#read(request.destinationAddress, request.destinationBytes)
        .write(0, result.data);
    }
    let status = Status.Ok;
    const digest = this.#read(request.digestAddress, digestBytes);
    if (description.service === "aead" && (request.opcode & 1) === 1) {
      if (toySum(result.digest) !== toySum(digest.copy())) {
        status = Status.BadMessage;
      }
    } else digest.write(0, result.digest);
    writeDraft9Status(view, request.statusAt, status);
  }

  #read(guestAddress: number, lengthBytes: number): Segments {
    const segments = new Segments();
    if (lengthBytes === 0) return segments;
    if (!this.#guestMemory.translate(guestAddress, lengthBytes, segments)) {
      throw new Error(`address ${guestAddress} is outside memory`);
    }
    return segments;
  }
}

function run(
  input: ToyInput,
  digestBytes: number,
): { data: Uint8Array<ArrayBuffer>; digest: Uint8Array<ArrayBuffer> } {
  const data = toyCipher(input);
  const decrypts = "direction" in input.description &&
    input.description.direction === "decrypt";
  const plain = decrypts ? { ...input, source: data } : input;
  return { data, digest: toyDigest(plain, digestBytes) };
}

function ivFieldBytes(description: SessionDescription): number {
  if (description.service !== "aead") return 0;
  return algorithmByName("aead", description.algorithm)?.ivFieldBytes ?? 0;
}
