/**
 * A vhost-user back-end: one socket, one front-end after another.
 *
 * @module
 */

import { EAGAIN, type Libc } from "../../../ffi/libc.ts";
import {
  acceptConnection,
  type Peer,
  peerOf,
} from "../../../ffi/libc_socket.ts";
import { openFilesLimit } from "../../../ffi/libc_limits.ts";
import type { Device } from "../../device.ts";
import type { SessionLayout } from "../../wire/session_message.ts";
import { FrontEnd, type FrontEndOptions } from "./front_end.ts";
import type { FrontEndRecord } from "./front_end_record.ts";
import type { DescriptorKeeper, KeptDescriptor } from "./kept_descriptors.ts";
import { KeptGuest, type KeptRoom } from "./kept_guest.ts";
import { GuestUsage } from "./guest_usage.ts";
import type { UndoPool } from "./kept_undo.ts";
import type { Log } from "./log.ts";
import type { QueueThreads } from "./queue_threads.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import type { MemoryGuard } from "./memory_guard.ts";
import { ServedSocket } from "./served_socket.ts";

/** How a device is served over vhost-user. */
export interface ServerOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly log: Log;
  /** The same for all servers of the reactor. */
  readonly memoryGuard: MemoryGuard;
  /** Most memory of a guest that is mapped; default: what it shares. */
  readonly maximumMemoryBytes?: number | undefined;
  /** What serves data rings, of this device and of others. */
  readonly threads: QueueThreads;
  /** Layout of session messages; default: told by the first of them. */
  readonly sessionLayout?: SessionLayout;
  /** Numbers of the users that may connect; default: all. */
  readonly allowedUsers?: ReadonlySet<number> | undefined;
  /** What keeps guests over the end of this process; absent: nothing. */
  readonly keeping?: Keeping | undefined;
}

/** How the guests of one socket are kept. */
export interface Keeping {
  readonly keeper: DescriptorKeeper;
  /** The socket's at the keeper. */
  readonly name: string;
  /** What the process before has left of its guest. */
  readonly left: readonly KeptDescriptor[];
  /** What the guests of all sockets have together. */
  readonly undo: UndoPool;
}

/** A socket as it is now, and what has been counted there. */
export interface ServerState {
  readonly isConnected: boolean;
  /** Memory of the guest that is mapped. */
  readonly memoryBytes: number;
  /** Front-ends that have come. */
  readonly connections: number;
  /** Front-ends that there was no room for. */
  readonly refused: number;
  /** Guests of a process before. */
  readonly takenOver: number;
}

/** What the log of a session takes at most, twice. */
const SESSION_BYTES = 2 * 512;

/** When a connection that could not be accepted is tried again. */
const RETRY_MS = 100;
/**
 * Descriptors that whoever comes must leave free. Those who are here may need
 * them: a message of theirs brings up to 32.
 */
const SPARE_DESCRIPTORS = 64;

/** Serves one device on one socket. */
export class VhostUserServer {
  /** Settled when there will be no further front-end. */
  readonly finished: Promise<void>;
  /** What its guests have had, from its start on. */
  readonly usage: GuestUsage = new GuestUsage();
  readonly #options: ServerOptions;
  readonly #socket: ServedSocket;
  #frontEnd: FrontEnd | undefined;
  /** Settled when nothing of the guest before is left. */
  #leftOver: Promise<void> | undefined;
  #closing = false;
  /** Who was refused last, and told of. */
  #refusedUser: number | undefined;
  readonly #counted = { connections: 0, refused: 0, takenOver: 0 };
  /** Somebody has come and cannot be served yet. */
  #waits = false;
  #markFinished = () => {};

  private constructor(options: ServerOptions, socket: ServedSocket) {
    this.#options = options;
    this.#socket = socket;
    options.threads.numberOf(options.device.threadSettings);
    this.finished = new Promise((resolve) => this.#markFinished = resolve);
  }

  /**
   * Listens at `path`; a socket file that nobody listens at any more is
   * replaced.
   *
   * @throws {Error} when the path is in use or refused by the system
   */
  static listen(path: string, options: ServerOptions): VhostUserServer {
    const socket = ServedSocket.atPath(options.libc, path);
    socket.open();
    return VhostUserServer.serve(socket, options);
  }

  /**
   * Serves a socket that another program opened: the connections of a listening
   * one, or a connected one until its end.
   *
   * @throws {Error} when `fd` is no such socket
   */
  static adopt(fd: number, options: ServerOptions): VhostUserServer {
    const socket = ServedSocket.ofDescriptor(options.libc, fd);
    return VhostUserServer.serve(socket, options);
  }

  /** Serves a socket that is open; the server closes it. */
  static serve(socket: ServedSocket, options: ServerOptions): VhostUserServer {
    const server = new VhostUserServer(options, socket);
    if (socket.listener < 0) {
      server.#serve(socket.connection);
      return server;
    }
    const place = socket.path ?? `descriptor ${socket.listener}`;
    options.log("info", `listening at ${place}`);
    if (!server.#takeOver()) server.#awaitFrontEnd();
    return server;
  }

  /** Counters of the present guest's data queues, by queue. */
  get counters(): ReadonlyMap<number, Float64Array> {
    return this.#frontEnd?.guest.counters ?? new Map();
  }

  /** What is known of its guest and of those before. */
  get state(): ServerState {
    const guest = this.#frontEnd?.guest;
    return {
      isConnected: guest !== undefined,
      memoryBytes: guest?.memory.totalBytes ?? 0,
      ...this.#counted,
    };
  }

  /** Goes on with the guest of the process before; false: there is none. */
  #takeOver(): boolean {
    const { libc, log, keeping } = this.#options;
    if (!keeping || keeping.left.length === 0) return false;
    const { keeper, name, left } = keeping;
    const room = this.#room(keeping);
    const taken = KeptGuest.takeOver(libc, keeper, name, left, room);
    if (typeof taken === "string") {
      log("warn", `the guest of the process before is given up: ${taken}`);
      return false;
    }
    const { kept, record } = taken;
    const fd = kept.descriptors.claim(record.connection);
    if (fd < 0) {
      log("warn", "the guest of the process before has lost its connection");
      kept.giveUp();
      kept.close();
      return false;
    }
    this.#counted.takenOver++;
    this.#begin(fd, kept, record);
    return true;
  }

  #room({ undo }: Keeping): KeptRoom {
    const { sessions, associations, dataQueueCount } = this.#options.device;
    return {
      sessionBytes: SESSION_BYTES * sessions.maximum,
      dataQueues: dataQueueCount,
      associations: associations && sessions.maximum,
      undo,
    };
  }

