/**
 * Where HTTP is answered, and by which token: options, and what is read at start.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import {
  ADDRESS_FORM,
  type HttpAddress,
  parseHttpAddress,
} from "./http/http_address.ts";
import { MINIMUM_TOKEN_CHARACTERS, Token } from "./http/token.ts";
import type { OptionName } from "./option_table.ts";
import { descriptorNumber, usage, type Values } from "./option_values.ts";

/** How HTTP is answered. */
export interface HttpSettings {
  readonly address: HttpAddress;
  /** Where the token is; absent: there is none. */
  readonly token: TokenPlace | undefined;
}

/** A file or an open descriptor. */
interface TokenPlace {
  readonly option: OptionName;
  /** As it was written. */
  readonly value: string;
  readonly path: string;
}

function tokenPlace(values: Values): TokenPlace | undefined {
  const [path] = values.get("http-token-file") ?? [];
  const [fd] = values.get("http-token-fd") ?? [];
  if (path !== undefined && fd !== undefined) {
    throw usage("http-token-fd", fd, "either that or --http-token-file");
  }
  if (path !== undefined) {
    return { option: "http-token-file", value: path, path };
  }
  if (fd === undefined) return undefined;
  const number = descriptorNumber("http-token-fd", fd);
  const value = fd;
  return { option: "http-token-fd", value, path: `/proc/self/fd/${number}` };
}

/** What the command line says; undefined where HTTP is not answered. */
export function httpSettings(values: Values): HttpSettings | undefined {
  const [text] = values.get("http") ?? [];
  const token = tokenPlace(values);
  if (text === undefined) {
    if (token) throw usage(token.option, token.value, "--http besides");
    return undefined;
  }
  const address = parseHttpAddress(text);
  if (!address) throw usage("http", text, ADDRESS_FORM);
  if (address.kind === "tcp" && !address.isLoopback && !token) {
    throw usage("http", text, "--http-token-file besides: it is no loopback");
  }
  return { address, token };
}

/** The processes of `--isolate` have no address in common. */
export function refuseWithIsolate(values: Values): void {
  const [text] = values.get("http") ?? [];
  if (text === undefined) return;
  throw usage("http", text, "one process for all sockets: no --isolate");
}

/** Refuses a token that more than one process needs and one can read. */
export function requireTokenFile(http: HttpSettings | undefined): void {
  const token = http?.token;
  if (token?.option !== "http-token-fd") return;
  throw usage(
    token.option,
    token.value,
    "--http-token-file with supervise, since a descriptor gives its token once",
  );
}

/**
 * Reads the token.
 *
 * @throws {UsageError} where it cannot be read, or is none
 */
export function readToken({ token }: HttpSettings): Token | undefined {
  if (!token) return undefined;
  const { option, value, path } = token;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const reason = messageOf(error);
    throw usage(option, value, `a token that can be read (${reason})`);
  }
  const read = Token.of(text);
  if (read) return read;
  throw usage(
    option,
    value,
    `a line of at least ${MINIMUM_TOKEN_CHARACTERS} characters, without spaces`,
  );
}
