/**
 * HTTP/1.1 as far as this program has it: one request of bounded size on each
 * connection, read strictly, and one response. Whatever is odd is refused.
 *
 * @module
 */

/** What was asked for. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** By name in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What is answered. */
export interface HttpResponse {
  readonly status: number;
  /** `Content-Type` of the body. */
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Most bytes of a request up to its body. */
export const MAXIMUM_HEAD_BYTES = 8192;
/** Most bytes of a body. */
export const MAXIMUM_BODY_BYTES = 4096;

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

/** Nothing of a page comes from elsewhere, and nobody else shows it. */
const SECURITY = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "connect-src 'self'; img-src data:; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Cache-Control": "no-store",
} as const;

/** A short answer in words. */
export function textResponse(
  status: number,
  text: string,
  headers: HttpResponse["headers"] = {},
): HttpResponse {
  const type = "text/plain; charset=utf-8";
  return { status, type, body: `${text}\n`, headers };
}

/** A request that is refused before it is looked into. */
export class BadRequest extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** What a connection is read by: some bytes more, or null at its end. */
export interface ByteSource {
  read(into: Uint8Array): Promise<number | null>;
}

const END_OF_HEAD = new TextEncoder().encode("\r\n\r\n");
const REQUEST_LINE = /^([A-Z]{1,10}) (\/[!-~]*) HTTP\/1\.[01]$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*$/;

/**
 * Reads one request; undefined where the connection ends before it begins.
 *
 * @throws {BadRequest} for what is no request, or too long
 */
export async function readRequest(
  source: ByteSource,
): Promise<HttpRequest | undefined> {
  const bytes = new Uint8Array(MAXIMUM_HEAD_BYTES);
  let count = 0;
  let end = -1;
  while (end < 0) {
    if (count === bytes.length) throw new BadRequest(431, "too long");
    const read = await source.read(bytes.subarray(count));
    if (read === null && count === 0) return undefined;
    if (read === null) throw new BadRequest(400, "it ends early");
    const from = Math.max(0, count - END_OF_HEAD.length + 1);
    count += read;
    end = endOfHead(bytes.subarray(0, count), from);
  }
  const { method, path, headers } = parseHead(bytes.subarray(0, end));
  const rest = bytes.subarray(end + END_OF_HEAD.length, count);
  const body = await readBody(source, headers, rest);
  return { method, path, headers, body };
}

function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = from; at + END_OF_HEAD.length <= bytes.length; at++) {
    if (END_OF_HEAD.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function parseHead(
  bytes: Uint8Array,
): Pick<HttpRequest, "method" | "path" | "headers"> {
  const [first, ...lines] = new TextDecoder("latin1").decode(bytes)
    .split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(first!) ?? [];
  if (method === undefined) throw new BadRequest(400, "no request line");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined) throw new BadRequest(400, "no header line");
    const key = name.toLowerCase();
    // Two of what decides anything would be two opinions.
    if (headers.has(key)) throw new BadRequest(400, `${key} comes twice`);
    headers.set(key, value!);
  }
  return { method, path: target!.split("?", 1)[0]!, headers };
}

async function readBody(
  source: ByteSource,
  headers: ReadonlyMap<string, string>,
  rest: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  if (headers.has("transfer-encoding")) {
    throw new BadRequest(501, "expected Content-Length");
  }
  const text = headers.get("content-length") ?? "0";
  if (!/^\d{1,15}$/.test(text)) throw new BadRequest(400, "no length");
  const lengthBytes = Number(text);
  if (lengthBytes > MAXIMUM_BODY_BYTES) throw new BadRequest(413, "too long");
  const body = new Uint8Array(lengthBytes);
  body.set(rest.subarray(0, lengthBytes));
  let count = Math.min(rest.length, lengthBytes);
  while (count < lengthBytes) {
    const read = await source.read(body.subarray(count));
    if (read === null) throw new BadRequest(400, "it ends early");
    count += read;
  }
  return body;
}

/** The bytes of a response; `HEAD` gets no body. */
export function encodeResponse(
  { status, type, body, headers = {} }: HttpResponse,
  method: string | undefined,
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const content = encoder.encode(body);
  const fields = {
    "Content-Type": type,
    "Content-Length": `${content.length}`,
    "Connection": "close",
    ...SECURITY,
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  const head = encoder.encode(
    `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n${lines.join("")}\r\n`,
  );
  if (method === "HEAD") return head;
  const whole = new Uint8Array(head.length + content.length);
  whole.set(head);
  whole.set(content, head.length);
  return whole;
}
