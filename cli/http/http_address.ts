/**
 * Where the program answers HTTP: at a Unix socket, or at a TCP address.
 *
 * @module
 */

/** Where to listen. */
export type HttpAddress = UnixAddress | TcpAddress;

export interface UnixAddress {
  readonly kind: "unix";
  readonly path: string;
}

export interface TcpAddress {
  readonly kind: "tcp";
  readonly hostname: string;
  readonly port: number;
  /** Whether only this machine gets there. */
  readonly isLoopback: boolean;
}

/** The form of an address, in words. */
export const ADDRESS_FORM =
  "the path of a Unix socket with a slash in it, or HOST:PORT with an address of this machine";

/** An address of Unix sockets holds so many bytes. */
const MAXIMUM_PATH_BYTES = 107;
const MAXIMUM_PORT = 65535;

const TCP =
  /^(?:\[([0-9A-Fa-f:]+)\]|(\d{1,3}(?:\.\d{1,3}){3}|localhost)):(\d{1,5})$/;

/** The address that `text` is; undefined for what is none. */
export function parseHttpAddress(text: string): HttpAddress | undefined {
  if (text.includes("/")) {
    const lengthBytes = new TextEncoder().encode(text).length;
    const isUsable = lengthBytes <= MAXIMUM_PATH_BYTES && !text.includes("\0");
    return isUsable ? { kind: "unix", path: text } : undefined;
  }
  const [, six, four, digits] = TCP.exec(text) ?? [];
  const hostname = six ?? four;
  const port = Number(digits);
  if (hostname === undefined || port < 1 || port > MAXIMUM_PORT) return;
  const isLoopback = hostname === "localhost" || hostname === "::1" ||
    hostname.startsWith("127.");
  return { kind: "tcp", hostname, port, isLoopback };
}

/** As it is written. */
export function addressInWords(address: HttpAddress): string {
  if (address.kind === "unix") return address.path;
  const { hostname, port } = address;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
