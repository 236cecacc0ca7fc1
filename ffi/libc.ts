/**
 * The C library, for what the runtime itself has no call: descriptors that other
 * processes hand over, shared mappings, eventfds, waiting for descriptors.
 *
 * Every call answers as the kernel does: a value of 0 or more, or the negative
 * number of the error. Nothing throws for what the system refuses.
 *
 * @module
 */

import { Region } from "../memory/region.ts";
import { requireForeignFunctions } from "./foreign_functions.ts";
import { LIBC_SYMBOLS } from "./libc_symbols.ts";

export const EINTR = 4;
export const EAGAIN = 11;
export const EINVAL = 22;
export const EMFILE = 24;
export const ENAMETOOLONG = 36;
export const ENOTSOCK = 88;
export const EOPNOTSUPP = 95;
export const ECONNREFUSED = 111;

export const POLLIN = 0x001;
export const POLLOUT = 0x004;
/** Bytes of a struct pollfd: fd at 0, events and revents behind it. */
export const POLLFD_BYTES = 8;
export const POLLFD_EVENTS = 4;
export const POLLFD_RESULT = 6;

export const AF_UNIX = 1;
export const SOL_SOCKET = 1;

const F_GETFL = 3;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
export const PROT_READ_WRITE = 0x3;
const MAP_SHARED_NORESERVE = 0x1 | 0x4000;
const MADV_DONTDUMP = 16;
/** What mmap answers where it fails. */
export const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const STAT_BYTES = 144;
const STAT_DEVICE_OFFSET = 0;
const STAT_INODE_OFFSET = 8;
const STAT_SIZE_OFFSET = 48;
const STAT_BLOCK_SIZE_OFFSET = 56;

const ONE = 1n;

/** Bytes outside the garbage collector's heap, so that their address stays. */
export function nativeBuffer(lengthBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(lengthBytes));
}

/**
 * `text` as a C string whose bytes stay where they are while it is referenced,
 * so that a library may keep the pointer.
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(text);
  const bytes = nativeBuffer(encoded.length + 1);
  bytes.set(encoded);
  return bytes;
}

/** Native address of `bytes`, which the caller keeps alive. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/**
 * The `lengthBytes` bytes at `address` as a region of the calling thread. The
 * memory must stay mapped for as long as the region is in use.
 */
export function regionAt(address: number, lengthBytes: number): Region {
  const pointer = Deno.UnsafePointer.create(BigInt(address))!;
  const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, lengthBytes);
  return new Region(new Uint8Array(buffer), address);
}

/** Part of a file in this process's memory. */
export interface Mapping {
  /** Native address of the first byte asked for. */
  readonly address: number;
  readonly lengthBytes: number;
  /** What the kernel mapped, whole pages or huge pages. */
  readonly mappedAddress: number;
  readonly mappedBytes: number;
  /** The unit of that, for a part of it. */
  readonly pageBytes: number;
}

/** Size of a file and the unit in which it can be mapped. */
interface FileExtent {
  readonly sizeBytes: number;
  readonly blockBytes: number;
}

type Library = Deno.DynamicLibrary<typeof LIBC_SYMBOLS>;

/** The C library of this process, opened on the calling thread. */
export class Libc {
  /** The calls themselves, for the other files of this folder. */
  readonly symbols: Library["symbols"];
  readonly #errnoLocation: Deno.UnsafePointerView;
  readonly #stat = nativeBuffer(STAT_BYTES);
  readonly #statView = new DataView(this.#stat.buffer);
  readonly #counter = nativeBuffer(8);
  readonly #pageBytes: number;

