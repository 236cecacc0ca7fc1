/**
 * One connected front-end: its messages, strictly one after another.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import type { Device } from "../../device.ts";
import type { SessionLayout } from "../../wire/session_message.ts";
import { Connection } from "./connection.ts";
import { Guest } from "./guest.ts";
import { type Log, logHealth, type LogLevel } from "./log.ts";
import type { MemoryGuard } from "./memory_guard.ts";
import {
  FLAG_NEED_REPLY,
  hasOwnReply,
  type Message,
  PROTOCOL_F_REPLY_ACK,
  requestName,
} from "./messages.ts";
import { type Outcome, Refused } from "./outcome.ts";
import { encodeUint64 } from "./payloads.ts";
import { Protocol } from "./protocol.ts";
import type { QueueThreads } from "./queue_threads.ts";
import type { Reactor } from "../../../ffi/reactor.ts";

/** What a front-end is served with. */
export interface FrontEndOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly log: Log;
  readonly threads: QueueThreads;
  readonly memoryGuard: MemoryGuard;
  readonly maximumMemoryBytes?: number | undefined;
  readonly sessionLayout: SessionLayout | undefined;
}

/** Messages of one turn; a front-end that never stops does not stop others. */
const MESSAGES_PER_TURN = 32;

/** Serves a front-end from its connection to its end. */
export class FrontEnd {
  readonly guest: Guest;
  /** Settled when nothing of the front-end is left. */
  readonly gone: Promise<void>;
  readonly #options: FrontEndOptions;
  readonly #connection: Connection;
  readonly #protocol: Protocol;
  #dropped = false;
  #handling: Promise<void> | undefined;
  #markGone = () => {};

  /** Takes over the connected socket `fd`. */
  constructor(fd: number, options: FrontEndOptions) {
    const { libc, reactor, device, sessionLayout } = options;
    this.#options = options;
    this.gone = new Promise((resolve) => this.#markGone = resolve);
    this.#connection = new Connection(libc, fd);
    this.guest = new Guest({
      ...options,
      failed: (reason) => void this.drop(reason, "warn"),
    });
    this.#protocol = new Protocol(libc, device, this.guest, sessionLayout);
    device.onConfigChange = () => this.#configChanged();
    device.onBackendHealth = (backend, failure) =>
      logHealth(options.log, "the control queue", backend, failure);
    const watched = reactor.watch(fd, () => this.#readable());
    if (watched < 0) void this.drop(libc.describe(watched));
  }

  /** Ends the connection and everything that belongs to it. */
  drop(reason: string, level: LogLevel = "info"): Promise<void> {
    if (this.#dropped) return this.gone;
    this.#dropped = true;
    const { log, reactor, device } = this.#options;
    log(level, `front-end gone: ${reason}`, { reason });
    reactor.unwatch(this.#connection.fd);
    device.onConfigChange = undefined;
    device.onBackendHealth = undefined;
    void this.#end();
    return this.gone;
  }

  async #end(): Promise<void> {
    await this.guest.close(this.#handling);
    this.#protocol.close();
    this.#connection.close();
    this.#markGone();
  }

  #configChanged(): void {
    this.#noteUnsent(this.#protocol.announceConfigChange());
  }

  #noteUnsent(problem: string | undefined): void {
    if (problem !== undefined) {
      this.#options.log("warn", `config change not announced: ${problem}`);
    }
  }

  async #readable(): Promise<void> {
    for (let i = 0; i < MESSAGES_PER_TURN && !this.#dropped; i++) {
      const message = this.#connection.receive();
      if (message === undefined) return;
      if ("ended" in message) {
        void this.drop(message.ended);
        return;
      }
      this.#handling = this.#handle(message);
      await this.#handling;
    }
  }

  /** Handles one message; never rejects. */
  async #handle(message: Message): Promise<void> {
    let problem: string | undefined;
    try {
      problem = this.#answer(message, await this.#protocol.handle(message));
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    // Session messages hold keys.
    message.payload.fill(0);
    for (const fd of message.fds) closeForeign(this.#options.libc, fd);
    if (problem !== undefined) {
      void this.drop(`${requestName(message.request)}: ${problem}`);
    } else if (!this.#dropped) this.#noteUnsent(this.#protocol.sendWaiting());
  }

  /** Sends what the message asks for; returns why the connection must end. */
  #answer(message: Message, outcome: Outcome): string | undefined {
    if (this.#dropped) return undefined;
    const { request, flags } = message;
    if (outcome instanceof Uint8Array) {
      return this.#connection.reply(request, outcome);
    }
    if (hasOwnReply(request)) return outcome?.reason ?? "no answer";
    const asked = (flags & FLAG_NEED_REPLY) !== 0 &&
      (this.guest.state.protocolFeatures & PROTOCOL_F_REPLY_ACK) !== 0n;
    if (outcome) {
      if (!asked && outcome.fatal) return outcome.reason;
      const name = requestName(request);
      const level = outcome.fatal ? "warn" : "debug";
      const { reason } = outcome;
      this.#options.log(level, `${name} refused: ${reason}`, { reason });
    }
    if (!asked) return undefined;
    const failed = outcome instanceof Refused ? 1 : 0;
    return this.#connection.reply(request, encodeUint64(failed));
  }
}
