import { ok, strictEqual } from "node:assert/strict";
import type { RsaSession } from "../../algorithms/session_description.ts";
import { testWith } from "../../testing/real_parts.ts";
import { RSA_ANSWERS } from "../../conformance/vectors/rsa.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { CbcMac, XcbcMac } from "../primitives/block_macs.ts";
import { GcmJ0 } from "../primitives/gcm_j0.ts";
import { AesF8, TripleDesCtr } from "../primitives/keystream_ciphers.ts";
import { BurstOperations } from "../burst_operations.ts";
import { PrimitivesThread } from "../primitives/primitives_thread.ts";
import type {
  Aead,
  AeadLengths,
  Bytes,
  Cipher,
} from "../primitives/primitives.ts";
import type { BareRsa } from "../padded_rsa.ts";
import { CryptoLibrary } from "./library.ts";
import openssl, { OpensslPrimitives } from "./openssl.ts";
import { readOpensslOptions } from "./options.ts";
import { buildOperation, randomBytes } from "../../testing/openssl_requests.ts";

const LIBCRYPTO = {
  present: openssl.probe({}).ready,
  name: "libcrypto 3",
  remedy: "install Debian's libssl3",
};

const bytesOf = (lengthBytes: number): Bytes =>
  new Uint8Array(randomBytes(lengthBytes));

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

/** libcrypto, with note of every buffer that it is handed. */
class WatchedPrimitives extends OpensslPrimitives {
  readonly seen = new Set<ArrayBufferLike>();

  #see(...buffers: Uint8Array[]): void {
    for (const { buffer } of buffers) this.seen.add(buffer);
  }

  override makeCipher(
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
  ): Cipher {
    this.#see(key);
    const cipher = super.makeCipher(algorithm, key, encrypts);
    return {
      blockBytes: cipher.blockBytes,
      minimumBytes: cipher.minimumBytes,
      whole: cipher.whole,
      start: (iv, words) => cipher.start(iv, words),
      piece: (input, output) => {
        this.#see(input, output);
        return cipher.piece(input, output);
      },
      close: () => cipher.close(),
    };
  }

  override makeAead(
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ): ReturnType<OpensslPrimitives["makeAead"]> {
    const aead: Aead = super.makeAead(
      algorithm,
      key,
      encrypts,
      tagBytes,
    );
    return {
      blockBytes: aead.blockBytes,
      whole: aead.whole,
      wholeAdditionalData: aead.wholeAdditionalData,
      absorb: aead.absorb,
      start: (iv: Bytes, lengths: AeadLengths, tag: Bytes) => {
        this.#see(tag);
        return aead.start(iv, lengths, tag);
      },
      piece: (input: Bytes, output: Bytes) => aead.piece(input, output),
      finish: (tag: Bytes) => {
        this.#see(tag);
        return aead.finish(tag);
      },
      close: () => aead.close(),
    };
  }

  override makeRsa(
    description: RsaSession,
  ): ReturnType<OpensslPrimitives["makeRsa"]> {
    const rsa = super.makeRsa(description);
    const watched: BareRsa = {
      modulusBytes: rsa.modulusBytes,
      isPrivate: rsa.isPrivate,
      publicOperation: (input, output) => {
        this.#see(input, output);
        return rsa.publicOperation(input, output);
      },
      privateOperation: (input, output) => {
        this.#see(input, output);
        return rsa.privateOperation(input, output);
      },
      close: () => rsa.close(),
    };
    return watched as ReturnType<OpensslPrimitives["makeRsa"]>;
  }
}

/** The buffers that `primitives` have seen, but for those of the caller. */
function ownBuffers(
  primitives: WatchedPrimitives,
  callers: readonly Uint8Array[],
): Uint8Array[] {
  const others = new Set(callers.map(({ buffer }) => buffer));
  return [...primitives.seen].filter((buffer) => !others.has(buffer))
    .map((buffer) => new Uint8Array(buffer));
}

interface Composed {
  readonly name: string;
  readonly keyBytes: number;
  /** Uses the algorithm over `data`; gives back how to close it. */
  use(primitives: WatchedPrimitives, key: Bytes, data: Bytes): () => void;
}