  constructor(library: Library) {
    this.symbols = library.symbols;
    // errno belongs to the thread, and an isolate stays on its thread.
    this.#errnoLocation = new Deno.UnsafePointerView(
      this.symbols.__errno_location()!,
    );
    this.#pageBytes = this.symbols.getpagesize();
  }

  /** `result`, or the negative error number when it is -1. */
  check(result: number): number {
    return result === -1 ? -this.#errnoLocation.getInt32() : result;
  }

  /** The system's text for a negative result, for example `Permission denied`. */
  describe(result: number): string {
    const text = this.symbols.strerror(Math.abs(result));
    return text === null
      ? `error ${result}`
      : Deno.UnsafePointerView.getCString(text);
  }

  close(fd: number): number {
    return this.check(this.symbols.close(fd));
  }

  /** Another descriptor of the same open file, with a number from `least` on. */
  duplicate(fd: number, least = 0): number {
    return this.check(this.symbols.fcntl(fd, F_DUPFD_CLOEXEC, least));
  }

  /** Makes reads and writes of `fd` answer EAGAIN where they would wait. */
  setNonBlocking(fd: number): number {
    const flags = this.check(this.symbols.fcntl(fd, F_GETFL, 0));
    if (flags < 0) return flags;
    return this.check(this.symbols.fcntl(fd, F_SETFL, flags | O_NONBLOCK));
  }

  /** Removes a name from the file system. */
  unlink(path: string): number {
    return this.check(this.symbols.unlink(cString(path)));
  }

  /** Gives a file a second name, which nobody has yet. */
  link(path: string, added: string): number {
    return this.check(this.symbols.link(cString(path), cString(added)));
  }

  /** A file in memory with the given size, which nobody has sealed yet. */
  memfdCreate(name: string, sizeBytes: number): number {
    const fd = this.check(
      this.symbols.memfd_create(cString(name), MFD_CLOEXEC | MFD_ALLOW_SEALING),
    );
    if (fd < 0) return fd;
    const resized = this.truncate(fd, sizeBytes);
    if (resized >= 0) return fd;
    this.close(fd);
    return resized;
  }

  truncate(fd: number, sizeBytes: number): number {
    return this.check(this.symbols.ftruncate(fd, BigInt(sizeBytes)));
  }

  /** `DEVICE:INODE` of an open file, which no other one has; undefined: none. */
  fileIdentity(fd: number): string | undefined {
    if (this.check(this.symbols.fstat(fd, this.#stat)) < 0) return undefined;
    const view = this.#statView;
    const device = view.getBigUint64(STAT_DEVICE_OFFSET, true);
    return `${device}:${view.getBigUint64(STAT_INODE_OFFSET, true)}`;
  }

  /** Size and mapping unit of a file, or a negative error number. */
  #fileExtent(fd: number): FileExtent | number {
    const result = this.check(this.symbols.fstat(fd, this.#stat));
    if (result < 0) return result;
    // A file of hugetlbfs says its huge page size here.
    const block = this.#statView.getUint32(STAT_BLOCK_SIZE_OFFSET, true);
    return {
      sizeBytes: Number(this.#statView.getBigInt64(STAT_SIZE_OFFSET, true)),
      blockBytes: block !== 0 && block % this.#pageBytes === 0
        ? block
        : this.#pageBytes,
    };
  }

  /** Size of a file in bytes. */
  fileSize(fd: number): number {
    const extent = this.#fileExtent(fd);
    return typeof extent === "number" ? extent : extent.sizeBytes;
  }

  /**
   * Maps `lengthBytes` bytes of a file from `offset`, shared, to read and write, and
   * in no core dump.
   * The offset need not lie on a page; whether the file reaches that far is the
   * caller's to check.
   */
  map(fd: number, offset: number, lengthBytes: number): Mapping | number {
    const extent = this.#fileExtent(fd);
    if (typeof extent === "number") return extent;
    const lead = offset % extent.blockBytes;
    const blocks = Math.ceil((lead + lengthBytes) / extent.blockBytes);
    const mappedBytes = blocks * extent.blockBytes;
    const address = this.symbols.mmap(
      0n,
      BigInt(mappedBytes),
      PROT_READ_WRITE,
      MAP_SHARED_NORESERVE,
      fd,
      BigInt(offset - lead),
    );
    if (address === MAP_FAILED) return this.check(-1);
    // A guest's memory has its keys.
    this.symbols.madvise(address, BigInt(mappedBytes), MADV_DONTDUMP);
    const mappedAddress = Number(address);
    // What a file system prefers need not be what it maps in.
    const isUnit = Number.isInteger(Math.log2(extent.blockBytes)) &&
      mappedAddress % extent.blockBytes === 0;
    return {
      address: mappedAddress + lead,
      lengthBytes,
      mappedAddress,
      mappedBytes,
      pageBytes: isUnit ? extent.blockBytes : this.#pageBytes,
    };
  }

  /** Gives a mapping back; no thread may still hold a view of it. */
  unmap(mapping: Mapping): number {
    return this.check(
      this.symbols.munmap(
        BigInt(mapping.mappedAddress),
        BigInt(mapping.mappedBytes),
      ),
    );
  }

  /** A new eventfd that never blocks. */
  eventfd(): number {
    return this.check(this.symbols.eventfd(0, EFD_NONBLOCK_CLOEXEC));
  }

  /** Adds 1 to an eventfd. */
  signal(fd: number): number {
    return this.check(this.symbols.eventfd_write(fd, ONE));
  }

  /** Takes what an eventfd counted; -EAGAIN when that is nothing. */
  clear(fd: number): number {
    return this.check(this.symbols.eventfd_read(fd, this.#counter));
  }

  /** Waits for `count` struct pollfd in `fds`; blocks the thread. */
  poll(fds: Uint8Array<ArrayBuffer>, count: number, timeoutMs: number): number {
    return this.check(this.symbols.poll(fds, BigInt(count), timeoutMs));
  }
}

let opened: Libc | undefined;

/**
 * The C library on this thread; opened once and kept.
 *
 * @throws {Error} where this runtime has no foreign functions
 */
export function openLibc(): Libc {
  if (opened) return opened;
  requireForeignFunctions("libc.so.6");
  return opened = new Libc(Deno.dlopen("libc.so.6", LIBC_SYMBOLS));
}
