import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { HASHES } from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { cString } from "../../ffi/libc.ts";
import type { Libcrypto } from "../../ffi/libcrypto.ts";
import type { LibcryptoHash } from "../../ffi/libcrypto_hash.ts";
import { OperationStatus } from "../backend.ts";
import { BurstOperations } from "../burst_operations.ts";
import { PrimitivesThread } from "../primitives/primitives_thread.ts";
import { newCipherContext } from "./ciphers.ts";
import { findGcmMemory, GcmTrials } from "./gcm_memory.ts";
import { CryptoLibrary } from "./library.ts";
import { OpensslPrimitives } from "./openssl.ts";
import {
  counting,
  opensslTest,
  randomBytes,
  runRequest,
} from "../../testing/openssl_requests.ts";
import {
  changed,
  OPTIONS,
  withBoth,
  withLibrary,
} from "../../testing/openssl_library.ts";

const SIZES = [0, 1, 16, 64, 191, 192, 193, 1000] as const;
/** What lies before the IV of a GCM context. */
const STATE_BYTES = 5;
const BARE_HASHES = [
  "MD5",
  "SHA1",
  "SHA2-224",
  "SHA2-256",
  "SHA2-384",
  "SHA2-512",
];

opensslTest(
  "hashes and GMAC are the same through EVP alone",
  (usual) =>
    withBoth(usual, (thread, evp) => {
      const key = randomBytes(16);
      const descriptions: SessionDescription[] = HASHES
        .filter(({ digestBytes }) => digestBytes !== undefined)
        .map(({ name, digestBytes }) => ({
          service: "hash",
          algorithm: name,
          resultBytes: digestBytes!,
        }));
      descriptions.push(
        { service: "mac", algorithm: "gmac-aes", key, resultBytes: 16 },
      );
      for (const description of descriptions) {
        const [session, other] = [thread, evp].map((each) =>
          each.openSession(description)
        );
        for (const size of SIZES) {
          const request = {
            source: randomBytes(size + 12),
            destinationBytes: 0,
            digestBytes: 64,
          };
          const answer = runRequest(thread, session!, request);
          strictEqual(answer.status, OperationStatus.Ok);
          deepStrictEqual(answer, runRequest(evp, other!, request));
        }
      }
    }),
);

opensslTest(
  "GCM is the same through EVP alone, with right and wrong tags",
  (usual) =>
    withBoth(usual, (thread, evp) => {
      for (const tagBytes of [4, 13, 16]) {
        const key = randomBytes(32);
        const common = { service: "aead", algorithm: "gcm", key, tagBytes };
        const open = (direction: string) =>
          [thread, evp].map((each) =>
            each.openSession({ ...common, direction } as SessionDescription)
          );
        const encrypt = open("encrypt");
        const decrypt = open("decrypt");
        for (const size of SIZES) {
          const iv = randomBytes(12);
          const additionalData = randomBytes(size % 21);
          const request = { iv, additionalData, source: randomBytes(size) };
          const [sealed, other] = [thread, evp].map((each, i) =>
            runRequest(each, encrypt[i]!, { ...request, digestBytes: tagBytes })
          );
          strictEqual(sealed!.status, OperationStatus.Ok);
          deepStrictEqual(sealed, other);
          const wrong = sealed!.digest.slice();
          wrong[tagBytes - 1]! ^= 0x80;
          for (const digest of [sealed!.digest, wrong, sealed!.digest]) {
            const [opened, same] = [thread, evp].map((each, i) =>
              runRequest(each, decrypt[i]!, {
                ...request,
                source: sealed!.destination,
                digest,
              })
            );
            deepStrictEqual(opened, same);
            strictEqual(
              opened!.status,
              digest === wrong ? OperationStatus.BadTag : OperationStatus.Ok,
            );
          }
        }
      }
    }),
);

