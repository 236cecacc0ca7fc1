/**
 * Whether a module keeps the contract. Plugins are not type-checked against this
 * project, so each rule is looked at where it first matters, and a breach names
 * file, member and rule.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../algorithms/catalogue.ts";
import {
  type AsynchronousThread,
  type Backend,
  type BackendThread,
  type BurstThread,
  CONTRACT_VERSION,
  type Operation,
  OperationStatus,
  type Probe,
} from "./backend.ts";

/** A backend cannot be used; the message names file, member and rule. */
export class BackendError extends Error {
  /** Tells it from other errors in a text. */
  override name = "BackendError";
}

/** The versions of the contract that are loaded. */
export const CONTRACT_VERSIONS: ReadonlySet<unknown> = new Set([
  1,
  CONTRACT_VERSION,
]);

/** How a backend may be called. */
const MANNERS: ReadonlySet<unknown> = new Set([
  "operations",
  "bursts",
  "blocking",
  "asynchronous",
]);

/** A backend at work did what the contract does not allow: it has failed. */
export class ContractBreach extends Error {
  override name = "ContractBreach";
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

const KNOWN = new Set(ALGORITHMS.map(qualifiedName));

type Fields = Readonly<Record<string, unknown>>;

function breach(specifier: string, member: string, rule: string): BackendError {
  return new BackendError(
    `Cannot use backend "${specifier}": ${member} ${rule}`,
  );
}

function fields(
  value: unknown,
  specifier: string,
  member: string,
): Fields {
  if (typeof value === "object" && value !== null) return value as Fields;
  throw breach(specifier, member, `is ${typeof value}, expected an object`);
}

function requireMethods(
  value: Fields,
  names: readonly string[],
  specifier: string,
  owner: string,
): void {
  for (const name of names) {
    if (typeof value[name] === "function") continue;
    throw breach(
      specifier,
      `${owner}.${name}`,
      `is ${typeof value[name]}, expected a function`,
    );
  }
}

/** The backend that a module exports by default. */
export function checkModule(module: unknown, specifier: string): Backend {
  const exported = fields(
    (module as { default?: unknown }).default,
    specifier,
    "its default export",
  );
  if (!CONTRACT_VERSIONS.has(exported["contract"])) {
    throw breach(
      specifier,
      "contract",
      `is ${String(exported["contract"])}, expected ${CONTRACT_VERSION}`,
    );
  }
  const name = exported["name"];
  if (typeof name !== "string" || !NAME.test(name)) {
    throw breach(
      specifier,
      "name",
      `is ${JSON.stringify(name)}, expected lower-case letters, digits, dashes`,
    );
  }
  checkManner(exported, specifier);
  if (exported["contract"] !== 1 && exported["runs"] === "asynchronous") {
    checkLimits(exported, specifier);
  }
  requireMethods(exported, ["probe", "open"], specifier, "backend");
  return asWritten(exported as unknown as Backend);
}

/**
 * A backend as its version of the contract has it: the first one knows no other
 * manner than operations, whatever else a module has in it.
 */
export function asWritten(backend: Backend): Backend {
  if (backend.contract !== 1 || backend.runs === undefined) return backend;
  const { contract, name } = backend;
  return {
    contract,
    name,
    runs: "operations",
    probe: (options) => backend.probe(options),
    open: (options) => backend.open(options) as BackendThread,
  };
}

/** What an asynchronous backend says that it can take. */
function checkLimits(exported: Fields, specifier: string): void {
  for (const name of ["inFlight", "deadlineMs"]) {
    const value = exported[name];
    if (value === undefined) continue;
    if (Number.isSafeInteger(value) && (value as number) >= 1) continue;
    throw breach(
      specifier,
      name,
      `is ${JSON.stringify(value)}, expected an integer of 1 or more`,
    );
  }
}

function checkManner({ contract, runs }: Fields, specifier: string): void {
  // Version 1 had no such member.
  if (contract === 1 || runs === undefined || MANNERS.has(runs)) return;
  throw breach(
    specifier,
    "runs",
    `is ${JSON.stringify(runs)}, expected one of ${[...MANNERS].join(", ")}`,
  );
}

/** What `probe` returned. */
export function checkProbe(probe: unknown, specifier: string): Probe {
  const found = fields(probe, specifier, "probe()");
  if (typeof found["ready"] !== "boolean") {
    throw breach(specifier, "probe().ready", "is no boolean");
  }
  if (typeof found["version"] !== "string") {
    throw breach(specifier, "probe().version", "is no string");
  }
  for (const name of ["offers", "missing"]) {
    if (!Array.isArray(found[name])) {
      throw breach(specifier, `probe().${name}`, "is no array");
    }
  }
  fields(found["notOffered"], specifier, "probe().notOffered");
  for (const offer of found["offers"] as readonly unknown[]) {
    const { algorithm, ...numbers } = fields(
      offer,
      specifier,
      "probe().offers",
    );
    if (!KNOWN.has(algorithm as string)) {
      throw breach(
        specifier,
        "probe().offers",
        `names ${JSON.stringify(algorithm)}, which the catalogue does not have`,
      );
    }
    for (const name of ["rsaPrimes", "fromBytes", "belowBytes"]) {
      const value = numbers[name];
      if (value === undefined || Number.isSafeInteger(value)) continue;
      throw breach(
        specifier,
        "probe().offers",
        `has ${name} ${JSON.stringify(value)}, expected an integer`,
      );
    }
  }
  return found as unknown as Probe;
}

/** What `open` of a backend that runs operations returned. */
export function checkThread(
  thread: unknown,
  specifier: string,
): BackendThread {
  const promise = promiseBreach("open()", thread);
  if (promise !== undefined) {
    throw breach(specifier, "open()", "returned a promise: expected an object");
  }
  return checkMethods(thread, specifier) as unknown as BackendThread;
}

/** What `open` of an asynchronous backend came to. */
export function checkAsynchronousThread(
  thread: unknown,
  specifier: string,
): AsynchronousThread {
  return checkMethods(thread, specifier) as unknown as AsynchronousThread;
}

/** What `open` of a backend that runs bursts returned. */
export function checkBurstThread(
  thread: unknown,
  specifier: string,
): BurstThread {
  const opened = checkMethods(thread, specifier);
  if (opened["poll"] !== undefined) {
    requireMethods(opened, ["abandon"], specifier, "open()");
  }
  return opened as unknown as BurstThread;
}

function checkMethods(thread: unknown, specifier: string): Fields {
  const opened = fields(thread, specifier, "open()");
  requireMethods(
    opened,
    ["openSession", "closeSession", "run", "close"],
    specifier,
    "open()",
  );
  const optional = ["poll", "health"].filter((name) =>
    opened[name] !== undefined
  );
  requireMethods(opened, optional, specifier, "open()");
  return opened;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/**
 * What is wrong with a method that returned a promise; `undefined` for any other
 * value. What becomes of the promise is heard by nobody, nor does it end the
 * process.
 */
export function promiseBreach(
  member: string,
  returned: unknown,
): string | undefined {
  if (!isPromise(returned)) return undefined;
  returned.then(undefined, () => {});
  return `${member} returned a promise: the contract is synchronous, ` +
    `unless it says runs: "asynchronous"`;
}

/** What is wrong with what `openSession` returned, or `undefined`. */
export function sessionBreach(session: unknown): string | undefined {
  const promise = promiseBreach("openSession()", session);
  if (promise !== undefined) return promise;
  return typeof session === "object" && session !== null
    ? undefined
    : `openSession() returned ${typeof session}, expected an object`;
}

const STATUSES: ReadonlySet<unknown> = new Set([
  OperationStatus.Ok,
  OperationStatus.Failed,
  OperationStatus.BadTag,
  OperationStatus.Unsupported,
  OperationStatus.KeyRejected,
  OperationStatus.Elsewhere,
  OperationStatus.Unavailable,
  OperationStatus.Pending,
]);

/** What is wrong with the state that `thread` left an operation in. */
export function operationBreach(
  { status, writtenBytes, destination }: Operation,
  thread: Pick<BackendThread, "poll">,
): string | undefined {
  return outcomeBreach(status, writtenBytes, destination.totalBytes, thread);
}

/** The same of a request whose destination is `roomBytes` long. */
export function outcomeBreach(
  status: OperationStatus,
  writtenBytes: number,
  roomBytes: number,
  thread: { poll?: unknown },
): string | undefined {
  if (!STATUSES.has(status)) {
    return `it set the status of an operation to ${String(status)}`;
  }
  if (status === OperationStatus.Pending && !thread.poll) {
    return "it left an operation pending and has no poll()";
  }
  if (
    status === OperationStatus.Ok &&
    ((writtenBytes >>> 0) !== writtenBytes || writtenBytes > roomBytes)
  ) {
    return `it says that it wrote ${String(writtenBytes)} of ` +
      `${roomBytes} bytes`;
  }
  return undefined;
}
