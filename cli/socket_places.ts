/**
 * Where the sockets are: at paths, each as it was written or many by a pattern,
 * or descriptors that another program has opened.
 *
 * @module
 */

import { resolve } from "node:path";
import { FIRST_FD, type InheritedDescriptor } from "../keeper/inherited.ts";
import {
  descriptorNumber,
  usage,
  UsageError,
  type Values,
  wholeNumber,
} from "./option_values.ts";

/** Where a socket is. */
export type SocketPlace = PathPlace | DescriptorPlace;

/** A socket to be made. */
export interface PathPlace {
  /** What options and the log call it. */
  readonly name: string;
  readonly path: string;
  readonly fd?: undefined;
}

/** A socket that is open already. */
export interface DescriptorPlace {
  readonly name: string;
  readonly path?: undefined;
  readonly fd: number;
}

/** What `--fd` takes for all that systemd hands over. */
const SYSTEMD = "systemd";
/** What a path has where the number of a guest belongs. */
const NUMBER = "%i";
const MAXIMUM_GUESTS = 10_000;
/**
 * A path must fit `sun_path` of a Unix socket address with its final zero, and
 * with one more character while the socket does not listen yet.
 */
const SOCKET_PATH_MAXIMUM_BYTES = 106;

/**
 * Every socket that is to be served, in order; `handedOver` tells what systemd
 * has handed over to this process.
 *
 * @throws {UsageError} for what is no place, for one that comes twice, for none
 */
export function socketPlaces(
  values: Values,
  handedOver: () => readonly InheritedDescriptor[],
): readonly SocketPlace[] {
  const paths = socketPaths(values);
  const [fd] = values.get("fd") ?? [];
  if (fd === undefined) {
    if (paths.length > 0) return paths.map((path) => ({ name: path, path }));
    throw new UsageError(
      "Cannot serve without a socket: expected --socket-path PATH or --fd N",
    );
  }
  const places = fd === SYSTEMD
    ? named(askedOf(handedOver))
    : [{ name: `descriptor ${fd}`, fd: descriptor(fd) }];
  if (paths.length > 0) {
    throw usage("fd", fd, "either --fd or --socket-path, not both");
  }
  return places;
}

function descriptor(text: string): number {
  if (!/^\d/.test(text)) {
    throw usage("fd", text, `a whole number from ${FIRST_FD}, or ${SYSTEMD}`);
  }
  return descriptorNumber("fd", text);
}

/** What systemd says; an environment that contradicts itself is a mistake. */
function askedOf(
  handedOver: () => readonly InheritedDescriptor[],
): readonly InheritedDescriptor[] {
  const found = describedBy(handedOver);
  if (found.length > 0) return found;
  throw usage("fd", SYSTEMD, "sockets for this process (LISTEN_FDS)");
}

function describedBy(
  handedOver: () => readonly InheritedDescriptor[],
): readonly InheritedDescriptor[] {
  try {
    return handedOver();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`${error.message} (--fd ${SYSTEMD})`);
  }
}

/** Sockets of one unit have one name: then each gets a number besides. */
function named(
  descriptors: readonly InheritedDescriptor[],
): readonly DescriptorPlace[] {
  return descriptors.map(({ fd, name }, index) => {
    const isAlike = (other: InheritedDescriptor) => other.name === name;
    const before = descriptors.slice(0, index).filter(isAlike).length;
    const isAlone = descriptors.filter(isAlike).length === 1;
    return { fd, name: isAlone ? name : `${name}:${before}` };
  });
}

function socketPaths(values: Values): readonly string[] {
  const written = values.get("socket-path") ?? [];
  const guests = values.has("guests")
    ? wholeNumber(values, "guests", 0, 1, MAXIMUM_GUESTS)
    : undefined;
  if (guests !== undefined && !written.some((path) => path.includes(NUMBER))) {
    throw usage("guests", `${guests}`, `a --socket-path with ${NUMBER} in it`);
  }
  const paths = written.flatMap((path) => numbered(path, guests));
  for (const path of paths) {
    const lengthBytes = new TextEncoder().encode(path).length;
    if (lengthBytes > SOCKET_PATH_MAXIMUM_BYTES || path.includes("\0")) {
      throw usage(
        "socket-path",
        path,
        `at most ${SOCKET_PATH_MAXIMUM_BYTES} bytes`,
      );
    }
  }
  const seen = new Set<string>();
  const twice = paths.find((path) => {
    const place = resolve(path);
    return seen.has(place) || !seen.add(place);
  });
  if (twice !== undefined) {
    throw usage("socket-path", twice, "each path only once");
  }
  return paths;
}

/** A path, or one for each guest. */
function numbered(path: string, guests: number | undefined): string[] {
  if (!path.includes(NUMBER)) return [path];
  if (guests === undefined) {
    throw usage("socket-path", path, `--guests N besides ${NUMBER}`);
  }
  return Array.from(
    { length: guests },
    (_, index) => path.replaceAll(NUMBER, `${index}`),
  );
}
