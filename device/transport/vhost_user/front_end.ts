/**
 * One connected front-end: its messages, strictly one after another.
 *
 * @module
 */

import { messageOf } from "../../../backends/error_message.ts";
import type { Libc } from "../../../ffi/libc.ts";
import { closeForeign, hasEnded } from "../../../ffi/libc_foreign.ts";
import { monotonicClock } from "../../../ffi/monotonic_clock.ts";
import type { Device } from "../../device.ts";
import { fillBuckets } from "../../throttle.ts";
import { MOST_TRIES } from "../../redone_requests.ts";
import type { SessionLayout } from "../../wire/session_message.ts";
import { bringsDescriptor, Connection } from "./connection.ts";
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
import type { FrontEndRecord } from "./front_end_record.ts";
import type { GuestUsage } from "./guest_usage.ts";
import type { KeptGuest } from "./kept_guest.ts";
import { KeptAssociations } from "./kept_associations.ts";
import { KeptSessions } from "./kept_sessions.ts";
import { type Outcome, Refused, ReplyWithDescriptor } from "./outcome.ts";
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
  /** Where it is counted what the guest has. */
  readonly usage: GuestUsage;
  /** Where the guest outlives this process; absent: it does not. */
  readonly kept?: KeptGuest | undefined;
}

/**
 * How long a front-end is watched that may have got an answer with a descriptor
 * just before the process before ended, and how often.
 */
const IN_DOUBT_MS = 300;
const LOOK_AGAIN_MS = 10;

const UNUSABLE = "its state cannot be used";

/** Messages of one turn; a front-end that never stops does not stop others. */
const MESSAGES_PER_TURN = 32;

/** What of the config space and status a front-end is told when it changes. */
const configNow = (device: Device): number =>
  TOLD + (device.isReady ? READY : 0) + (device.needsReset ? NEEDS_RESET : 0);
const TOLD = 1;
const READY = 2;
const NEEDS_RESET = 4;
const needsResetIn = (told: number): boolean => (told & NEEDS_RESET) !== 0;

/** Serves a front-end from its connection to its end. */
export class FrontEnd {
  readonly guest: Guest;
  /** Settled when nothing of the front-end is left. */
  readonly gone: Promise<void>;
  readonly #options: FrontEndOptions;
  readonly #connection: Connection;
  readonly #protocol: Protocol;
  #dropped = false;
  /** Whether the next process goes on with the guest. */
  #left = false;
  #handling: Promise<void> | undefined;
  #isHandling = false;
  #keptSessions: KeptSessions | undefined;
  #keptAssociations: KeptAssociations | undefined;
  /** What answers the last message, unless it has been sent. */
  #reply: Uint8Array<ArrayBuffer> | undefined;
  #markGone = () => {};

  /**
   * Takes over the connected socket `fd`, and what the process before has left of
   * its guest.
   */
  constructor(fd: number, options: FrontEndOptions, left?: FrontEndRecord) {
    const { libc, device, sessionLayout, kept } = options;
    this.#options = options;
    this.gone = new Promise((resolve) => this.#markGone = resolve);
    this.#connection = new Connection(libc, fd, kept?.message);
    this.guest = new Guest({
      ...options,
      changed: () => {
        // The answer to a message under way tells of it.
        if (!this.#isHandling) this.#save();
      },
      failed: (reason) => void this.drop(reason, "warn"),
    });
    this.#protocol = new Protocol(
      libc,
      device,
      this.guest,
      left?.sessionLayout ?? sessionLayout,
      {
        log: options.log,
        isGone: () => hasEnded(libc, this.#connection.fd),
      },
    );
    device.onConfigChange = () => this.#configChanged();
    device.onBackendHealth = (backend, failure) =>
      logHealth(options.log, "the control queue", backend, failure);
    if (left && kept) {
      this.#handling = this.#resume(left, kept).catch((error) => {
        const reason = messageOf(error);
        void this.drop(`${UNUSABLE}: ${reason}`, "warn");
      });
    } else {
      if (kept) this.#keep(kept);
      this.#watch();
    }
  }

