import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { TEST_LIBRARIES } from "../../testing/ipsec_mb_parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import type { Operation } from "../backend.ts";
import { makeHashKernel, makeHmacKernel } from "./hashes.ts";
import type { JobQueue } from "./job_queue.ts";
import { type JobOwner, putLong, WORD } from "./job_table.ts";
import { NativeBlock } from "./native_memory.ts";
import { JobRunner } from "./runner.ts";

const KEY = Uint8Array.from({ length: 20 }, (_, i) => 11 * i);
/** The longest message of a lane that counts blocks with 15 bits. */
const LONGEST_BYTES = 64 * (2 ** 15 - 2);

/** From here on no lane takes a message of SHA-512 that is not an HMAC's. */
const BEYOND_SHA512_BYTES = 65_535;

/** Lengths of the messages of a burst: few and many, short, long and mixed. */
const BURSTS: readonly (readonly number[])[] = [
  [64],
  [1, 63, 64, 65, 127, 128, 129, 1000, 65534],
  new Array<number>(9).fill(2048),
  [65535, 65536, 64, 262_145, 1],
  [LONGEST_BYTES, LONGEST_BYTES - 1],
];

const NO_OPERATION = {} as Operation;

/** The tags of messages that begin where `data` does; "" where a job failed. */
function tagsOf(
  queue: JobQueue,
  kernel: Pick<JobOwner, "template">,
  data: NativeBlock,
  lengths: readonly number[],
): string[] {
  const tags: string[] = [];
  const owner: JobOwner = {
    template: kernel.template,
    finish: (_operation, slot, done) =>
      tags.push(done ? queue.table.tags[slot]!.toHex() : ""),
  };
  for (const lengthBytes of lengths) {
    const slot = queue.take(owner, NO_OPERATION);
    const { stride, words } = queue.table;
    putLong(words, slot * stride + WORD.source, data.address);
    putLong(words, slot * stride + WORD.hashLength, lengthBytes);
  }
  queue.flush();
  return tags;
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(
    part,
    `${part.name}: hashes of a burst are right, whichever manager computes them`,
    () => {
      const library = new IpsecMb(path);
      const runner = new JobRunner(library);
      const data = new NativeBlock(LONGEST_BYTES);
      for (let i = 0; i < data.words.length; i++) {
        data.words[i] = Math.imul(i, 0x9e3779b1);
      }
      for (const name of ["sha1", "sha256", "sha512"]) {
        const hash = (message: Uint8Array) =>
          createHash(name).update(message).digest("hex");
        const code = (message: Uint8Array) =>
          createHmac(name, KEY).update(message).digest("hex");
        const kernels = [
          [makeHashKernel(library, name), hash],
          [makeHmacKernel(library, name, KEY), code],
        ] as const;
        for (const [kernel, expected] of kernels) {
          const queue = runner.queueOf(kernel);
          for (const burst of BURSTS) {
            const lengths = burst.filter((one) => queue.takesHash(kernel, one));
            deepStrictEqual(
              lengths,
              name === "sha512" && expected === hash
                ? burst.filter((one) => one < BEYOND_SHA512_BYTES)
                : burst,
            );
            const tags = tagsOf(queue, kernel, data, lengths);
            lengths.forEach((lengthBytes, i) => {
              const wanted = expected(data.bytes.subarray(0, lengthBytes));
              const found = tags[i]!.slice(0, wanted.length);
              strictEqual(found, wanted, `${name}, ${lengthBytes} bytes`);
            });
          }
          kernel.close();
        }
      }
      runner.close();
      library.close();
    },
  );
}
