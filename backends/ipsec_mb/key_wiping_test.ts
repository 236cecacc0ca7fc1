import { ok } from "node:assert/strict";
import { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { testWith } from "../../tests/real_parts.ts";
import { makeAeadKernel } from "./aead.ts";
import { CipherKernel } from "./ciphers.ts";
import { makeMacKernel } from "./digest_session.ts";
import { WORD } from "./job_table.ts";
import { JobRunner } from "./runner.ts";
import { TEST_LIBRARIES } from "./test_parts.ts";

/** The bytes at an address that a template holds. */
function bytesAt(words: Uint32Array, index: number): Uint8Array {
  const address = BigInt(words[index + 1]!) << 32n | BigInt(words[index]!);
  const pointer = Deno.UnsafePointer.create(address)!;
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 16));
}

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

const key = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** Key memory must hold something while it is used, and zeros after that. */
function check(what: string, memory: Uint8Array, close: () => void): void {
  ok(!isZero(memory), `${what}: no key in the memory that is looked at`);
  close();
  ok(isZero(memory), `${what}: key left`);
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(part, `${part.name}: closing wipes the keys`, () => {
    const library = new IpsecMb(path);
    const runner = new JobRunner(library);
    for (const algorithm of ["aes-cbc", "snow3g-uea2", "kasumi-f8"]) {
      const direction = "encrypt";
      const kernel = new CipherKernel(library, { algorithm, direction, key });
      const memory = bytesAt(kernel.template.words, WORD.encKeys);
      check(algorithm, memory, () => kernel.close());
    }
    for (const algorithm of ["hmac-sha1", "hmac-md5", "cmac-aes", "xcbc-aes"]) {
      const kernel = makeMacKernel(runner, algorithm, key, 12);
      const memory = bytesAt(kernel.template.words, WORD.u);
      check(algorithm, memory, () => kernel.close());
    }
    const aead = makeAeadKernel(runner, {
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key,
      tagBytes: 16,
    });
    const memory = bytesAt(aead.words, WORD.encKeys);
    check("gcm", memory, () => aead.block.wipe());
    aead.parts!.close();
    runner.wipe();
    library.close();
  });
}
