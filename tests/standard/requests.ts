/**
 * Requests of every service through the driver, whatever their status.
 *
 * @module
 */

import {
  ALGORITHMS,
  qualifiedName,
  type Service,
} from "../../algorithms/catalogue.ts";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import type { Status } from "../../device/wire/status.ts";
import type { RequestShape } from "../../driver/data_request.ts";
import type { RequestOutcome } from "../../driver/request_runner.ts";
import { runnerOf, type Session } from "../../driver/session.ts";
import type { Guest } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const EMPTY = new Uint8Array();

/** What goes into a request. */
export interface Input {
  readonly operation: RequestShape["operation"];
  readonly source: Uint8Array;
  readonly iv?: Uint8Array | undefined;
  readonly additionalData?: Uint8Array | undefined;
  /** The tag that an AEAD decryption verifies. */
  readonly tag?: Uint8Array | undefined;
  /** AKCIPHER: room for the result. */
  readonly destinationBytes?: number;
  /** Chains; all of the source where absent. */
  readonly cipherStart?: number;
  readonly cipherBytes?: number;
  readonly hashStart?: number;
  readonly hashBytes?: number;
}

/** The result lengths of a request of this session. */
function resultLengths(session: SessionDescription, input: Input) {
  switch (session.service) {
    case "cipher":
      return { destinationBytes: input.source.length, digestBytes: 0 };
    case "hash":
    case "mac":
      return { destinationBytes: 0, digestBytes: session.resultBytes };
    case "chain":
      return {
        destinationBytes: input.source.length,
        digestBytes: session.resultBytes,
      };
    case "aead":
      return {
        destinationBytes: input.source.length,
        digestBytes: session.tagBytes,
      };
    case "akcipher":
      return { destinationBytes: input.destinationBytes ?? 0, digestBytes: 0 };
  }
}

function shapeOf(session: SessionDescription, input: Input): RequestShape {
  const { source, iv = EMPTY, additionalData = EMPTY } = input;
  const isChain = session.service === "chain";
  const { cipherStart = 0, hashStart = 0 } = input;
  const rest = (start: number) => isChain ? source.length - start : 0;
  return {
    operation: input.operation,
    ivBytes: iv.length,
    sourceBytes: source.length,
    additionalDataBytes: additionalData.length,
    ...resultLengths(session, input),
    cipherStart,
    cipherBytes: input.cipherBytes ?? rest(cipherStart),
    hashStart,
    hashBytes: input.hashBytes ?? rest(hashStart),
  };
}

/**
 * Runs one request; `sessionId` absent: stateless. The outcome's destination and
 * digest are whole, whatever the status.
 */
export async function run(
  { driver }: Guest,
  description: SessionDescription,
  sessionId: number | undefined,
  input: Input,
): Promise<RequestOutcome> {
  const { source, iv = EMPTY, additionalData = EMPTY, tag } = input;
  const target = sessionId === undefined
    ? { description }
    : { description, sessionId };
  // Nothing of the device: an object that carries the parameters.
  const carrier = await unchecked(driver).createSession(description, {
    stateless: true,
  });
  const runner = runnerOf(carrier as unknown as Session);
  return runner.run(target, shapeOf(description, input), {
    iv,
    source,
    additionalData,
    ...(tag ? { tag } : {}),
  });
}

/** Opens a session, unless stateless, and runs `use` with its identifier. */
export async function withSession(
  { driver }: Guest,
  description: SessionDescription,
  stateless: boolean,
  use: (sessionId: number | undefined) => Promise<void>,
): Promise<void> {
  await using session = await unchecked(driver).createSession(description, {
    stateless,
  });
  await use(session.id);
}

/** Qualified names of what the device's config space offers. */
export function offeredBy({ driver }: Guest): Set<string> {
  const { config } = driver;
  const masks: Readonly<Record<Service, bigint>> = {
    cipher: config.cipherAlgorithms,
    hash: BigInt(config.hashAlgorithms),
    mac: config.macAlgorithms,
    aead: BigInt(config.aeadAlgorithms),
    akcipher: BigInt(config.akcipherAlgorithms),
  };
  return new Set(
    ALGORITHMS.filter(({ service, number }) =>
      (masks[service] >> BigInt(number) & 1n) === 1n
    ).map(qualifiedName),
  );
}

/** The status of what `attempt` rejects with; undefined where it does not. */
export async function statusOf(
  attempt: Promise<unknown>,
): Promise<Status | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (error instanceof Error && "status" in error) {
      return error.status as Status;
    }
    throw error;
  }
}
