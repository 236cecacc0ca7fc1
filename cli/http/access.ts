/**
 * Who may ask for what.
 *
 * - At a Unix socket, whoever may open it may look.
 * - At loopback, everybody on this machine may look. A page of somebody else in a
 *   browser here reaches loopback too, by a name of its own (rebinding) or across
 *   sites: the Host header and the Origin tell.
 * - At any other address whoever looks needs the token, but for the page itself,
 *   which has nothing of the device in it.
 * - Changes, and the log, need the token everywhere.
 *
 * @module
 */

import type { HttpAddress, TcpAddress } from "./http_address.ts";
import type { HttpRequest, HttpResponse } from "./http_message.ts";
import { textResponse } from "./http_message.ts";
import type { Token } from "./token.ts";

/** What a path needs. */
export type Need =
  /** Nothing: it is the same for everybody. */
  | "nothing"
  /** To look at the device. */
  | "look"
  /** The token, wherever it comes from. */
  | "token";

/** Decides by address and token. */
export class Access {
  readonly #address: HttpAddress;
  readonly #token: Token | undefined;

  constructor(address: HttpAddress, token: Token | undefined) {
    this.#address = address;
    this.#token = token;
  }

  /** The answer to a request that may not be; undefined where it may. */
  refuse(request: HttpRequest, need: Need): HttpResponse | undefined {
    return this.#refuseOrigin(request) ?? this.#refuseToken(request, need);
  }

  /** Refuses what pages of other sites have sent. */
  #refuseOrigin({ headers }: HttpRequest): HttpResponse | undefined {
    const address = this.#address;
    if (address.kind === "unix") return undefined;
    const host = headers.get("host");
    if (host === undefined) return textResponse(400, "expected a Host header");
    if (address.isLoopback && !loopbackHosts(address).includes(host)) {
      return textResponse(421, "the Host header names another server");
    }
    // What a browser says itself is right behind a proxy, too.
    const site = headers.get("sec-fetch-site");
    const origin = headers.get("origin") ?? `http://${host}`;
    const isOwn = site === undefined
      ? origin === `http://${host}`
      : site === "same-origin" || site === "none";
    return isOwn
      ? undefined
      : textResponse(403, "a page of another site may not ask this");
  }

  #refuseToken(
    { headers }: HttpRequest,
    need: Need,
  ): HttpResponse | undefined {
    const isOpen = this.#address.kind === "unix" || this.#address.isLoopback;
    if (need === "nothing" || (need === "look" && isOpen)) return undefined;
    if (!this.#token) {
      return textResponse(
        403,
        "this needs a token, and the program was started without one",
      );
    }
    const [, given] =
      /^Bearer ([!-~]+)$/i.exec(headers.get("authorization") ?? "") ?? [];
    if (given !== undefined && this.#token.is(given)) return undefined;
    const headersOfAnswer = { "WWW-Authenticate": "Bearer" };
    return textResponse(401, "this needs the token", headersOfAnswer);
  }
}

/** What a browser may call a server at loopback. */
function loopbackHosts({ hostname, port }: TcpAddress): readonly string[] {
  const names = ["localhost", "127.0.0.1", "[::1]"];
  const own = hostname.includes(":") ? `[${hostname}]` : hostname;
  return [...names, own].flatMap((name) =>
    port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]
  );
}