const iv = (lengthBytes: number) => bytesOf(lengthBytes);

function runCipher(cipher: Cipher, ivBytes: number, data: Bytes): () => void {
  ok(cipher.start(iv(ivBytes)));
  ok(cipher.piece(data, data));
  return () => cipher.close();
}

function runMac(mac: CbcMac | XcbcMac, data: Bytes): () => void {
  ok(mac.start());
  ok(mac.update(data));
  ok(mac.finish());
  return () => mac.close();
}

const COMPOSED: readonly Composed[] = [
  {
    name: "3DES-CTR",
    keyBytes: 24,
    use: (primitives, key, data) =>
      runCipher(new TripleDesCtr(primitives, key), 8, data),
  },
  {
    name: "AES-F8",
    keyBytes: 32,
    use: (primitives, key, data) =>
      runCipher(new AesF8(primitives, key), 16, data),
  },
  {
    name: "CBC-MAC",
    keyBytes: 16,
    use: (primitives, key, data) =>
      runMac(new CbcMac(primitives, key, 16), data),
  },
  {
    name: "XCBC",
    keyBytes: 16,
    use: (primitives, key, data) =>
      runMac(new XcbcMac(primitives, key, 16), data),
  },
  {
    name: "GCM with J0",
    keyBytes: 16,
    use: (primitives, key, data) => {
      const aead = new GcmJ0(primitives, key, true);
      const tag = bytesOf(16);
      const lengths = {
        ivBytes: 16,
        additionalBytes: 5,
        dataBytes: data.length,
      };
      ok(aead.start(iv(16), lengths));
      ok(aead.absorb(bytesOf(5)));
      ok(aead.piece(data, data));
      ok(aead.finish(tag));
      return () => aead.close();
    },
  },
];

for (const { name, keyBytes, use } of COMPOSED) {
  testWith(
    LIBCRYPTO,
    `${name} leaves nothing that comes from its key, once closed`,
    () => {
      const primitives = new WatchedPrimitives(
        new CryptoLibrary(readOpensslOptions({})),
      );
      const key = bytesOf(keyBytes);
      const data = bytesOf(96);
      const close = use(primitives, key, data);
      const own = ownBuffers(primitives, [key, data]);
      ok(own.some((bytes) => !isZero(bytes)), "nothing was seen");
      close();
      for (const bytes of own) ok(isZero(bytes), bytes.toHex());
      primitives.close();
    },
  );
}

testWith(
  LIBCRYPTO,
  "an RSA session keeps no message after its request, and an AEAD no tag when closed",
  () => {
    const primitives = new WatchedPrimitives(
      new CryptoLibrary(readOpensslOptions({})),
    );
    const thread = new BurstOperations(new PrimitivesThread(primitives));
    const [{ privateKey }] = RSA_ANSWERS as [typeof RSA_ANSWERS[0]];
    const rsa = thread.openSession({
      service: "akcipher",
      algorithm: "rsa",
      keyType: "private",
      key: privateKey,
      padding: "pkcs1",
      hash: "none",
    });
    for (const kind of [OperationKind.Encrypt, OperationKind.Sign]) {
      const source = randomBytes(20);
      const operation = buildOperation(rsa, {
        kind,
        source,
        destinationBytes: 64,
      });
      thread.run([operation], 1);
      strictEqual(operation.status, OperationStatus.Ok);
    }
    strictEqual(primitives.seen.size, 2, "input and output");
    for (const bytes of ownBuffers(primitives, [])) ok(isZero(bytes));
    primitives.seen.clear();
    const gcm = thread.openSession({
      service: "aead",
      algorithm: "gcm",
      direction: "encrypt",
      key: randomBytes(16),
      tagBytes: 16,
    });
    const sealing = buildOperation(gcm, {
      source: randomBytes(40),
      iv: randomBytes(12),
      digestBytes: 16,
    });
    thread.run([sealing], 1);
    strictEqual(sealing.status, OperationStatus.Ok);
    const [tag] = ownBuffers(primitives, []);
    strictEqual(tag!.toHex(), sealing.digest.copy().toHex());
    thread.closeSession(gcm);
    ok(isZero(tag!));
    thread.close();
  },
);