/** Whether the memory of a new context is found. */
function isFound(
  library: CryptoLibrary,
  encrypts: boolean,
  tagBytes = 16,
): boolean {
  const { symbols } = library;
  const key = counting(16);
  const context = newCipherContext(library, "AES-128-GCM", key, encrypts);
  try {
    const memory = findGcmMemory(symbols, context, encrypts, tagBytes);
    return memory !== undefined;
  } finally {
    symbols.EVP_CIPHER_CTX_free(context);
    library.clearErrors();
  }
}

opensslTest(
  "what spares calls is found in the default provider",
  () =>
    withLibrary(new CryptoLibrary(OPTIONS), (library) => {
      ok(library.isDefaultCipher("AES-128-GCM"));
      for (const tagBytes of [4, 12, 13, 14, 15, 16]) {
        ok(isFound(library, true, tagBytes));
        ok(isFound(library, false, tagBytes));
      }
      for (const name of BARE_HASHES) ok(library.hash(name) !== null, name);
      strictEqual(library.hash("SHA3-256"), null);
    }),
);

opensslTest(
  "another provider is used through EVP alone",
  () =>
    withLibrary(new CryptoLibrary(OPTIONS), (library) => {
      const name = cString("fips");
      changed(library, {
        OSSL_PROVIDER_get0_name: () => Deno.UnsafePointer.of(name),
      });
      strictEqual(library.isDefaultCipher("AES-128-GCM"), false);
      for (const name of BARE_HASHES) strictEqual(library.hash(name), null);
    }),
);

opensslTest("memory that is no GCM's is not written to", () => {
  const bytes = new Uint8Array(new ArrayBuffer(256)).fill(0xa5);
  for (const at of [5, 6, 8]) {
    withLibrary(new CryptoLibrary(OPTIONS), (library) => {
      changed(library, {
        EVP_CIPHER_CTX_iv_noconst: () =>
          Deno.UnsafePointer.of(bytes.subarray(at)),
      });
      strictEqual(isFound(library, true), false);
      strictEqual(isFound(library, false), false);
    });
  }
  ok(bytes.every((byte) => byte === 0xa5));
});

opensslTest(
  "memory with an IV and its tag, and no state, is not written to",
  () =>
    withLibrary(new CryptoLibrary(OPTIONS), (library) => {
      const bytes = new Uint8Array(new ArrayBuffer(256)).fill(0xa5);
      const { symbols } = library;
      changed(library, {
        EVP_CIPHER_CTX_iv_noconst: () =>
          Deno.UnsafePointer.of(bytes.subarray(STATE_BYTES)),
        EVP_CipherInit_ex2: (context, cipher, key, iv, encrypts, params) => {
          if (iv !== null) bytes.set(iv as Uint8Array, STATE_BYTES);
          return symbols
            .EVP_CipherInit_ex2(context, cipher, key, iv, encrypts, params);
        },
        EVP_CIPHER_CTX_ctrl: (context, command, lengthBytes, tag) => {
          const result = symbols
            .EVP_CIPHER_CTX_ctrl(context, command, lengthBytes, tag);
          bytes.set(tag as Uint8Array, STATE_BYTES + 128);
          return result;
        },
      });
      strictEqual(isFound(library, true), false);
      ok(bytes.subarray(0, STATE_BYTES).every((byte) => byte === 0xa5));
    }),
);

/** Whether the memory is found where libcrypto does something else. */
function isFoundWith(functions: Partial<Libcrypto>, encrypts: boolean) {
  let found = false;
  withLibrary(new CryptoLibrary(OPTIONS), (library) => {
    found = isFound(changed(library, functions), encrypts);
  });
  return found;
}