  /** What keeps a guest that begins; undefined where it is served unkept. */
  #keep(): KeptGuest | undefined {
    const { libc, log, keeping } = this.#options;
    if (!keeping) return undefined;
    const { keeper, name } = keeping;
    const kept = KeptGuest.create(libc, keeper, name, this.#room(keeping));
    if (typeof kept !== "string") {
      log("debug", `state is kept in ${kept.state.memoryKind} memory`);
      return kept;
    }
    log("warn", `this guest does not outlive the process: ${kept}`);
    return undefined;
  }

  /**
   * Stops listening and removes the socket file; drops the front-end, or leaves
   * it to the next process where guests are kept.
   */
  async close(): Promise<void> {
    if (this.#closing) return this.finished;
    this.#closing = true;
    const { libc, reactor } = this.#options;
    const { listener, path } = this.#socket;
    if (listener >= 0) {
      reactor.unwatch(listener);
      libc.close(listener);
    }
    if (path !== undefined) libc.unlink(path);
    await this.#frontEnd?.leave("the device is shut down");
    this.#markFinished();
  }

  #awaitFrontEnd(): void {
    const { libc, reactor, log } = this.#options;
    const watched = reactor.watch(this.#socket.listener, () => this.#accept());
    if (watched < 0) {
      log("error", `cannot wait for a front-end: ${libc.describe(watched)}`);
      void this.close();
    }
  }

  async #accept(): Promise<void> {
    const fd = acceptConnection(this.#options.libc, this.#socket.listener);
    if (fd < 0) return await this.#waitForRoom(fd);
    this.#waits = false;
    // The system hands out the lowest number that is free.
    const limit = openFilesLimit(this.#options.libc);
    if (fd >= limit - SPARE_DESCRIPTORS) {
      this.#options.libc.close(fd);
      this.#options.log(
        "warn",
        `front-end refused: ${fd} of ${limit} descriptors are in use`,
      );
      this.#counted.refused++;
      return;
    }
    const peer = peerOf(this.#options.libc, fd);
    if (!this.#mayConnect(peer)) {
      this.#options.libc.close(fd);
      return;
    }
    // The next front-end waits in the socket's queue.
    this.#options.reactor.unwatch(this.#socket.listener);
    this.#serve(fd, peer);
  }

  /** Whoever came is still waiting for a descriptor, or for memory. */
  async #waitForRoom(error: number): Promise<void> {
    const { libc, log } = this.#options;
    if (!this.#waits && error !== -EAGAIN) {
      this.#waits = true;
      log("warn", `a front-end has to wait: ${libc.describe(error)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }

  #mayConnect(peer: Peer | undefined): boolean {
    const { allowedUsers, log } = this.#options;
    if (!allowedUsers || (peer && allowedUsers.has(peer.userId))) return true;
    if (this.#refusedUser !== peer?.userId) {
      log("warn", `front-end refused: ${who(peer)} is not allowed`);
    }
    this.#refusedUser = peer?.userId;
    return false;
  }

  #serve(fd: number, peer = peerOf(this.#options.libc, fd)): void {
    this.#counted.connections++;
    this.#options.log("info", `front-end connected: ${who(peer)}`);
    this.#begin(fd, this.#keep());
  }

  #begin(fd: number, kept?: KeptGuest, left?: FrontEndRecord): void {
    const options: FrontEndOptions = {
      ...this.#options,
      usage: this.usage,
      sessionLayout: this.#options.sessionLayout,
      kept,
    };
    const frontEnd = new FrontEnd(fd, options, left);
    this.#frontEnd = frontEnd;
    void frontEnd.gone.then(() => this.#frontEndGone(frontEnd));
  }

  /**
   * Threads of one guest may be busy still when the next comes. Those of a second
   * one have to end first: whoever comes and goes does not pile them up.
   */
  async #frontEndGone({ guest }: FrontEnd): Promise<void> {
    this.#frontEnd = undefined;
    const before = this.#leftOver;
    this.#leftOver = guest.finished;
    await before;
    if (this.#closing) return;
    if (this.#socket.listener >= 0) this.#awaitFrontEnd();
    else void this.close();
  }
}

/** A peer, for the log. */
const who = (peer: Peer | undefined): string =>
  peer
    ? `process ${peer.processId} of user ${peer.userId}`
    : "somebody who is gone";
