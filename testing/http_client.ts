/**
 * One HTTP request on a connection of its own, as it is written.
 *
 * @module
 */

/** What is asked. */
export interface Question {
  readonly target: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What was answered; status 0: the connection ended without an answer. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

type Place =
  | { readonly transport: "unix"; readonly path: string }
  | {
    readonly transport: "tcp";
    readonly hostname: string;
    readonly port: number;
  };

/** A connection to `place`. */
export const connectTo = (place: Place): Promise<Deno.Conn> =>
  place.transport === "unix"
    ? Deno.connect(place)
    : Deno.connect({ hostname: place.hostname, port: place.port });

/** Sends `text`, and reads to the end of the connection. */
export async function askRaw(place: Place, text: string): Promise<Answer> {
  using connection = await connectTo(place);
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
  const answer = await new Response(connection.readable).text();
  const end = answer.indexOf("\r\n\r\n");
  const [, status = "0"] = /^HTTP\/1\.1 (\d{3})/.exec(answer) ?? [];
  const head = answer.slice(0, Math.max(end, 0));
  return { status: Number(status), head, body: answer.slice(end + 4) };
}

/** Asks `question` at `place`, by the name `localhost` unless it says another. */
export function ask(
  place: Place,
  { target, method = "GET", headers = {}, body = "" }: Question,
): Promise<Answer> {
  const port = place.transport === "tcp" ? `:${place.port}` : "";
  const lengthBytes = new TextEncoder().encode(body).length;
  const fields = {
    "host": `localhost${port}`,
    ...(lengthBytes > 0 && { "content-length": `${lengthBytes}` }),
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  return askRaw(
    place,
    `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body}`,
  );
}
