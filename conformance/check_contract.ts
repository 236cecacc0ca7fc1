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
import { Bench } from "./bench.ts";
import type { Request } from "./operations.ts";
import { ECDSA_ANSWERS } from "./vectors/ecdsa.ts";
import { RSA_ANSWERS } from "./vectors/rsa.ts";

/** What probe says must be about the catalogue and leave nothing out. */
export function checkProbe(bench: Bench, backend: Backend, probe: Probe): void {
  const names = new Map(ALGORITHMS.map((one) => [qualifiedName(one), one]));
  bench.assert(
    /^[a-z][a-z0-9-]*$/.test(backend.name),
    "name",
    "lower-case letters, figures and hyphens",
    `"${backend.name}"`,
  );
  bench.assert(probe.version !== "", "probe().version", "some text", "none");
  for (const { algorithm, keyBytes, rsaPrimes } of probe.offers) {
    const entry = names.get(algorithm);
    const check = `probe().offers ${algorithm}`;
    bench.assert(!!entry, check, "a qualified catalogue name", "none");
    bench.assert(
      rsaPrimes === undefined ||
        (algorithm === "akcipher.rsa" && rsaPrimes > RSA_USUAL_PRIMES),
      `${check} rsaPrimes`,
      `none, or more than ${RSA_USUAL_PRIMES} of akcipher.rsa`,
      String(rsaPrimes),
    );
    if (!entry || !("keyBytes" in entry) || !keyBytes) continue;
    const wrong = keyBytes.filter((n) => !allowsLength(entry.keyBytes, n));
    bench.assert(
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
    bench.assert(
      !(isOffered && hasReason),
      `probe() of ${name}`,
      "an offer or a reason why not",
      "both",
    );
  }
}

/** Some legal session of an algorithm. */
function anySession(bench: Bench, algorithm: Algorithm): SessionDescription {
  const { name } = algorithm;
  const key = "keyBytes" in algorithm
    ? bench.random.bytes(algorithm.keyBytes.minimum)
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
  bench: Bench,
  what: string,
  description: SessionDescription,
): void {
  let thrown: unknown;
  try {
    bench.close(bench.thread.openSession(structuredClone(description)));
  } catch (error) {
    thrown = error;
  }
  bench.assert(
    thrown instanceof Error,
    `openSession() of ${what}`,
    "an Error",
    thrown === undefined ? "a session" : String(thrown),
  );
}

function checkRefusals(bench: Bench, probe: Probe): void {
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    const offer = probe.offers.find((one) => one.algorithm === name);
    if (!offer) {
      checkThrows(bench, `${name}, not offered`, anySession(bench, algorithm));
    } else if ("keyBytes" in algorithm && offer.keyBytes) {
      const others = listLengths(algorithm.keyBytes)
        .filter((n) => !offer.keyBytes!.includes(n));
      for (const n of others.slice(0, 4)) {
        const session = anySession(bench, algorithm);
        const key = bench.random.bytes(n);
        const what = `${name} with a key of ${n}, not offered`;
        checkThrows(bench, what, { ...session, key } as SessionDescription);
      }
    }
  }
  checkThrows(bench, "an unknown cipher", {
    service: "cipher",
    algorithm: "no-such-cipher",
    direction: "encrypt",
    key: new Uint8Array(16),
  });
}

/** Sessions whose use shows whether anything lives on that should not. */
function findProbeSession(
  bench: Bench,
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
      ? bench.random.bytes(keyBytes?.[0] ?? entry.keyBytes.minimum)
      : undefined;
    const session = anySession(bench, entry);
    const isCipher = service === "cipher";
    return {
      description: (key ? { ...session, key } : session) as SessionDescription,
      request: {
        kind: isCipher ? OperationKind.Encrypt : OperationKind.Digest,
        iv: bench.random.bytes(entry.service === "cipher" ? entry.ivBytes : 0),
        source: bench.random.bytes(64),
        destinationBytes: isCipher ? 64 : 0,
        digestBytes: isCipher ? 0 : 4,
      },
    };
  }
  return undefined;
}

function checkReopening(bench: Bench, probe: Probe): void {
  const found = findProbeSession(bench, probe);
  if (!found) return;
  const { description, request } = found;
  for (let i = 0; i < 50; i++) {
    bench.withSession(description, (session) => {
      const check = `session opened ${i + 1} times`;
      bench.run({ check, description, session, request });
    });
  }
}

function checkThreads(
  bench: Bench,
  backend: Backend,
  options: BackendOptions,
  probe: Probe,
): void {
  const found = findProbeSession(bench, probe);
  if (!found) return;
  const { description, request } = found;
  const check = "another opening of the backend closed meanwhile";
  bench.withSession(description, (session) => {
    const other = new Bench(backend.open(options), bench.random);
    const otherSession = other.open(description);
    if (otherSession) {
      other.run({ check, description, session: otherSession, request });
    }
    // Closing with a session still open gives that back too.
    other.thread.close();
    bench.checks += other.checks;
    for (const failure of other.failures) {
      bench.fail(failure.check, failure.expected, failure.actual);
    }
    bench.run({ check, description, session, request });
  });
}

/** Refusals, sessions closed and opened again, several openings. */
export function checkContract(
  bench: Bench,
  backend: Backend,
  options: BackendOptions,
  probe: Probe,
): void {
  checkRefusals(bench, probe);
  checkReopening(bench, probe);
  checkThreads(bench, backend, options, probe);
}
