import assert from "node:assert/strict";
import { nativeBuffer, openLibc } from "../ffi/libc.ts";
import { isReadable } from "../testing/readable.ts";
import { acceptConnection, SocketMessages } from "../ffi/libc_socket.ts";
import { listenUnix } from "../testing/listening_socket.ts";
import {
  decodeHeader,
  encodeMessage,
  encodeU64,
  FLAG_NEED_REPLY,
  FLAG_REPLY,
  HEADER_BYTES,
  PROTOCOL_FEATURE,
  REQUEST,
} from "./vhost_user/messages.ts";
import { DeviceLostError } from "./device_lost_error.ts";
import { connectVhostUser } from "./vhost_user_front_end.ts";

const BIT_30 = 1n << 30n;
const VERSION_1 = 1n << 32n;

/** How a played device behaves. */
interface Script {
  readonly features: bigint;
  readonly protocolFeatures: bigint;
  /** Request that it refuses, where it can say so. */
  readonly refuses?: number;
  /** Request at which it hangs up. */
  readonly hangsUpAt?: number;
  /** What it sends instead of the answer to GET_FEATURES, piece by piece. */
  readonly sends?: readonly Uint8Array<ArrayBuffer>[];
}

/** Neither protocol features nor anything that goes wrong. */
const PLAIN: Script = { features: VERSION_1, protocolFeatures: 0n };

/** A device played by the test: it answers messages and keeps a record. */
class PlayedDevice implements AsyncDisposable {
  readonly requests: number[] = [];
  /** Descriptors that came with each request. */
  readonly descriptors: number[] = [];
  backendChannel = -1;
  readonly #libc = openLibc();
  readonly #script: Script;
  readonly #messages = new SocketMessages(this.#libc);
  readonly #folder = Deno.makeTempDirSync();
  readonly socketPath = `${this.#folder}/s`;
  readonly #listener = listenUnix(this.#libc, this.socketPath);
  #serving: Promise<void> | undefined;

  constructor(script: Script) {
    this.#script = script;
  }

  /** Serves the connection that is already waiting, until it ends. */
  serve(): void {
    this.#serving = this.#serve();
  }

  /** Sends a config change on the back-end channel and returns the answer. */
  async announceConfigChange(): Promise<Uint8Array> {
    const message = encodeMessage(2, new Uint8Array(0), FLAG_NEED_REPLY);
    this.#messages.send(this.backendChannel, message, [], true);
    return await this.#receive(this.backendChannel, HEADER_BYTES + 8);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving;
    if (this.backendChannel >= 0) this.#libc.close(this.backendChannel);
    this.#libc.close(this.#listener);
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #serve(): Promise<void> {
    await this.#readable(this.#listener);
    const fd = acceptConnection(this.#libc, this.#listener);
    while (await this.#serveOne(fd));
    this.#libc.close(fd);
  }

  async #serveOne(fd: number): Promise<boolean> {
    const fds: number[] = [];
    const bytes = await this.#receive(fd, HEADER_BYTES, fds);
    if (bytes.length < HEADER_BYTES) return false;
    const { request, flags, payloadBytes } = decodeHeader(bytes);
    await this.#receive(fd, payloadBytes, fds);
    this.requests.push(request);
    this.descriptors.push(fds.length);
    for (const passed of fds) {
      if (request === REQUEST.SET_BACKEND_REQ_FD) this.backendChannel = passed;
      else this.#libc.close(passed);
    }
    if (request === this.#script.hangsUpAt) return false;
    if (request === REQUEST.GET_FEATURES && this.#script.sends) {
      for (const piece of this.#script.sends) {
        this.#messages.send(fd, piece, [], true);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return true;
    }
    const answer = this.#answer(request, flags);
    if (answer !== undefined) {
      const message = encodeMessage(request, encodeU64(answer), FLAG_REPLY);
      this.#messages.send(fd, message, [], true);
    }
    return true;
  }

  #answer(request: number, flags: number): bigint | undefined {
    switch (request) {
      case REQUEST.GET_FEATURES:
        return this.#script.features;
      case REQUEST.GET_PROTOCOL_FEATURES:
        return this.#script.protocolFeatures;
      case REQUEST.GET_VRING_BASE:
        return 0n;
      default:
        if ((flags & FLAG_NEED_REPLY) === 0) return undefined;
        return request === this.#script.refuses ? 1n : 0n;
    }
  }

  async #readable(fd: number): Promise<void> {
    await isReadable(fd, 10_000);
  }

  async #receive(
    fd: number,
    lengthBytes: number,
    fds: number[] = [],
  ): Promise<Uint8Array> {
    const bytes = nativeBuffer(lengthBytes);
    let received = 0;
    while (received < lengthBytes) {
      await this.#readable(fd);
      const result = this.#messages.receive(fd, bytes.subarray(received), fds);
      if (result <= 0) return bytes.subarray(0, received);
      received += result;
    }
    return bytes;
  }
}

