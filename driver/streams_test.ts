import { Buffer } from "node:buffer";
import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { createDevice, Driver } from "../mod.ts";
import { encryptXts } from "../examples/demo/xts_reference.ts";
import { ToyDevice } from "../testing/toy_device.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const XTS_KEY = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
const MAXIMUM_BYTES = 8192;

/** A counter that carries through all of its bytes soon. */
const IV = new Uint8Array(16).fill(0xff);
IV[15] = 0xf0;

const pattern = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

const startSmall = async () =>
  await Driver.start(
    await createDevice({ maxSizeBytes: MAXIMUM_BYTES }),
    { revision1: true, stateless: true },
  );

/** Without the comparison of long arrays that a failure prints. */
function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  ok(Buffer.compare(actual, expected) === 0, `of ${actual.length} bytes`);
}

/** Cuts `data` at odd places. */
function* parts(data: Uint8Array, lengths: readonly number[]) {
  let at = 0;
  for (let i = 0; at < data.length; i++) {
    const length = lengths[i % lengths.length]!;
    yield data.subarray(at, at + length);
    at += length;
  }
}

async function through(
  stream: TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>,
  data: Uint8Array,
  lengths: readonly number[],
): Promise<Uint8Array> {
  const readable = ReadableStream.from(parts(data, lengths));
  const pieces: Uint8Array[] = [];
  for await (const piece of readable.pipeThrough(stream)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

function known(
  name: string,
  key: Uint8Array,
  iv: Uint8Array | null,
  data: Uint8Array,
) {
  const cipher = createCipheriv(name, key, iv);
  cipher.setAutoPadding(false);
  return new Uint8Array([...cipher.update(data), ...cipher.final()]);
}

const CUTS = [[1, 15, 16, 4000, 0, 17], [100_000], [5000], [16]] as const;

const MODES = [
  ["aes-ecb", "aes-256-ecb", undefined],
  ["aes-cbc", "aes-256-cbc", IV],
  ["aes-ctr", "aes-256-ctr", IV],
] as const;

for (const [algorithm, name, iv] of MODES) {
  Deno.test(`a stream of ${algorithm} gives what one request would, in both directions`, async () => {
    await using driver = await startSmall();
    // Far more than one request takes, and for CTR an end within a block.
    const data = pattern(algorithm === "aes-ctr" ? 100_003 : 100_000);
    const expected = known(name, KEY, iv ?? null, data);
    for (const stateless of [false, true]) {
      const open = (direction: "encrypt" | "decrypt") =>
        driver.cipher({ algorithm, direction, key: KEY }, { stateless });
      await using encrypt = await open("encrypt");
      await using decrypt = await open("decrypt");
      for (const cuts of CUTS) {
        expectBytes(
          await through(encrypt.stream(iv), data, cuts),
          expected,
        );
        expectBytes(
          await through(decrypt.stream(iv), expected, cuts),
          data,
        );
      }
    }
  });
}

Deno.test("a stream of XTS goes on at data units, which count up, and the last may be short", async () => {
  await using driver = await startSmall();
  const data = pattern(20 * 512 + 100);
  const first = new Uint8Array(16);
  first[0] = 0xfe;
  const open = (direction: "encrypt" | "decrypt") =>
    driver.cipher({ algorithm: "aes-xts", direction, key: XTS_KEY });
  await using encrypt = await open("encrypt");
  await using decrypt = await open("decrypt");
  const expected: number[] = [];
  for (let unit = 0; unit * 512 < data.length; unit++) {
    const tweak = new Uint8Array(16);
    new DataView(tweak.buffer).setUint32(0, 0xfe + unit, true);
    const part = data.subarray(unit * 512, (unit + 1) * 512);
    // What ends within a block is compared with a request of its own.
    expected.push(
      ...part.length % 16 === 0
        ? encryptXts(XTS_KEY, tweak, part)
        : await encrypt.run(part, tweak),
    );
  }
  const unitBytes = 512;
  for (const cuts of CUTS) {
    const sealed = await through(
      encrypt.stream(first, { unitBytes }),
      data,
      cuts,
    );
    expectBytes(sealed, Uint8Array.from(expected));
    expectBytes(
      await through(decrypt.stream(first, { unitBytes }), sealed, cuts),
      data,
    );
  }
  for (const wrong of [undefined, 0, 15, 5000, 1.5]) {
    throws(
      () =>
        encrypt.stream(first, wrong === undefined ? {} : { unitBytes: wrong }),
      /unitBytes is .*, expected 16 to 4088: XTS is cut at data units alone/,
    );
  }
  await rejects(
    through(encrypt.stream(first, { unitBytes }), pattern(512 + 15), [600]),
    /the last data unit has 15 bytes, expected at least 16/,
  );
});

Deno.test("nothing in, nothing out", async () => {
  await using driver = await startSmall();
  for (const algorithm of ["aes-cbc", "aes-ctr"] as const) {
    await using cipher = await driver.cipher({
      algorithm,
      direction: "encrypt",
      key: KEY,
    });
    strictEqual((await through(cipher.stream(IV), pattern(0), [1])).length, 0);
  }
});

Deno.test("a stream whose length does not fit says the whole length", async () => {
  await using driver = await startSmall();
  await using cbc = await driver.cipher({
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: KEY,
  });
  await rejects(
    through(cbc.stream(IV), pattern(10_001), [3000]),
    /encrypt with cipher\.aes-cbc: the stream has 10001 bytes, expected a mul/,
  );
  throws(() => cbc.stream(), /iv has 0 bytes, expected 16/);
  const texts = ReadableStream.from(["text" as unknown as Uint8Array]);
  const reader = texts.pipeThrough(cbc.stream(IV)).getReader();
  await rejects(
    reader.read(),
    /a chunk of the stream is a string, expected a Uint8Array/,
  );
});

Deno.test("what cannot be cut says so", async () => {
  await using toy = await Driver.start(new ToyDevice());
  for (const algorithm of ["arc4", "snow3g-uea2", "aes-f8"] as const) {
    await using cipher = await toy.cipher({
      algorithm,
      direction: "encrypt",
      key: algorithm === "aes-f8" ? KEY : KEY.subarray(0, 16),
    });
    const iv = new Uint8Array(algorithm === "arc4" ? 0 : 16);
    throws(() => cipher.stream(iv), {
      name: "RangeError",
      message: `Cannot encrypt with cipher.${algorithm}: the algorithm of a ` +
        `stream is ${algorithm}, whose state fits in no IV, expected one in ` +
        "mode ECB, CBC, CTR or XTS",
    });
  }
});

Deno.test("a failed request fails the stream, and nothing after it comes out", async () => {
  const device = new ToyDevice();
  await using driver = await Driver.start(device);
  await using cipher = await driver.cipher({
    algorithm: "aes-ctr",
    direction: "encrypt",
    key: KEY,
  });
  device.forcedStatus = 1;
  await rejects(
    through(cipher.stream(IV), pattern(900_000), [70_000]),
    /the device answered ERR/,
  );
  device.forcedStatus = undefined;
  await cipher.close();
  throws(() => cipher.stream(IV), /is closed/);
});

Deno.test("digests and codes of parts are those of the whole, up to one request", async () => {
  await using driver = await startSmall();
  await using hash = await driver.hash({ algorithm: "sha256" });
  await using hmac = await driver.mac({ algorithm: "hmac-sha256", key: KEY });
  const most = MAXIMUM_BYTES - 32;
  const data = pattern(most);
  deepStrictEqual(
    await hash.digestOf(parts(data, [1, 1000])),
    new Uint8Array(createHash("sha256").update(data).digest()),
  );
  deepStrictEqual(
    await hmac.digestOf(ReadableStream.from(parts(data, [7, 2000]))),
    new Uint8Array(createHmac("sha256", KEY).update(data).digest()),
  );
  let asked = 0;
  const endless = function* () {
    for (;;) {
      asked++;
      yield new Uint8Array(1000);
    }
  };
  await rejects(hash.digestOf(endless()), {
    name: "RangeError",
    message: `Cannot digest with hash.sha256: data has more than ${most} ` +
      "bytes, expected what fits in one request of the device, since a digest " +
      "cannot be cut",
  });
  strictEqual(asked, 9);
});

Deno.test("a source may use its memory again for the next part", async () => {
  await using driver = await startSmall();
  await using hash = await driver.hash({ algorithm: "sha256" });
  const buffer = new Uint8Array(4);
  const counting = function* () {
    for (let i = 0; i < 3; i++) yield buffer.fill(i);
  };
  const expected = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
  deepStrictEqual(
    await hash.digestOf(counting()),
    await hash.digest(expected),
  );
});

Deno.test("pieces go ahead of each other where the mode lets them", async () => {
  await using driver = await Driver.start(
    await createDevice({ memoryBytes: 1 << 20 }),
  );
  await using ctr = await driver.cipher({
    algorithm: "aes-ctr",
    direction: "encrypt",
    key: KEY,
  });
  const data = pattern(3_000_000);
  // More than the memory of the link, in chunks as long as that.
  const sealed = await through(ctr.stream(IV), data, [1_500_000]);
  expectBytes(sealed, known("aes-256-ctr", KEY, IV, data));
});
