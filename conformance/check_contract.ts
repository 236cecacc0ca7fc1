/**
 * Checks of the contract itself: what probe says, what openSession refuses,
 * closing and opening again.
 *
 * @module
 */

import {
  type Algorithm,
  algorithmByName,
  ALGORITHMS,
  allowsLength,
  listLengths,
  qualifiedName,
} from "../algorithms/catalogue.ts";
import { RSA_USUAL_PRIMES } from "../algorithms/rsa_primes.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type Backend,
  type BackendOptions,
  OperationKind,
  type Probe,
} from "../backends/backend.ts";
import { openOperations } from "../backends/burst_operations.ts";
import { Examiner } from "./examiner.ts";
import { Hopeless } from "./hopeless.ts";
import type { Request } from "./operations.ts";
import { ECDSA_ANSWERS } from "./vectors/ecdsa.ts";
import { RSA_ANSWERS } from "./vectors/rsa.ts";

/** What probe says must be about the catalogue and leave nothing out. */
export function examineProbe(
  examiner: Examiner,
  backend: Backend,
  probe: Probe,
): void {
  const names = new Map(ALGORITHMS.map((one) => [qualifiedName(one), one]));
  examiner.assert(
    /^[a-z][a-z0-9-]*$/.test(backend.name),
    "name",
    "lower-case letters, figures and hyphens",
    `"${backend.name}"`,
  );
  examiner.assert(probe.version !== "", "probe().version", "some text", "none");
  for (const offer of probe.offers) {
    const { algorithm, keyBytes, rsaPrimes } = offer;
    const { fromBytes = 0, belowBytes = Infinity } = offer;
    const entry = names.get(algorithm);
    const check = `probe().offers ${algorithm}`;
    examiner.assert(!!entry, check, "a qualified catalogue name", "none");
    examiner.assert(
      rsaPrimes === undefined ||
        (algorithm === "akcipher.rsa" && rsaPrimes > RSA_USUAL_PRIMES),
      `${check} rsaPrimes`,
      `none, or more than ${RSA_USUAL_PRIMES} of akcipher.rsa`,
      String(rsaPrimes),
    );
    examiner.assert(
      fromBytes >= 0 && fromBytes < belowBytes,
      `${check} fromBytes`,
      "lengths from one on and below another",
      `${fromBytes} and ${belowBytes}`,
    );
    if (!entry || !("keyBytes" in entry) || !keyBytes) continue;
    const wrong = keyBytes.filter((n) => !allowsLength(entry.keyBytes, n));
    examiner.assert(
      wrong.length === 0 && keyBytes.length > 0,
      `${check} keyBytes`,
      "lengths of the catalogue",
      keyBytes.join(", "),
    );
  }
  const offered = probe.offers.map(({ algorithm }) => algorithm);
  for (const name of names.keys()) {
    const isOffered = offered.includes(name);
    const hasReason = name in probe.notOffered;
    examiner.assert(
      !(isOffered && hasReason),
      `probe() of ${name}`,
      "an offer or a reason why not",
      "both",
    );
  }
}

/** Some legal session of an algorithm. */
function anySession(
  examiner: Examiner,
  algorithm: Algorithm,
): SessionDescription {
  const { name } = algorithm;
  const key = "keyBytes" in algorithm
    ? examiner.random.bytes(algorithm.keyBytes.minimum)
    : new Uint8Array(0);
  switch (algorithm.service) {
    case "cipher":
      return {
        service: "cipher",
        algorithm: name,
        direction: "encrypt",
        key: key.length > 0 ? key : Uint8Array.of(1),
      };
    case "hash":
      return { service: "hash", algorithm: name, resultBytes: 4 };
    case "mac":
      return { service: "mac", algorithm: name, key, resultBytes: 4 };
    case "aead":
      return {
        service: "aead",
        algorithm: name,
        direction: "encrypt",
        key,
        tagBytes: 16,
      };
    case "akcipher":
      return name === "rsa"
        ? {
          service: "akcipher",
          algorithm: "rsa",
          keyType: "public",
          key: RSA_ANSWERS[0]!.publicKey,
          padding: "raw",
          hash: "none",
        }
        : {
          service: "akcipher",
          algorithm: "ecdsa",
          keyType: "public",
          key: ECDSA_ANSWERS[2]!.publicKey,
          curve: "p256",
        };
  }
}

