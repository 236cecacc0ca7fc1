/**
 * Listens, and gives each connection one answer within bounds of number, size and
 * time: who is slow, or many, holds up nobody else and takes no descriptors that
 * guests need. The runtime's own server has no such bounds.
 *
 * @module
 */

import { forOwnerAlone } from "../../ffi/libc_accounts.ts";
import {
  addressInWords,
  type HttpAddress,
  type UnixAddress,
} from "./http_address.ts";
import {
  BadRequest,
  encodeResponse,
  type HttpRequest,
  type HttpResponse,
  readRequest,
  textResponse,
} from "./http_message.ts";

/** Connections at a time; one more is closed as it comes. */
export const MOST_CONNECTIONS = 32;
/** How long a connection may take, from its beginning to its end. */
export const CONNECTION_MS = 10_000;
/** What is read of a client that goes on after its request, and thrown away. */
const MOST_REST_BYTES = 65_536;

/** Answers a request; what it throws is no client's to see. */
export type HttpHandler = (
  request: HttpRequest,
) => HttpResponse | Promise<HttpResponse>;

/** A server that listens. */
export class HttpServer {
  readonly address: HttpAddress;
  readonly #listener: Deno.Listener;
  readonly #handler: HttpHandler;
  readonly #failed: (reason: unknown) => void;
  #hasFailed = false;
  readonly #connectionMs: number;
  readonly #connections = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;

  /**
   * `failed` hears, once, what a request could not be answered for.
   *
   * @throws {Error} where the address cannot be listened at
   */
  static async listen(
    address: HttpAddress,
    handler: HttpHandler,
    failed: (reason: unknown) => void = () => {},
    connectionMs = CONNECTION_MS,
  ): Promise<HttpServer> {
    const listener = address.kind === "unix"
      ? await listenUnix(address)
      : Deno.listen({ hostname: address.hostname, port: address.port });
    return new HttpServer(address, listener, handler, failed, connectionMs);
  }

  private constructor(
    address: HttpAddress,
    listener: Deno.Listener,
    handler: HttpHandler,
    failed: (reason: unknown) => void,
    connectionMs: number,
  ) {
    this.#failed = failed;
    this.address = address;
    this.#listener = listener;
    this.#handler = handler;
    this.#connectionMs = connectionMs;
    this.#accepting = this.#accept();
  }

  /** Stops listening, drops who is connected, and removes the socket file. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await this.#accepting;
    if (this.address.kind === "unix") {
      await Deno.remove(this.address.path).catch(() => {});
    }
  }

  async #accept(): Promise<void> {
    for (;;) {
      try {
        const connection = await this.#listener.accept();
        if (this.#connections.size >= MOST_CONNECTIONS) {
          closeQuietly(connection);
        } else void this.#serve(connection);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        if (error instanceof Deno.errors.Interrupted) return;
        // Descriptors may be short for a while.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    this.#connections.add(connection);
    const overdue = setTimeout(
      () => closeQuietly(connection),
      this.#connectionMs,
    );
    try {
      await this.#answer(connection);
      await connection.closeWrite();
      await readRest(connection);
    } catch {
      // The client has gone, or its time was up.
    } finally {
      clearTimeout(overdue);
      this.#connections.delete(connection);
      closeQuietly(connection);
    }
  }

  async #answer(connection: Deno.Conn): Promise<void> {
    let method: string | undefined;
    let response: HttpResponse;
    try {
      const request = await readRequest(connection);
      if (!request) return;
      ({ method } = request);
      response = await this.#handler(request);
    } catch (error) {
      response = error instanceof BadRequest
        ? textResponse(error.status, error.message)
        : this.#answerFailure(error);
    }
    let rest = encodeResponse(response, method);
    while (rest.length > 0) {
      rest = rest.subarray(await connection.write(rest));
    }
  }

  #answerFailure(error: unknown): HttpResponse {
    if (!this.#hasFailed) this.#failed(error);
    this.#hasFailed = true;
    return textResponse(500, "this cannot be answered");
  }
}

/** A connection that is closed over unread bytes would lose the answer. */
async function readRest(connection: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(4096);
  for (let count = 0; count < MOST_REST_BYTES;) {
    const read = await connection.read(bytes);
    if (read === null) return;
    count += read;
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

/** Replaces a socket file that nobody listens at; nobody but its owner gets in. */
async function listenUnix({ path }: UnixAddress): Promise<Deno.Listener> {
  try {
    if ((await Deno.lstat(path)).isSocket) await removeStale(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return forOwnerAlone(() => Deno.listen({ transport: "unix", path })).made;
}

async function removeStale(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return await Deno.remove(path);
  }
  const address = addressInWords({ kind: "unix", path });
  throw new Error(`another process listens at ${address}`);
}
