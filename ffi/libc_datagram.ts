/**
 * Unix datagram sockets, by a path or an abstract name, whose receiver learns
 * which process sent what (unix(7)).
 *
 * @module
 */

import {
  AF_UNIX,
  ENAMETOOLONG,
  type Libc,
  nativeBuffer,
  SOL_SOCKET,
} from "./libc.ts";

const SYMBOLS = {
  getsockname: {
    parameters: ["i32", /* fd */ "buffer", /* addr */ "buffer" /* addrlen */],
    result: "i32",
  },
} as const;

const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SO_PASSCRED = 16;
const FAMILY_BYTES = 2;
const NAME_BYTES = 108;
/** How an abstract name is written: its first byte is 0 in truth. */
const ABSTRACT = "@";

let kept: ReturnType<typeof open> | undefined;
const open = () => Deno.dlopen("libc.so.6", SYMBOLS);
const symbols = () => (kept ??= open()).symbols;

/** The address of `name`; undefined when that is too long. */
function addressOfName(name: string): Uint8Array<ArrayBuffer> | undefined {
  const encoded = new TextEncoder().encode(name);
  if (encoded.length === 0 || encoded.length >= NAME_BYTES) return undefined;
  const isAbstract = name.startsWith(ABSTRACT);
  // All bytes of an abstract name count; a path ends at its terminator.
  const address = nativeBuffer(
    FAMILY_BYTES + encoded.length + (isAbstract ? 0 : 1),
  );
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(encoded, FAMILY_BYTES);
  if (isAbstract) address[FAMILY_BYTES] = 0;
  return address;
}

function datagramSocket(libc: Libc): number {
  return libc.check(libc.symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
}

/** A socket whose messages go to `name`: a path, or `@` and an abstract name. */
export function connectDatagram(libc: Libc, name: string): number {
  const address = addressOfName(name);
  if (!address) return -ENAMETOOLONG;
  const fd = datagramSocket(libc);
  if (fd < 0) return fd;
  const connected = libc.check(
    libc.symbols.connect(fd, address, address.length),
  );
  if (connected >= 0) return fd;
  libc.close(fd);
  return connected;
}

/** A socket that messages can be sent to. */
export interface BoundDatagram {
  readonly fd: number;
  /** What `connectDatagram` takes. */
  readonly name: string;
}

/**
 * A socket with a name that the kernel makes up, and that nobody has to remove.
 * Each message tells the process that sent it.
 */
export function bindDatagram(libc: Libc): BoundDatagram | number {
  const fd = datagramSocket(libc);
  if (fd < 0) return fd;
  const bound = bindUnnamed(libc, fd);
  if (typeof bound === "string") return { fd, name: bound };
  libc.close(fd);
  return bound;
}

function bindUnnamed(libc: Libc, fd: number): string | number {
  const family = nativeBuffer(FAMILY_BYTES);
  new DataView(family.buffer).setUint16(0, AF_UNIX, true);
  const bound = libc.check(libc.symbols.bind(fd, family, FAMILY_BYTES));
  if (bound < 0) return bound;
  const on = nativeBuffer(4);
  on[0] = 1;
  const told = libc.check(
    libc.symbols.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, on, 4),
  );
  if (told < 0) return told;
  const address = nativeBuffer(FAMILY_BYTES + NAME_BYTES);
  const length = nativeBuffer(4);
  const lengthView = new DataView(length.buffer);
  lengthView.setUint32(0, address.length, true);
  const named = libc.check(symbols().getsockname(fd, address, length));
  if (named < 0) return named;
  const name = address.subarray(
    FAMILY_BYTES + 1,
    lengthView.getUint32(0, true),
  );
  return ABSTRACT + new TextDecoder().decode(name);
}