opensslTest(
  "memory is not used where a message goes another way",
  () =>
    withLibrary(new CryptoLibrary(OPTIONS), ({ symbols }) => {
      /** The call of that number gives another first byte. */
      const otherBytes = (number: number): Partial<Libcrypto> => {
        let calls = 0;
        return {
          EVP_Cipher: (context, out, input, lengthBytes) => {
            const result = symbols.EVP_Cipher(context, out, input, lengthBytes);
            if (++calls === number) (out as Uint8Array)[0]! ^= 1;
            return result;
          },
        };
      };
      const otherTag: Partial<Libcrypto> = {
        EVP_CIPHER_CTX_ctrl: (context, command, lengthBytes, tag) => {
          symbols.EVP_CIPHER_CTX_ctrl(context, command, lengthBytes, tag);
          (tag as Uint8Array)[15]! ^= 1;
          return 1;
        },
      };
      const everyTag: Partial<Libcrypto> = {
        EVP_Cipher: (context, out, input, lengthBytes) => {
          symbols.EVP_Cipher(context, out, input, lengthBytes);
          return lengthBytes;
        },
      };
      // The data of the message that is watched, and of the one that is written.
      for (const number of [1, 4]) {
        strictEqual(isFoundWith(otherBytes(number), true), false);
      }
      strictEqual(isFoundWith(otherTag, true), false);
      strictEqual(
        isFoundWith({ EVP_CIPHER_CTX_iv_noconst: null }, true),
        false,
      );
      strictEqual(isFoundWith(everyTag, true), true);
      strictEqual(isFoundWith(everyTag, false), false);
    }),
);

opensslTest(
  "one context of a kind is tried out, the others are looked at",
  () =>
    withLibrary(new CryptoLibrary(OPTIONS), (library) => {
      const trials = new GcmTrials();
      const { symbols } = library;
      const elsewhere = new Uint8Array(new ArrayBuffer(256)).fill(0xa5);
      const find = (encrypts: boolean, functions: Partial<Libcrypto> = {}) => {
        const name = "AES-128-GCM";
        const key = randomBytes(16);
        const context = newCipherContext(library, name, key, encrypts);
        const used = { ...symbols, ...functions };
        const found = trials.find(used, context, name, encrypts, 16);
        symbols.EVP_CIPHER_CTX_free(context);
        return found !== undefined;
      };
      const encipher = () => {
        throw new Error("enciphered once more");
      };
      const moved = () =>
        Deno.UnsafePointer.of(elsewhere.subarray(STATE_BYTES));
      for (const encrypts of [true, false]) {
        ok(find(encrypts));
        ok(find(encrypts, { EVP_Cipher: encipher }));
        ok(!find(encrypts, { EVP_CIPHER_CTX_iv_noconst: moved }));
      }
      ok(elsewhere.every((byte) => byte === 0xa5));
    }),
);

opensslTest("later sessions open what earlier ones sealed", (thread) => {
  for (let round = 0; round < 3; round++) {
    const key = randomBytes(16);
    const common = { service: "aead", algorithm: "gcm", key, tagBytes: 16 };
    const open = (direction: string) =>
      thread.openSession({ ...common, direction } as SessionDescription);
    const decrypt = open("decrypt");
    const iv = randomBytes(12);
    const source = randomBytes(50);
    const sealed = runRequest(thread, open("encrypt"), {
      iv,
      source,
      digestBytes: 16,
    });
    const request = { iv, source: sealed.destination, digest: sealed.digest };
    const opened = runRequest(thread, decrypt, request);
    strictEqual(opened.status, OperationStatus.Ok);
    strictEqual(opened.destination.toHex(), source.toHex());
  }
});

opensslTest("a hash keeps nothing of a message when it is closed", () => {
  let context: Deno.PointerValue = null;
  class Watched extends CryptoLibrary {
    override hash(name: string): LibcryptoHash | null {
      const functions = super.hash(name)!;
      return {
        ...functions,
        init: (at: Deno.PointerValue) => functions.init(context = at),
      };
    }
  }
  const thread = new BurstOperations(
    new PrimitivesThread(new OpensslPrimitives(new Watched(OPTIONS))),
  );
  const session = thread.openSession({
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  });
  const source = randomBytes(300);
  runRequest(thread, session, { source, destinationBytes: 0, digestBytes: 32 });
  const memory = new Uint8Array(
    Deno.UnsafePointerView.getArrayBuffer(context!, 112),
  );
  ok(memory.some((byte) => byte !== 0));
  thread.closeSession(session);
  ok(memory.every((byte) => byte === 0));
  thread.close();
});