const ADDRESSES = {
  size: 16,
  descriptorAddress: 0x1_0000_0000,
  availableAddress: 0x1_0000_1000,
  usedAddress: 0x1_0000_2000,
};
const OPTIONS = { memoryBytes: 1 << 16 };

const openDescriptors = (): string[] =>
  [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);

/** Connects to a played device; its answers need the connection first. */
function attach(device: PlayedDevice) {
  const link = connectVhostUser(device.socketPath, OPTIONS);
  device.serve();
  return link;
}

Deno.test("without protocol features the plainest device is served", async () => {
  await using device = new PlayedDevice({
    features: VERSION_1,
    protocolFeatures: 0n,
  });
  const link = await attach(device);
  assert.equal(link.offeredFeatures, VERSION_1);
  await link.acceptFeatures(VERSION_1);
  await link.startQueue(0, ADDRESSES);
  await link.reset();
  await link.close();
  assert.deepEqual(device.requests, [
    REQUEST.GET_FEATURES,
    REQUEST.SET_OWNER,
    REQUEST.SET_FEATURES,
    REQUEST.SET_MEM_TABLE,
    REQUEST.SET_VRING_NUM,
    REQUEST.SET_VRING_BASE,
    REQUEST.SET_VRING_ADDR,
    REQUEST.SET_VRING_CALL,
    REQUEST.SET_VRING_KICK,
    REQUEST.GET_VRING_BASE,
  ]);
  // Memory, call and kick.
  assert.equal(device.descriptors.reduce((a, b) => a + b), 3);
});

