/**
 * The two sessions of an AEAD with one key, and requests that go to the one and come
 * back through the other.
 *
 * @module
 */

import type { AeadSession } from "../algorithms/session_description.ts";
import {
  type BackendSession,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import type { Examiner } from "./examiner.ts";
import { Job, type Layout, type Request, runJobs } from "./operations.ts";
import { plainSeal, type Sealed } from "./plain/aeads.ts";

/** Lengths of a request. */
export interface Sizes {
  readonly dataBytes: number;
  readonly additionalBytes: number;
  readonly ivBytes: number;
}

/** The two sessions of one key and tag length, and how requests are made. */
export class AeadPair {
  readonly examiner: Examiner;
  readonly #encryption: AeadSession;
  readonly #decryption: AeadSession;
  #encryptor: BackendSession | undefined;
  #decryptor: BackendSession | undefined;

  constructor(
    examiner: Examiner,
    algorithm: string,
    key: Uint8Array,
    tag: number,
  ) {
    const common = {
      service: "aead",
      algorithm,
      key,
      tagBytes: tag,
    } as const;
    this.examiner = examiner;
    this.#encryption = { ...common, direction: "encrypt" };
    this.#decryption = { ...common, direction: "decrypt" };
  }

  /** Opens both sessions for the time of `use`. */
  with(use: () => void): void {
    this.examiner.withSession(
      this.#encryption,
      (encryptor) =>
        this.examiner.withSession(this.#decryption, (decryptor) => {
          this.#encryptor = encryptor;
          this.#decryptor = decryptor;
          use();
        }),
    );
  }

  encryption({ dataBytes, additionalBytes, ivBytes }: Sizes): Request {
    const { random } = this.examiner;
    return {
      kind: OperationKind.Encrypt,
      iv: random.bytes(ivBytes),
      source: random.bytes(dataBytes),
      additionalData: random.bytes(additionalBytes),
      destinationBytes: dataBytes,
      digestBytes: this.#encryption.tagBytes,
    };
  }

  /** What `request` encrypts to, or `undefined` where nobody else knows. */
  seal(request: Request): Sealed | undefined {
    const { algorithm, key, tagBytes } = this.#encryption;
    return plainSeal(
      algorithm,
      key,
      request.iv!,
      request.source,
      request.additionalData!,
      tagBytes,
    );
  }

  /** The genuine decryption of what `request` encrypts. */
  decryption(request: Request, sealed = this.seal(request)) {
    return sealed && {
      ...request,
      kind: OperationKind.Decrypt,
      source: sealed.ciphertext,
      tag: sealed.tag,
    };
  }

  /** Runs an encryption whose result is known. */
  encrypt(check: string, request: Request, layout: Layout, sealed?: Sealed) {
    const description = this.#encryption;
    const session = this.#encryptor!;
    const trial = { check, description, session, request, layout };
    if (!sealed) return this.examiner.run(trial);
    const { ciphertext: destination, tag: digest } = sealed;
    const status = OperationStatus.Ok;
    return this.examiner.run({
      ...trial,
      expected: { status, destination, digest },
    });
  }

  /** Runs a genuine decryption. */
  decrypt(
    check: string,
    request: Request,
    layout: Layout,
    plaintext: Uint8Array,
  ) {
    return this.examiner.run({
      check,
      description: this.#decryption,
      session: this.#decryptor!,
      request,
      layout,
      expected: {
        status: OperationStatus.Ok,
        destination: plaintext,
        digest: request.tag!,
      },
    });
  }

  /** Runs a decryption that is not genuine; `plaintext` must not appear. */
  refuse(
    check: string,
    request: Request,
    layout: Layout,
    plaintext: Uint8Array,
  ): void {
    const { examiner } = this;
    const refused = `${check}, ${layout.pieces}/${layout.arrangement}`;
    const job = new Job(request, this.#decryptor!, layout, examiner.random);
    try {
      runJobs(examiner.thread, [job]);
    } catch (error) {
      examiner.assert(false, refused, "no exception", String(error));
      return;
    }
    const { status, writtenBytes, destination } = job.operation;
    examiner.assert(
      status === OperationStatus.BadTag && writtenBytes === 0,
      refused,
      "status 2 (BadTag) and writtenBytes 0",
      `status ${status} and writtenBytes ${writtenBytes}`,
    );
    const shown = longestMatch(destination.copy(), plaintext);
    examiner.assert(
      shown < 6,
      `${refused}: plaintext left in the destination`,
      "none",
      `${shown} bytes in a row`,
    );
    const damage = job.findDamage();
    examiner.assert(
      damage === undefined,
      `${refused}: memory beside the output`,
      "no change",
      `a change of ${damage}`,
    );
  }
}

/** The longest run of bytes that are equal at the same place. */
function longestMatch(a: Uint8Array, b: Uint8Array): number {
  let longest = 0;
  let current = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    current = a[i] === b[i] ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}
