import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { testWith } from "../../testing/real_parts.ts";
import type { Operation } from "../backend.ts";
import { CipherKernel } from "./ciphers.ts";
import { type JobOwner, putLong, WORD } from "./job_table.ts";
import { NativeBlock } from "./native_memory.ts";
import { CipherQueue } from "./cipher_queue.ts";
import { JobQueue } from "./job_queue.ts";
import { ManagerRing } from "./manager_ring.ts";
import { TEST_LIBRARIES } from "../../testing/ipsec_mb_parts.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const IV = new Uint8Array(16).fill(9);
const BLOCK_BYTES = 64;
const DATA = Uint8Array.from({ length: BLOCK_BYTES }, (_, i) => 3 * i);

function sealed(): string {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV);
  return cipher.setAutoPadding(false).update(DATA).toString("hex");
}

/** Adds a job in place over a block to a queue. */
type Add = (owner: JobOwner, address: number, lengthBytes: number) => void;

/** Runs jobs in place over blocks of `DATA`; those of `refused` have no length. */
function runJobs(
  queue: { flush(): void },
  add: Add,
  kernel: CipherKernel,
  count: number,
  refused: readonly number[],
): { done: boolean[]; blocks: string[] } {
  const done: boolean[] = [];
  const owner: JobOwner = {
    template: kernel.template,
    finish: (_operation, slot, isDone) => done[slot] = isDone,
  };
  const blocks = Array.from({ length: count }, (_, i) => {
    const block = new NativeBlock(BLOCK_BYTES);
    block.bytes.set(DATA);
    add(owner, block.address, refused.includes(i) ? 0 : BLOCK_BYTES);
    return block;
  });
  queue.flush();
  return { done, blocks: blocks.map(({ bytes }) => bytes.toHex()) };
}

const NO_OPERATION = {} as Operation;

const adder = (queue: JobQueue): Add => (owner, address, lengthBytes) => {
  const slot = queue.take(owner, NO_OPERATION);
  const { table } = queue;
  const at = slot * table.stride;
  table.setIv(slot, IV, IV.length);
  putLong(table.words, at + WORD.source, address);
  putLong(table.words, at + WORD.destination, address);
  putLong(table.words, at + WORD.cipherLength, lengthBytes);
};

const cipherAdder =
  (queue: CipherQueue, kernel: CipherKernel): Add =>
  (owner, address, lengthBytes) =>
    queue.add(
      owner,
      kernel,
      NO_OPERATION,
      address,
      address,
      lengthBytes,
      new Uint32Array(IV.buffer),
      -1,
    );

for (const { path, part } of TEST_LIBRARIES) {
  testWith(
    part,
    `${part.name}: a job that the library refuses holds up no other, and none is done twice`,
    () => {
      const library = new IpsecMb(path);
      const kernel = new CipherKernel(library, {
        algorithm: "aes-cbc",
        direction: "encrypt",
        key: KEY,
      });
      const ciphers = new CipherQueue(library, kernel);
      const mixed = new JobQueue(new ManagerRing(library));
      for (
        const [queue, add] of [
          [ciphers, cipherAdder(ciphers, kernel)],
          [mixed, adder(mixed)],
        ] as const
      ) {
        for (const refused of [[], [0], [2], [4], [1, 3], [0, 1, 2, 3, 4]]) {
          const { done, blocks } = runJobs(queue, add, kernel, 5, refused);
          const fine = [0, 1, 2, 3, 4].map((i) => !refused.includes(i));
          deepStrictEqual(done, fine, `refused: ${refused}`);
          blocks.forEach((block, i) =>
            strictEqual(block, fine[i] ? sealed() : DATA.toHex())
          );
        }
      }
      kernel.close();
      library.close();
    },
  );
}
