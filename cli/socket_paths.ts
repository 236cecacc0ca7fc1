/**
 * The paths of the sockets: each as it was written, or many by a pattern.
 *
 * @module
 */

import { usage, type Values, wholeNumber } from "./option_values.ts";

/** What a path has where the number of a guest belongs. */
const NUMBER = "%i";
const MAXIMUM_GUESTS = 10_000;
/**
 * A path must fit `sun_path` of a Unix socket address with its final zero, and
 * with one more character while the socket does not listen yet.
 */
const SOCKET_PATH_MAXIMUM_BYTES = 106;

/**
 * The path of every socket that is to be made, in order.
 *
 * @throws {UsageError} for what is no path, and for a path that comes twice
 */
export function socketPaths(values: Values): readonly string[] {
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
  const twice = paths.find((path, index) => paths.indexOf(path) < index);
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