function checkThrows(
  examiner: Examiner,
  what: string,
  description: SessionDescription,
): void {
  let thrown: unknown;
  try {
    examiner.close(examiner.thread.openSession(structuredClone(description)));
  } catch (error) {
    if (error instanceof Hopeless) throw error;
    thrown = error;
  }
  examiner.assert(
    thrown instanceof Error,
    `openSession() of ${what}`,
    "an Error",
    thrown === undefined ? "a session" : String(thrown),
  );
}

function checkRefusals(examiner: Examiner, probe: Probe): void {
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    const offer = probe.offers.find((one) => one.algorithm === name);
    if (!offer) {
      checkThrows(
        examiner,
        `${name}, not offered`,
        anySession(examiner, algorithm),
      );
    } else if ("keyBytes" in algorithm && offer.keyBytes) {
      const others = listLengths(algorithm.keyBytes)
        .filter((n) => !offer.keyBytes!.includes(n));
      for (const n of others.slice(0, 4)) {
        const session = anySession(examiner, algorithm);
        const key = examiner.random.bytes(n);
        const what = `${name} with a key of ${n}, not offered`;
        checkThrows(examiner, what, { ...session, key } as SessionDescription);
      }
    }
  }
  checkThrows(examiner, "an unknown cipher", {
    service: "cipher",
    algorithm: "no-such-cipher",
    direction: "encrypt",
    key: new Uint8Array(16),
  });
}

/** Sessions whose use shows whether anything lives on that should not. */
function findProbeSession(
  examiner: Examiner,
  probe: Probe,
): { description: SessionDescription; request: Request } | undefined {
  for (const { algorithm, keyBytes } of probe.offers) {
    const [service, name] = algorithm.split(".") as [string, string];
    if (service !== "cipher" && service !== "hash" && service !== "mac") {
      continue;
    }
    const entry = algorithmByName(service, name);
    if (!entry) continue;
    const key = "keyBytes" in entry
      ? examiner.random.bytes(keyBytes?.[0] ?? entry.keyBytes.minimum)
      : undefined;
    const session = anySession(examiner, entry);
    const isCipher = service === "cipher";
    return {
      description: (key ? { ...session, key } : session) as SessionDescription,
      request: {
        kind: isCipher ? OperationKind.Encrypt : OperationKind.Digest,
        iv: examiner.random.bytes(
          entry.service === "cipher" ? entry.ivBytes : 0,
        ),
        source: examiner.random.bytes(64),
        destinationBytes: isCipher ? 64 : 0,
        digestBytes: isCipher ? 0 : 4,
      },
    };
  }
  return undefined;
}

function checkReopening(examiner: Examiner, probe: Probe): void {
  const found = findProbeSession(examiner, probe);
  if (!found) return;
  const { description, request } = found;
  for (let i = 0; i < 50; i++) {
    examiner.withSession(description, (session) => {
      const check = `session opened ${i + 1} times`;
      examiner.run({ check, description, session, request });
    });
  }
}

function checkThreads(
  examiner: Examiner,
  backend: Backend,
  options: BackendOptions,
  probe: Probe,
): void {
  const found = findProbeSession(examiner, probe);
  if (!found) return;
  const { description, request } = found;
  const check = "another opening of the backend closed meanwhile";
  examiner.withSession(description, (session) => {
    const other = new Examiner(
      openOperations(backend, options),
      examiner.random,
    );
    const otherSession = other.open(description);
    if (otherSession) {
      other.run({ check, description, session: otherSession, request });
    }
    // Closing with a session still open gives that back too.
    other.thread.close();
    examiner.checks += other.checks - other.failures.length;
    for (const failure of other.failures) {
      examiner.fail(failure.check, failure.expected, failure.actual);
    }
    examiner.run({ check, description, session, request });
  });
}

/** Refusals, sessions closed and opened again, several openings. */
export function checkContract(
  examiner: Examiner,
  backend: Backend,
  options: BackendOptions,
  probe: Probe,
): void {
  checkRefusals(examiner, probe);
  checkReopening(examiner, probe);
  checkThreads(examiner, backend, options, probe);
}
