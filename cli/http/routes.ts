/**
 * What is answered at which path.
 *
 * @module
 */

import type { DeviceStatus } from "../metrics/device_status.ts";
import { Access, type Need } from "./access.ts";
import { type Changeable, CHANGES, makeChange } from "./changes.ts";
import type { HttpAddress } from "./http_address.ts";
import {
  type HttpRequest,
  type HttpResponse,
  textResponse,
} from "./http_message.ts";
import type { HttpHandler } from "./http_server.ts";
import type { Token } from "./token.ts";

/** What the paths are about. */
export interface Served extends Changeable {
  /** As it is now; undefined until all sockets are served. */
  status(): DeviceStatus | undefined;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly need: Need;
  answer(
    request: HttpRequest,
    served: Served,
  ): HttpResponse | Promise<HttpResponse>;
}

const NOT_READY = textResponse(503, "not ready: the sockets are being opened");

const json = (value: unknown): HttpResponse => ({
  status: 200,
  type: "application/json",
  body: JSON.stringify(value),
});

const look = (
  answer: (status: DeviceStatus) => HttpResponse | Promise<HttpResponse>,
): Route => ({
  method: "GET",
  need: "look",
  answer(_request, served) {
    const status = served.status();
    return status ? answer(status) : NOT_READY;
  },
});

function readiness({ guests }: DeviceStatus): HttpResponse {
  const unready = guests.filter(({ isReady }) => !isReady);
  if (unready.length === 0) return textResponse(200, "ready");
  const names = unready.map(({ name }) => name).join(", ");
  return textResponse(503, `no backend works for ${names}`);
}

async function metrics(status: DeviceStatus): Promise<HttpResponse> {
  // Loaded by whoever asks, and by nobody else.
  const { CONTENT_TYPE, prometheusText } = await import(
    "../metrics/prometheus.ts"
  );
  const body = await prometheusText(status);
  return { status: 200, type: CONTENT_TYPE, body };
}

/** The page is the same for everybody, and has nothing of the device in it. */
const pageFile = (path: string): Route => ({
  method: "GET",
  need: "nothing",
  async answer() {
    const { PAGE_FILES } = await import("./page_files.ts");
    const { type, body } = PAGE_FILES[path]!;
    return { status: 200, type, body };
  },
});

const PAGE = ["/", "/page.js", "/page.css", "/uplot.js", "/uplot.css"];

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ...PAGE.map((path) => [path, pageFile(path)] as const),
  ["/metrics", look(metrics)],
  ["/status.json", look(json)],
  ["/readyz", look(readiness)],
  ["/healthz", {
    method: "GET",
    need: "look",
    answer: () => textResponse(200, "alive"),
  }],
  ["/log.json", {
    method: "GET",
    need: "token",
    answer: (_request, { tail }) => json(tail.events),
  }],
  ...[...CHANGES].map(([path, change]): [string, Route] => [path, {
    method: "POST",
    need: "token",
    answer: (request, served) => makeChange(change, request, served),
  }]),
]);

/** Answers requests at `address`; `token` is what changes need. */
export function createHandler(
  address: HttpAddress,
  token: Token | undefined,
  served: Served,
): HttpHandler {
  const access = new Access(address, token);
  return (request) => {
    const route = ROUTES.get(request.path);
    const refused = access.refuse(request, route?.need ?? "look");
    if (refused) return refused;
    if (!route) return textResponse(404, "there is no such path");
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method !== route.method) {
      return textResponse(405, `expected ${route.method}`, {
        "Allow": route.method,
      });
    }
    return route.answer(request, served);
  };
}