  #watch(): void {
    const { libc, reactor } = this.#options;
    const watched = reactor.watch(
      this.#connection.fd,
      () => this.#readable(),
    );
    if (watched < 0) void this.drop(libc.describe(watched));
  }

  /** Keeps a guest that begins. */
  #keep(kept: KeptGuest): void {
    kept.descriptors.keep(this.#connection.fd);
    this.#keptSessions = KeptSessions.begin(kept.sessions, this.#options);
    this.#noteTold();
    this.#keptAssociations = kept.ipsec &&
      KeptAssociations.begin(kept.ipsec, this.#options);
    this.#save();
  }

  /** Goes on as the process before has left it. */
  async #resume(left: FrontEndRecord, kept: KeptGuest): Promise<void> {
    const { log, device, libc } = this.#options;
    const told = kept.state.configTold;
    // Of what it has heard already the front-end is not told again.
    device.onConfigChange = undefined;
    if (needsResetIn(told)) device.ringBroken();
    if (device.throttle) fillBuckets(device.throttle, monotonicClock(libc)());
    const sessions = await KeptSessions.takeOver(
      kept.sessions,
      this.#options,
      () => this.#dropped,
    );
    if (typeof sessions !== "string") {
      if (this.#dropped) sessions.leave();
      else this.#keptSessions = sessions;
    }
    if (this.#dropped) return;
    const problem = typeof sessions === "string"
      ? sessions
      : this.#resumeAssociations(kept) ?? await this.guest.resume(left, kept);
    if (this.#dropped) return;
    if (problem !== undefined) {
      void this.drop(`${UNUSABLE}: ${problem}`, "warn");
      return;
    }
    const fd = kept.descriptors.claim(left.backendRequests);
    if (fd >= 0) this.#protocol.changeBackendRequests(fd);
    this.#connection.resume(
      left.messages,
      (number) => kept.descriptors.claim(number),
    );
    const sent = await this.#sendLeft(left, kept);
    if (this.#dropped) return;
    if (sent !== undefined) {
      void this.drop(sent);
      return;
    }
    this.#save();
    log("info", `goes on with ${device.sessions.size} sessions`);
    device.onConfigChange = () => this.#configChanged();
    if (told !== configNow(device)) this.#configChanged();
    await this.#readable();
    if (!this.#dropped) this.#watch();
  }

  /** A string says why associations of the process before cannot go on. */
  #resumeAssociations({ ipsec }: KeptGuest): string | undefined {
    const taken = ipsec && KeptAssociations.takeOver(ipsec, this.#options);
    if (typeof taken === "string") return taken;
    this.#keptAssociations = taken;
    return undefined;
  }

  /**
   * Sends the answer that the process before has not sent. Where that is in doubt
   * the front-end is given a while to go on, by which it tells that it has it.
   */
  async #sendLeft(
    { reply, messages }: FrontEndRecord,
    { answers }: KeptGuest,
  ): Promise<string | undefined> {
    if (!reply) return undefined;
    const connection = this.#connection;
    const withDescriptor = bringsDescriptor(reply);
    const left = answers.left(messages, withDescriptor);
    if (left === "sent") return undefined;
    if (left === "in doubt" && await this.#showsAnswer()) {
      answers.end(messages);
      return undefined;
    }
    if (left === "not sent" && !withDescriptor) {
      return answers.sendLeft(connection.fd, messages, reply);
    }
    const { offered } = this.guest.inflight;
    const fds = withDescriptor && offered >= 0 ? [offered] : [];
    return this.#sendPastPipe(messages, connection.formAgain(reply), fds);
  }

  /** Whether the front-end does what it would not without its answer. */
  async #showsAnswer(): Promise<boolean> {
    const until = performance.now() + IN_DOUBT_MS;
    while (!this.#connection.isAnswered && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    return this.#connection.isAnswered;
  }

  /** Makes what has been said up to now what the next process finds. */
  #save(): void {
    const { kept } = this.#options;
    if (!kept || this.#dropped) return;
    const { fd, count } = this.#connection;
    kept.save({
      ...this.guest.record,
      sessionLayout: this.#protocol.sessionLayout,
      connection: kept.descriptors.numberOf(fd),
      backendRequests: kept.descriptors.numberOf(
        this.#protocol.backendRequestsFd,
      ),
      messages: count,
      reply: this.#reply,
    });
  }

  /** Leaves the guest to the next process, where it is kept. */
  leave(reason: string): Promise<void> {
    // One that is being dropped does not come back.
    if (!this.#dropped) this.#left = this.#options.kept !== undefined;
    return this.drop(reason);
  }

  /** Ends the connection and everything that belongs to it. */
  drop(reason: string, level: LogLevel = "info"): Promise<void> {
    if (this.#dropped) return this.gone;
    this.#dropped = true;
    const { log, reactor, device } = this.#options;
    if (this.#left) log("info", "the guest is left to the next process");
    else log(level, `front-end gone: ${reason}`, { reason });
    reactor.unwatch(this.#connection.fd);
    device.onConfigChange = undefined;
    device.onBackendHealth = undefined;
    this.#keptSessions?.leave();
    this.#keptAssociations?.leave();
    this.#protocol.giveUp();
    void this.#end();
    return this.gone;
  }

  async #end(): Promise<void> {
    const { kept } = this.#options;
    await this.guest.close(this.#handling);
    this.#protocol.close();
    this.#connection.close();
    if (!this.#left) kept?.giveUp();
    // Rings that a thread has yet to end write to their journals until then.
    void this.guest.finished.then(() => kept?.close());
    this.#markGone();
  }

  #configChanged(): void {
    this.#noteUnsent(this.#protocol.announceConfigChange());
  }

  #noteUnsent(problem: string | undefined): void {
    if (problem !== undefined) {
      this.#options.log("warn", `config change not announced: ${problem}`);
    }
    this.#noteTold();
  }

  /** Notes what the front-end knows, for the next process. */
  #noteTold(): void {
    const { kept, device } = this.#options;
    if (kept && !this.#protocol.configWaits) {
      kept.state.configTold = configNow(device);
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
    this.#isHandling = true;
    try {
      const outcome = await this.#carryOut(message);
      problem = this.#answer(message, outcome);
    } catch (error) {
      problem = messageOf(error);
    }
    this.#isHandling = false;
    // Session messages hold keys. What is kept is wiped when it is not needed.
    if (!this.#options.kept) message.payload.fill(0);
    for (const fd of message.fds) closeForeign(this.#options.libc, fd);
    if (problem !== undefined) {
      void this.drop(`${requestName(message.request)}: ${problem}`);
    } else if (!this.#dropped) this.#noteUnsent(this.#protocol.sendWaiting());
  }

  /** A message that ends each process is not tried for ever. */
  async #carryOut(message: Message): Promise<Outcome> {
    const { kept, log } = this.#options;
    const tries = kept?.state.beginMessage(message.number) ?? 0;
    let outcome: Outcome;
    if (tries < MOST_TRIES) outcome = await this.#protocol.handle(message);
    else {
      const name = requestName(message.request);
      log(
        "warn",
        `${name}: a message with which ${tries} processes have ended is refused`,
      );
      outcome = this.#protocol.refuse(message);
    }
    kept?.state.endMessage();
    return outcome;
  }

  /** Sends what the message asks for; returns why the connection must end. */
  #answer(message: Message, outcome: Outcome): string | undefined {
    if (this.#dropped) return undefined;
    const payload = this.#replyTo(message, outcome);
    if (typeof payload === "string") return payload;
    const { kept } = this.#options;
    const reply = payload &&
      this.#connection.formReply(message.request, payload);
    this.#reply = kept && reply?.slice();
    this.#save();
    const fds = outcome instanceof ReplyWithDescriptor ? [outcome.fd] : [];
    if (kept && reply && fds.length === 0) {
      return kept.answers.send(this.#connection.fd, message.number, reply);
    }
    return this.#sendPastPipe(message.number, reply, fds);
  }

  /** Sends an answer, if there is one, that the next process may be in doubt of. */
  #sendPastPipe(
    message: number,
    reply: Uint8Array<ArrayBuffer> | undefined,
    fds: readonly number[],
  ): string | undefined {
    const answers = this.#options.kept?.answers;
    answers?.begin(message);
    const problem = reply && this.#connection.send(reply, fds);
    if (problem === undefined) answers?.end(message);
    return problem;
  }

  /** What answers a message, nothing, or why the connection must end. */
  #replyTo(
    { request, flags }: Message,
    outcome: Outcome,
  ): Uint8Array | string | undefined {
    if (outcome instanceof Uint8Array) return outcome;
    if (outcome instanceof ReplyWithDescriptor) return outcome.payload;
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
    return encodeUint64(outcome instanceof Refused ? 1 : 0);
  }
}