Deno.test("rings are enabled where protocol features were offered", async () => {
  await using device = new PlayedDevice({
    features: VERSION_1 | BIT_30,
    protocolFeatures: PROTOCOL_FEATURE.REPLY_ACK | 1n << 63n,
  });
  const link = await attach(device);
  assert.equal(link.offeredFeatures, VERSION_1, "bit 30 is not the driver's");
  assert.equal(link.protocolFeatures, PROTOCOL_FEATURE.REPLY_ACK);
  const shown = Deno.inspect(link, { depth: Infinity });
  assert.match(shown, /^VhostUserLink \{[^]*state: "connected"/);
  assert.doesNotMatch(shown, /Uint8Array|memory/i);
  await link.acceptFeatures(VERSION_1);
  await link.startQueue(1, ADDRESSES);
  assert.equal(device.requests.at(-1), REQUEST.SET_VRING_ENABLE);
  await link.close();
});

Deno.test("a refusal rejects, and leaves nothing open", async () => {
  const before = openDescriptors();
  {
    await using device = new PlayedDevice({
      features: VERSION_1 | BIT_30,
      protocolFeatures: PROTOCOL_FEATURE.REPLY_ACK,
      refuses: REQUEST.SET_MEM_TABLE,
    });
    const link = await attach(device);
    await assert.rejects(link.acceptFeatures(VERSION_1), /refused/);
    await link.close();
  }
  assert.deepEqual(openDescriptors(), before);
});

Deno.test("a device that hangs up rejects, and leaves nothing open", async () => {
  const before = openDescriptors();
  for (
    const hangsUpAt of [REQUEST.GET_FEATURES, REQUEST.GET_PROTOCOL_FEATURES]
  ) {
    await using device = new PlayedDevice({
      features: VERSION_1 | BIT_30,
      protocolFeatures: 0n,
      hangsUpAt,
    });
    await assert.rejects(attach(device), /closed the connection/);
  }
  assert.deepEqual(openDescriptors(), before);
});

const { GET_FEATURES, GET_CONFIG } = REQUEST;
const FEATURES = encodeU64(VERSION_1);

Deno.test("an answer may come in pieces", async () => {
  const answer = encodeMessage(GET_FEATURES, FEATURES, FLAG_REPLY);
  const sends = [answer.slice(0, 5), answer.slice(5, 13), answer.slice(13)];
  await using device = new PlayedDevice({ ...PLAIN, sends });
  const link = await attach(device);
  assert.equal(link.offeredFeatures, VERSION_1);
  await link.close();
});

Deno.test("a device that answers what is no answer is lost, and leaves nothing open", async () => {
  const before = openDescriptors();
  const version2 = encodeMessage(GET_FEATURES, FEATURES, FLAG_REPLY);
  version2[4]! ^= 3;
  const endless = encodeMessage(GET_FEATURES, FEATURES, FLAG_REPLY);
  new DataView(endless.buffer).setUint32(8, 0xffff_ffff, true);
  const twice = new Uint8Array([
    ...encodeMessage(GET_FEATURES, FEATURES, FLAG_REPLY),
    ...encodeMessage(GET_FEATURES, FEATURES, FLAG_REPLY),
  ]);
  const wrong = {
    "another request's": encodeMessage(GET_CONFIG, FEATURES, FLAG_REPLY),
    "a request": encodeMessage(GET_FEATURES, FEATURES),
    "of another version": version2,
    "longer than any": endless,
    "two at a time": twice,
  };
  for (const [what, message] of Object.entries(wrong)) {
    await using device = new PlayedDevice({ ...PLAIN, sends: [message] });
    await assert.rejects(
      attach(device),
      (error) =>
        error instanceof DeviceLostError &&
        /lost: unexpected vhost-user message \d+ of \d+ bytes, expected the/
          .test(error.message),
      what,
    );
  }
  assert.deepEqual(openDescriptors(), before);
});

Deno.test("a message that nobody has asked for ends the link", async () => {
  const answer = encodeMessage(GET_FEATURES, FEATURES, FLAG_REPLY);
  const more = encodeMessage(GET_CONFIG, FEATURES, FLAG_REPLY);
  await using device = new PlayedDevice({ ...PLAIN, sends: [answer, more] });
  const link = await attach(device);
  const reason = await new Promise<string>((resolve) =>
    link.onDisconnect(resolve)
  );
  assert.match(reason, /unexpected vhost-user message 24 .* expected none/);
  await assert.rejects(link.queueCount(), DeviceLostError);
  await link.close();
});

Deno.test("nobody at the socket is an error that names it", async () => {
  await assert.rejects(
    connectVhostUser("/nonexistent/socket", OPTIONS),
    /nonexistent/,
  );
});

Deno.test("options of a link are checked before anything is opened", async () => {
  const before = openDescriptors();
  const path = "/nonexistent/socket";
  for (const memoryBytes of [-1, 0, 1.5, NaN, 65535]) {
    await assert.rejects(connectVhostUser(path, { memoryBytes }), {
      name: "RangeError",
      message: "Cannot connect to a vhost-user device: memoryBytes is " +
        `${memoryBytes}, expected a whole number from 65536 on`,
    });
  }
  await assert.rejects(
    connectVhostUser(path, { ...OPTIONS, configBytes: 0 }),
    RangeError,
  );
  assert.deepEqual(openDescriptors(), before);
});

Deno.test("a config change is passed on and acknowledged", async () => {
  await using device = new PlayedDevice({
    features: VERSION_1 | BIT_30,
    protocolFeatures: PROTOCOL_FEATURE.REPLY_ACK | PROTOCOL_FEATURE.BACKEND_REQ,
  });
  const link = await attach(device);
  let changes = 0;
  link.onConfigChange(() => changes++);
  const answer = await device.announceConfigChange();
  assert.equal(changes, 1);
  assert.equal(answer.at(HEADER_BYTES), 0);
  await link.close();
});
